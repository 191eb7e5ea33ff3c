//! The thread that renews for all clients of the process that asked for it (`background_renewal`):
//! one, however many they are.
//!
//! ```text
//! jobs     ordered by when each is to be looked at next
//! thread   takes the first that is due, looks (which may call its cloud), puts it back for later
//! wake     puts a job first, because something changed: a token, options, the clock
//! ```
//!
//! A cloud that does not answer holds the thread for as long as a call may take. So where the first
//! job has waited for ten seconds another thread is begun, at most eight in all, which ends when it has
//! nothing to do. The last job that goes takes the thread with it.

use crate::error::{Error, Result, Status};
use crate::http::transport::close_idle;
use crate::support::call::Canceller;
use crate::support::os::{self, Process, this_process};
use crate::support::process::PerProcess;
use crate::support::sync::{AtomicU64, locked};
use std::cell::Cell;
use std::collections::BinaryHeap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How many threads there are at most.
const MOST: usize = 8;

/// How long the first job waits before there is another thread.
const BEHIND: Duration = Duration::from_secs(10);

/// What is to be done, again and again.
pub(crate) trait Work: Send + Sync {
    /// Does what is due, and says how long nothing will be.
    fn look(&self, canceller: &Arc<Canceller>) -> Duration;
}

/// The work of one client.
pub(crate) struct Job {
    /// Nobody's that is gone.
    work: Weak<dyn Work>,
    /// Ends the call that a thread is in.
    canceller: Arc<Canceller>,
    /// The process whose threads do it: a forked child has none.
    process: Process,
    /// Counts how often it was put into the queue; what was put there before counts no more. This and
    /// what follows is changed under the queue's lock.
    turn: AtomicU64,
    /// Whether a thread is at it.
    is_under_way: AtomicBool,
}

/// A job in the queue.
struct Queued {
    at: Instant,
    turn: u64,
    job: Arc<Job>,
}

/// The earliest is the greatest: a heap gives that first.
impl Ord for Queued {
    fn cmp(&self, other: &Queued) -> std::cmp::Ordering {
        other.at.cmp(&self.at)
    }
}

impl PartialOrd for Queued {
    fn partial_cmp(&self, other: &Queued) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Queued {
    fn eq(&self, other: &Queued) -> bool {
        self.at == other.at
    }
}

impl Eq for Queued {}

/// All jobs of the process.
#[derive(Default)]
struct Renewer {
    /// Never locked while a job is done.
    queue: Mutex<Queue>,
    /// Something is to be done sooner, or a job or a thread has ended.
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    queued: BinaryHeap<Queued>,
    /// How many jobs there are, those under way included.
    jobs: usize,
    /// How many threads there are that have not decided to end.
    threads: usize,
    /// How many of them wait for a job's turn.
    idle: usize,
    /// To wait for those that have.
    handles: Vec<JoinHandle<()>>,
}

static RENEWER: PerProcess<Renewer> = PerProcess::new();

thread_local! {
    /// The job that this thread is at, by its address; 0 for none.
    static AT: Cell<usize> = const { Cell::new(0) };
}

impl Renewer {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        locked(&self.queue)
    }

    /// One more thread. The lock is held, so it does not run before it is counted.
    fn begin_thread(self: &Arc<Renewer>, queue: &mut Queue) -> std::io::Result<()> {
        let renewer = self.clone();
        let handle = os::spawn("keyfob-renew", move || renewer.run())?;
        queue.handles.retain(|handle| !handle.is_finished());
        queue.handles.push(handle);
        queue.threads += 1;
        Ok(())
    }

    /// What a thread does.
    fn run(self: &Arc<Renewer>) {
        let mut queue = self.lock();
        loop {
            let next = queue.queued.peek().map(|next| (next.at, next.is_over()));
            queue = match next {
                _ if queue.jobs == 0 => break,
                Some((_, true)) => {
                    queue.queued.pop();
                    queue
                }
                Some((at, _)) if at <= Instant::now() => {
                    let Some(due) = queue.queued.pop() else { continue };
                    if at + BEHIND < Instant::now() && queue.threads < MOST {
                        // Where there is none to be had, this one has to do.
                        self.begin_thread(&mut queue).ok();
                    }
                    self.do_one(due.job, queue)
                }
                // It has helped.
                _ if queue.idle > 0 => break,
                next => {
                    // All jobs may be under way.
                    let next = next.map_or(BEHIND, |(at, _)| at - Instant::now());
                    // It has the time to close what has been idle for long.
                    let until = close_idle().map_or(next, |idle| idle.min(next));
                    queue.idle += 1;
                    let waited = self.changed.wait_timeout(queue, until);
                    let mut queue = waited.unwrap_or_else(PoisonError::into_inner).0;
                    queue.idle -= 1;
                    queue
                }
            };
        }
        queue.threads -= 1;
        self.changed.notify_all();
    }

