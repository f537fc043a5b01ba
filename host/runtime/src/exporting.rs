//! Export: a run as a capsule.

use std::collections::HashMap;

use abide_model::{Digest, Error, ErrorCode, Event, Node, Recorded, RecordedRequest, Run, RunRef, Seq, Tenant};

use crate::Host;
use crate::capsule::{Capsule, Component, MAX_COMPONENTS};
use crate::inner::RunKey;
use crate::programs::blocking;

/// How often a run is read that changes while it is read.
const ATTEMPTS: usize = 20;

impl Host {
    /// The run in one file, which can be replayed without this host. It has what the run's guest saw, so its environment too; secrets are seen by
    /// no guest, and are not in it.
    pub async fn export(&self, tenant: &Tenant, run: &RunRef) -> Result<Vec<u8>, Error> {
        let key = self.find(tenant, run).await?;
        let _seat = self.inner.replay_seat(tenant, 1).await;
        for _ in 0..ATTEMPTS {
            let run = self.row(&key).await?;
            let history = self.inner.read_history(&key).await?;
            let published = self.store().published(tenant, key.run_id).await?;
            // Rows follow events, so a history of the same length has the same row.
            if self.store().length(tenant, key.run_id).await? == history.len() as Seq && self.row(&key).await? == run {
                let components = self.components(&key, &run, &history).await?;
                let nodes = self.nodes(&key, &history).await?;
                return blocking(move || Capsule::new(run, published, components, history, nodes).write()).await;
            }
        }
        let message = "the run goes on while it is read: export it when it waits, or when it has ended";
        Err(Error::new(ErrorCode::Conflict, message).about(key.run_id))
    }

    /// The components of the versions that the run was on, the one that it is on last. An earlier one that is gone is left out.
    async fn components(&self, key: &RunKey, run: &Run, history: &[(Seq, Recorded)]) -> Result<Vec<Component>, Error> {
        let mut versions: Vec<Digest> = Vec::new();
        for (_, recorded) in history {
            versions.extend(match &recorded.event {
                Event::RunStarted(started) => Some(started.version),
                Event::VersionChanged(changed) => Some(changed.version),
                _ => None,
            });
        }
        versions.push(run.version);
        let mut components: Vec<Component> = Vec::new();
        for version in versions.into_iter().rev() {
            if components.len() < MAX_COMPONENTS && components.iter().all(|known| known.version != version) {
                match self.store().component(&key.tenant, version).await? {
                    Some(bytes) => components.push(Component { version, bytes }),
                    None if components.is_empty() => {
                        let message = format!("the component {version} of the run is not in the store");
                        return Err(Error::new(ErrorCode::VersionNotFound, message).about(key.run_id));
                    }
                    None => {}
                }
            }
        }
        components.reverse();
        Ok(components)
    }

    /// The parts of the requests that are not in the events themselves.
    async fn nodes(&self, key: &RunKey, history: &[(Seq, Recorded)]) -> Result<HashMap<Digest, Node>, Error> {
        let mut nodes = HashMap::new();
        for (_, recorded) in history {
            if let Event::CallRequested(requested) = &recorded.event
                && let stored @ RecordedRequest::Stored(..) = &requested.request
            {
                let request = self.store().request(&key.tenant, key.run_id, stored).await?;
                RecordedRequest::with_nodes(&request, |digest, node| drop(nodes.insert(digest, node)));
            }
        }
        Ok(nodes)
    }
}
