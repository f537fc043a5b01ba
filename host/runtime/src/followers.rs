//! Wakes those who wait for a run to go on. A run that nobody follows costs nothing here.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::inner::RunKey;

/// Who follows which run.
#[derive(Default)]
pub(crate) struct Followers {
    /// Sent whenever a run went on, and whether it ended.
    ended: Mutex<HashMap<RunKey, watch::Sender<bool>>>,
}

/// Follows one run. Made before the store is read, so that nothing falls between.
pub(crate) struct Follower<'a> {
    followers: &'a Followers,
    key: RunKey,
    ended: watch::Receiver<bool>,
}

impl Followers {
    /// Follows a run.
    pub(crate) fn follow(&self, key: &RunKey) -> Follower<'_> {
        let ended = self.lock().entry(key.clone()).or_default().subscribe();
        Follower { followers: self, key: key.clone(), ended }
    }

    /// A run went on, and that is durable. Where it `ended`, it never goes on again.
    pub(crate) fn tell(&self, key: &RunKey, ended: bool) {
        if let Some(sender) = self.lock().get(key) {
            sender.send_replace(ended);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RunKey, watch::Sender<bool>>> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Follower<'_> {
    /// Completes when the run went on since this was made or called last.
    pub(crate) async fn went_on(&mut self) {
        if self.ended.changed().await.is_err() {
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
        let mut followed = self.followers.lock();
        // This follower's own receiver still counts.
        if followed.get(&self.key).is_some_and(|sender| sender.receiver_count() <= 1) {
            followed.remove(&self.key);
        }
    }
}
