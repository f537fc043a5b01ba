//! Wakes those who wait for a run to go on. A run that nobody follows costs nothing here.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::inner::RunKey;

/// Who follows which run.
#[derive(Default)]
pub(crate) struct Followers {
    runs: Mutex<HashMap<RunKey, Followed>>,
}

/// What is told of a run.
#[derive(Default)]
struct Followed {
    /// Sent whenever it went on.
    went_on: watch::Sender<()>,
    /// Sent when it ended: who waits for that alone is not woken by each step.
    ended: watch::Sender<bool>,
}

/// Follows one run. Made before the store is read, so that nothing falls between.
pub(crate) struct Follower<'a> {
    followers: &'a Followers,
    key: RunKey,
    went_on: watch::Receiver<()>,
    ended: watch::Receiver<bool>,
}

impl Followers {
    /// Follows a run.
    pub(crate) fn follow(&self, key: &RunKey) -> Follower<'_> {
        let mut runs = self.lock();
        let Followed { went_on, ended } = runs.entry(key.clone()).or_default();
        Follower { followers: self, key: key.clone(), went_on: went_on.subscribe(), ended: ended.subscribe() }
    }

    /// A run went on, and that is durable. Where it `ended`, it never goes on again.
    pub(crate) fn tell(&self, key: &RunKey, ended: bool) {
        if let Some(followed) = self.lock().get(key) {
            followed.went_on.send_replace(());
            if ended {
                followed.ended.send_replace(true);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RunKey, Followed>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Follower<'_> {
    /// Completes when the run went on since this was made or called last.
    pub(crate) async fn went_on(&mut self) {
        if self.went_on.changed().await.is_err() {
            // The sender lives as long as there is a follower.
            std::future::pending::<()>().await;
        }
    }

    /// Completes when the run ended since this was made. The steps before that wake nobody.
    pub(crate) async fn ended(&mut self) {
        if self.ended.wait_for(|ended| *ended).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Follower<'_> {
    fn drop(&mut self) {
        let mut runs = self.followers.lock();
        // This follower's own receiver still counts.
        if runs.get(&self.key).is_some_and(|followed| followed.ended.receiver_count() <= 1) {
            runs.remove(&self.key);
        }
    }
}
