//! Rings the timers of all runs. The rows in the store are the truth; this task sleeps until the next one, and a hint wakes it
//! when an earlier one was set. A timer costs no memory until it rings.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use abide_history::RunTimer;
use tokio::sync::Notify;

use crate::inner::{Inner, RunKey};
use crate::registry::Message;

/// How many timers are read at a time.
const PAGE_TIMERS: usize = 512;
/// Timers that rang and whose runs have not recorded it. More wait in the store.
const MAX_RINGING: usize = 4096;
/// The store is looked at this often, whatever the hints say.
const LOOK_AT_LEAST: Duration = Duration::from_secs(10);

/// Wakes the timer task when a timer is set that rings before the one it sleeps for.
pub(crate) struct TimerHint {
    sleeping_until: AtomicU64,
    wake: Notify,
}

impl Default for TimerHint {
    fn default() -> Self {
        Self { sleeping_until: AtomicU64::new(u64::MAX), wake: Notify::new() }
    }
}

impl TimerHint {
    /// A timer was set, and is durable.
    pub(crate) fn set(&self, due_ms: u64) {
        if due_ms < self.sleeping_until.load(Ordering::SeqCst) {
            self.wake.notify_one();
        }
    }
}

type Ringing = Arc<Mutex<HashSet<(RunKey, RunTimer)>>>;

/// A timer that rings, until its run has recorded it.
pub(crate) struct RingingTimer {
    pub(crate) timer: RunTimer,
    key: RunKey,
    ringing: Ringing,
    done: Arc<Notify>,
}

impl Drop for RingingTimer {
    fn drop(&mut self) {
        let mut ringing = self.ringing.lock().unwrap_or_else(PoisonError::into_inner);
        ringing.remove(&(self.key.clone(), self.timer));
        self.done.notify_one();
    }
}

/// Rings timers until the host stops.
pub(crate) async fn ring(inner: Arc<Inner>) {
    let ringing = Ringing::default();
    let done = Arc::new(Notify::new());
    loop {
        let wait = match ring_due(&inner, &ringing, &done).await {
            Ok(wait) => wait,
            Err(error) => {
                inner.fail(&error);
                tracing::error!(%error, "the timers cannot be read");
                LOOK_AT_LEAST
            }
        };
        tokio::select! {
            () = inner.stopping.cancelled() => return,
            () = inner.timer_hint.wake.notified() => {}
            () = done.notified(), if is_full(&ringing) => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

fn is_full(ringing: &Ringing) -> bool {
    ringing.lock().unwrap_or_else(PoisonError::into_inner).len() >= MAX_RINGING
}

/// Rings what is due, and says how long to sleep.
async fn ring_due(
    inner: &Arc<Inner>,
    ringing: &Ringing,
    done: &Arc<Notify>,
) -> Result<Duration, abide_history::StoreError> {
    let now_ms = inner.clock.now_ms();
    // What rings already is still in the store, in front of the rest.
    let known = ringing.lock().unwrap_or_else(PoisonError::into_inner).len();
    let due = inner.store.due_timers(now_ms, known + PAGE_TIMERS).await?;
    let more = due.len() >= known + PAGE_TIMERS;
    let mut rang = 0;
    for due in due {
        let key = RunKey { tenant: due.tenant, run_id: due.run_id };
        if is_full(ringing) {
            break;
        }
        if !ringing.lock().unwrap_or_else(PoisonError::into_inner).insert((key.clone(), due.timer)) {
            continue;
        }
        rang += 1;
        let timer = RingingTimer { timer: due.timer, key: key.clone(), ringing: ringing.clone(), done: done.clone() };
        // On the way down the rows stay, and ring when the host is up again.
        let _ = inner.registry.send(inner, &key, Message::Timer(timer)).await;
    }
    if more && rang > 0 {
        return Ok(Duration::ZERO);
    }
    // Told before the next row is looked up: a timer that is set after that finds an hour it is earlier than.
    inner.timer_hint.sleeping_until.store(u64::MAX, Ordering::SeqCst);
    let next_ms = match inner.store.next_timer().await? {
        // Rows that are due and still there ring already: their runs are writing. Look again soon.
        Some(next_ms) if next_ms <= now_ms => now_ms + 20,
        Some(next_ms) => next_ms,
        None => u64::MAX,
    };
    inner.timer_hint.sleeping_until.store(next_ms, Ordering::SeqCst);
    Ok(Duration::from_millis(next_ms.saturating_sub(inner.clock.now_ms())).min(LOOK_AT_LEAST))
}
