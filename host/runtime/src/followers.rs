//! Wakes those who wait for a run to go on. A run that nobody follows costs nothing here.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use abide_model::Seq;
use tokio::sync::watch;

use crate::inner::RunKey;

/// Who follows which run.
#[derive(Default)]
pub(crate) struct Followers {
    lengths: Mutex<HashMap<RunKey, watch::Sender<Seq>>>,
}

/// Follows one run. Made before the store is read, so that nothing falls between.
pub(crate) struct Follower<'a> {
    followers: &'a Followers,
    key: RunKey,
    length: watch::Receiver<Seq>,
}

impl Followers {
    /// Follows a run.
    pub(crate) fn follow(&self, key: &RunKey) -> Follower<'_> {
        let length = self.lock().entry(key.clone()).or_insert_with(|| watch::Sender::new(0)).subscribe();
        Follower { followers: self, key: key.clone(), length }
    }

    /// The history of a run has so many durable events.
    pub(crate) fn tell(&self, key: &RunKey, length: Seq) {
        if let Some(sender) = self.lock().get(key) {
            sender.send_replace(length);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RunKey, watch::Sender<Seq>>> {
        self.lengths.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Follower<'_> {
    /// Completes when the run went on since this was made or called last.
    pub(crate) async fn went_on(&mut self) {
        if self.length.changed().await.is_err() {
            // The sender lives as long as there is a follower.
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Follower<'_> {
    fn drop(&mut self) {
        let mut lengths = self.followers.lock();
        // This follower's own receiver still counts.
        if lengths.get(&self.key).is_some_and(|sender| sender.receiver_count() <= 1) {
            lengths.remove(&self.key);
        }
    }
}