    /// Does a job without the lock, and puts it back for later.
    fn do_one<'a>(&'a self, job: Arc<Job>, queue: MutexGuard<'a, Queue>) -> MutexGuard<'a, Queue> {
        job.is_under_way.store(true, Ordering::Relaxed);
        let turn = job.turn.load(Ordering::Relaxed);
        drop(queue);
        AT.set(Arc::as_ptr(&job).addr());
        let look = || job.work.upgrade().map(|work| work.look(&job.canceller));
        // What it does must not end the thread of all others.
        let looked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(look));
        AT.set(0);
        let mut queue = self.lock();
        job.is_under_way.store(false, Ordering::Relaxed);
        let wait = looked.unwrap_or(Some(BEHIND)).filter(|_| !job.is_gone());
        if let Some(wait) = wait {
            // Woken meanwhile, it may have missed why.
            let woken = job.turn.load(Ordering::Relaxed) != turn;
            queue.put(&job, if woken { Duration::ZERO } else { wait });
        }
        self.changed.notify_all();
        queue
    }
}

impl Queue {
    /// The job's next turn is this far away, whatever was said before.
    fn put(&mut self, job: &Arc<Job>, wait: Duration) {
        let turn = job.turn.load(Ordering::Relaxed) + 1;
        job.turn.store(turn, Ordering::Relaxed);
        // What counts no more is thrown out before it is more than what does.
        if self.queued.len() > 64 + 2 * self.jobs {
            self.queued.retain(|queued| !queued.is_over());
        }
        self.queued.push(Queued { at: Instant::now() + wait, turn, job: job.clone() });
    }
}

impl Queued {
    /// Whether something else was said since, or the job is at work or gone.
    fn is_over(&self) -> bool {
        let job = &self.job;
        job.turn.load(Ordering::Relaxed) != self.turn || job.is_under_way.load(Ordering::Relaxed)
    }
}

/// The turn of a job that has none any more.
const GONE: u64 = u64::MAX;

impl Job {
    /// Begins to do this work. `INVALID_OPTION` where the system gives no thread.
    pub fn begin(work: Weak<dyn Work>) -> Result<Arc<Job>> {
        let job = Arc::new(Job {
            work,
            canceller: Arc::default(),
            process: this_process(),
            turn: AtomicU64::new(0),
            is_under_way: AtomicBool::new(false),
        });
        let renewer = RENEWER.get(Renewer::default);
        let mut queue = renewer.lock();
        if queue.threads == 0 {
            renewer.begin_thread(&mut queue).map_err(|e| {
                Error::new(Status::InvalidOption, format!("background_renewal: no thread: {e}"))
            })?;
        }
        queue.jobs += 1;
        queue.put(&job, Duration::ZERO);
        drop(queue);
        renewer.changed.notify_all();
        Ok(job)
    }

    /// Whether it is a job of this process. A forked child has none.
    pub fn is_here(&self) -> bool {
        self.process == this_process()
    }

    fn is_gone(&self) -> bool {
        self.turn.load(Ordering::Relaxed) == GONE
    }

    /// It is looked at again, now: something has changed. What it changes itself is no news to it.
    pub fn wake(self: &Arc<Job>) {
        if !self.is_here() || AT.get() == Arc::as_ptr(self).addr() {
            return;
        }
        let renewer = RENEWER.get(Renewer::default);
        let mut queue = renewer.lock();
        if !self.is_gone() {
            queue.put(self, Duration::ZERO);
            drop(queue);
            renewer.changed.notify_all();
        }
    }

    /// Ends it. A call that it is in is cancelled, and waited for. With the last job of the process
    /// the thread ends, and is waited for as well.
    pub fn end(self: &Arc<Job>) {
        // A forked child has no such thread to wait for.
        if !self.is_here() {
            return;
        }
        let renewer = RENEWER.get(Renewer::default);
        let mut queue = renewer.lock();
        if self.is_gone() {
            return;
        }
        self.turn.store(GONE, Ordering::Relaxed);
        queue.jobs -= 1;
        self.canceller.cancel();
        if queue.jobs == 0 {
            queue.queued = BinaryHeap::new();
        }
        renewer.changed.notify_all();
        // A thread does not wait for itself.
        let is_mine = AT.get() == Arc::as_ptr(self).addr();
        let is_at_work = |queue: &Queue| {
            let last = queue.jobs == 0 && queue.threads > 0;
            !is_mine && (last || self.is_under_way.load(Ordering::Relaxed))
        };
        while is_at_work(&queue) {
            queue = renewer.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        let has_ended = queue.jobs == 0 && queue.threads == 0;
        let ended = if has_ended { std::mem::take(&mut queue.handles) } else { Vec::new() };
        drop(queue);
        for thread in ended {
            thread.join().ok();
        }
    }
}
