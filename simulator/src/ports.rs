//! The ports that origins listen on. A test needs a few of a hundred origins, so each opens when its
//! URL is first asked for.

use std::fmt;
use std::io;
use std::sync::Mutex;

use crate::clouds::cloud::{Cloud, Role};
use crate::lock::lock;

/// The two ports of an origin.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pair {
    pub(crate) tls: u16,
    pub(crate) plain: u16,
}

/// Opens an origin's ports, given its index.
pub(crate) type Open = Box<dyn Fn(usize) -> io::Result<Pair> + Send + Sync>;

pub(crate) struct Ports {
    pub(crate) control: u16,
    origins: Vec<(Cloud, Role)>,
    opened: Mutex<Vec<Option<Pair>>>,
    open: Open,
}

impl fmt::Debug for Ports {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Ports").field("opened", &self.opened).finish_non_exhaustive()
    }
}

impl Ports {
    pub(crate) fn new(control: u16, origins: Vec<(Cloud, Role)>, open: Open) -> Ports {
        Ports { control, opened: Mutex::new(vec![None; origins.len()]), origins, open }
    }

    /// An origin's ports, which are open on return.
    ///
    /// # Errors
    /// When no port can be had.
    pub(crate) fn of(&self, origin: usize) -> io::Result<Pair> {
        let mut opened = lock(&self.opened);
        match opened[origin] {
            Some(pair) => Ok(pair),
            None => {
                let pair = (self.open)(origin)?;
                opened[origin] = Some(pair);
                Ok(pair)
            }
        }
    }

    /// `https://localhost:PORT` of a cloud's part, or its plain twin. Elsewhere is the same for
    /// every cloud.
    pub(crate) fn url(&self, cloud: Cloud, role: Role, tls: bool) -> String {
        let wanted =
            |(of, part): &(Cloud, Role)| *part == role && (*of == cloud || role == Role::Elsewhere);
        let origin = self.origins.iter().position(wanted).unwrap_or(0);
        let pair = self.of(origin).expect("loopback ports can be had");
        if tls {
            format!("https://localhost:{}", pair.tls)
        } else {
            format!("http://localhost:{}", pair.plain)
        }
    }
}
