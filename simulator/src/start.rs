//! Switching everything on: ports, certificates, and what ends with the simulator.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Weak};

use crate::clouds::ORIGINS;
use crate::control;
use crate::listen::{self, Door};
use crate::lock::lock;
use crate::ports::{Pair, Ports};
use crate::serve::serve;
use crate::simulator::Simulator;
use crate::tls::Faces;
use crate::tokens::random;
use crate::world::{Paths, World};

impl Simulator {
    /// Everything on, each origin at a free port, which opens when its URL is first asked for.
    ///
    /// # Panics
    /// When no port can be had on loopback, or no file in the temporary directory.
    pub fn start() -> Simulator {
        Simulator::start_at(None).expect("loopback ports and a temporary directory can be had")
    }

    /// As [`Simulator::start`]; with a first port, the control port is that one, and the origins
    /// follow in the order of [`Cloud::ALL`](crate::Cloud::ALL), each on two ports: TLS, then plain.
    /// All of them are open on return.
    ///
    /// # Errors
    /// When a port is taken, or no file can be written in the temporary directory.
    pub fn start_at(first_port: Option<u16>) -> io::Result<Simulator> {
        let (control, control_port) = listen::open(first_port.unwrap_or(0))?;
        let faces = Faces::new();
        let files = Files::write(&faces)?;
        let world = Arc::new_cyclic(|world: &Weak<World>| {
            let world = world.clone();
            let open = move |origin| open(&world, origin, first_port);
            let ports = Ports::new(control_port, ORIGINS.clone(), Box::new(open));
            World::new(ports, faces, files.paths.clone())
        });
        let remote = Simulator::of(world.clone(), None);
        let control =
            Door::new(control, control_port, move |stream| control::serve(&remote, stream));
        let power = Power { world: world.clone(), control: Some(control), _files: files };
        let sim = Simulator::of(world.clone(), Some(Box::new(power)));
        if first_port.is_some() {
            (0..ORIGINS.len()).try_for_each(|origin| world.ports.of(origin).map(drop))?;
        }
        Ok(sim)
    }
}

/// Opens an origin's two ports, and serves them.
fn open(world: &Weak<World>, origin: usize, first_port: Option<u16>) -> io::Result<Pair> {
    let world = world.upgrade().ok_or(io::ErrorKind::ConnectionAborted)?;
    let [tls, plain] = [true, false].map(|tls| {
        let place =
            u16::try_from(2 * origin).unwrap_or(u16::MAX).saturating_add(2 - u16::from(tls));
        let wanted = first_port.map_or(0, |first| first.saturating_add(place));
        let (listener, port) = listen::open(wanted)?;
        let there = world.clone();
        let door = Door::new(listener, port, move |stream| serve(&there, origin, tls, stream));
        lock(&world.doors).push((origin, door));
        io::Result::Ok(port)
    });
    Ok(Pair { tls: tls?, plain: plain? })
}

/// What a simulator runs on; dropping it stops everything.
struct Power {
    world: Arc<World>,
    control: Option<Door>,
    _files: Files,
}

impl Drop for Power {
    fn drop(&mut self) {
        self.control = None;
        lock(&self.world.doors).clear();
        self.world.finish();
    }
}

/// The certificates in a directory of their own, which goes with this.
#[derive(Debug)]
struct Files {
    directory: PathBuf,
    paths: Paths,
}

impl Files {
    fn write(faces: &Faces) -> io::Result<Files> {
        let unique: String = random(8).iter().map(|byte| format!("{byte:02x}")).collect();
        let directory = std::env::temp_dir().join(format!("keyfob-simulator-{unique}"));
        fs::create_dir(&directory)?;
        let paths = Paths {
            ca: directory.join("ca.pem"),
            client_cert: directory.join("client.pem"),
            client_key: directory.join("client-key.pem"),
        };
        let files = Files { directory, paths };
        fs::write(&files.paths.ca, &faces.ca_pem)?;
        fs::write(&files.paths.client_cert, &faces.client_cert_pem)?;
        fs::write(&files.paths.client_key, &faces.client_key_pem)?;
        Ok(files)
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}
