//! The store that keeps nothing but manners: holds and pauses are shared by all clients of one
//! identity in this process, tokens stay with the client that got them.

use super::{Hold, Lock, Pause, Record, Store, Unusable};
use crate::call::Call;
use crate::clock::{CloudTime, Moment};
use crate::error::{Result, Status};
use crate::holdoff::LONGEST_HOLD;
use crate::identity::Identity;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a client must know of its siblings' experience with the cloud.
#[derive(Default)]
pub(crate) struct Manners(Mutex<(Option<Hold>, Option<Pause>, Option<CloudTime>)>);

impl Manners {
    /// Whether there is nothing in them that a new client must heed. A hold counts for some time
    /// after its end: the next one is twice as long.
    pub fn are_over(&self, now: Moment) -> bool {
        let (hold, pause, _) = &*self.known();
        let hold = hold.as_ref().map(|h| h.until.after(LONGEST_HOLD));
        // A pause of our own choice spares a cloud that failed, unless the failure may have been a
        // rejection; a new client may try its luck.
        let kept = |p: &&Pause| p.asked || p.error.status() == Status::UnexpectedAnswer;
        let pause = pause.as_ref().filter(kept).map(|p| p.until);
        hold.max(pause).is_none_or(|until| until <= now)
    }

    fn known(&self) -> MutexGuard<'_, (Option<Hold>, Option<Pause>, Option<CloudTime>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) struct Memory(pub Arc<Identity>);

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
