//! The store that keeps nothing but manners: holds and pauses are shared by all clients of one
//! identity in this process, tokens stay with the client that got them.

use super::siblings::Siblings;
use super::{Lock, Store, Unusable};
use crate::error::Result;
use crate::model::record::Record;
use crate::support::call::Call;
use std::sync::Arc;

pub(crate) struct Memory(pub Arc<Siblings>);

struct NoLock;

impl Lock for NoLock {}

impl Store for Memory {
    fn lock(&self, _: &Call) -> Result<Box<dyn Lock + '_>> {
        Ok(Box::new(NoLock))
    }

    fn try_lock(&self) -> Result<Option<Box<dyn Lock + '_>>> {
        Ok(Some(Box::new(NoLock)))
    }

    fn load(&self) -> std::result::Result<Record, Unusable> {
        let (hold, pause, cloud) = self.0.common().manners.known().clone();
        Ok(Record { hold, pause, cloud, ..Record::default() })
    }

    fn has_news(&self, _: &Record) -> bool {
        false
    }

    fn check_writable(&self, _: &Record) -> Result<()> {
        Ok(())
    }

    fn save(&self, record: &mut Record) -> Result<()> {
        let pause = record.pause.clone().filter(|pause| pause.strict);
        *self.0.common().manners.known() = (record.hold.clone(), pause, record.cloud);
        Ok(())
    }

    fn describe(&self) -> String {
        "memory".into()
    }
}
