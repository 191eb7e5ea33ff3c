//! The store that keeps nothing but manners: holds and pauses are shared by all clients of one
//! identity in this process, tokens stay with the client that got them.

use super::{Hold, Lock, Pause, Record, Store, Unusable};
use crate::call::Call;
use crate::clock::CloudTime;
use crate::error::Result;
use crate::process::PerProcess;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

#[derive(Default)]
struct Manners(Mutex<(Option<Hold>, Option<Pause>, Option<CloudTime>)>);

type Registry = Mutex<Vec<(String, Weak<Manners>)>>;
static REGISTRY: PerProcess<Registry> = PerProcess::new();

pub(crate) struct Memory {
    identity: String,
    manners: PerProcess<Arc<Manners>>,
}

impl Memory {
    pub fn new(identity: &str) -> Memory {
        let store = Memory { identity: identity.into(), manners: PerProcess::new() };
        // From now on, so that they live as long as any client of this identity does.
        store.manners();
        store
    }

    fn manners(&self) -> Arc<Manners> {
        let found = self.manners.get(|| {
            let registry = REGISTRY.get(Mutex::default);
            let mut known = lock(&registry);
            known.retain(|(_, manners)| manners.strong_count() > 0);
            let same = known.iter().find(|(identity, _)| *identity == self.identity);
            if let Some(manners) = same.and_then(|(_, manners)| manners.upgrade()) {
                return manners;
            }
            let fresh = Arc::new(Manners::default());
            known.push((self.identity.clone(), Arc::downgrade(&fresh)));
            fresh
        });
        Arc::clone(&found)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

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
        let (hold, pause, cloud) = lock(&self.manners().0).clone();
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
        *lock(&self.manners().0) = (record.hold.clone(), pause, record.cloud);
        Ok(())
    }

    fn describe(&self) -> String {
        "memory".into()
    }
}
