//! What a host answers about the past of a run: whether other engines do the same, and where it stood after an event.

use abide_model::{Error, Event, RunRef, Seq, Tenant};
use bytes::Bytes;

use crate::Host;
use crate::inner::RunKey;
use crate::replaying::{self, Recording};
use crate::view::{HistoryEvent, ReplayReport, RunAt};

impl Host {
    /// Runs the history again with no live calls on three engines at the same time: that of live runs, one whose guests show their memory, and
    /// an interpreter. They are compared after each event.
    pub async fn prove(&self, tenant: &Tenant, run: &RunRef, component: Option<Bytes>) -> Result<ReplayReport, Error> {
        if let Some(component) = &component {
            self.check_component(component)?;
        }
        let key = self.find(tenant, run).await?;
        replaying::replay(&self.inner, &key, component, true).await
    }

    /// Where a run stood after one of its events, on its own version or on `component`.
    pub async fn at(
        &self,
        tenant: &Tenant,
        run: &RunRef,
        event: Seq,
        component: Option<Bytes>,
    ) -> Result<RunAt, Error> {
        if let Some(component) = &component {
            self.check_component(component)?;
        }
        let key = self.find(tenant, run).await?;
        let row = self.row(&key).await?;
        let history = self.inner.read_history(&key).await?;
        let share = self.inner.share(tenant);
        let recording = Recording { run_id: key.run_id, history: &history, share: Some(&share.activities) };
        recording.check(event)?;
        let (version, program) = match component {
            Some(file) => {
                let _upload = self.inner.sharing.upload(&share).await;
                self.inner.programs.load_file(file).await?
            }
            None => (row.version, self.inner.programs.get(tenant, row.version).await?),
        };
        let shown = self.show_event(&key, recording, event).await?;
        let _seat = self.inner.replay_seat(tenant, 1).await;
        recording.fairly(replaying::look_at(&program, version, recording, event, shown)).await
    }

    async fn show_event(&self, key: &RunKey, recording: Recording<'_>, event: Seq) -> Result<HistoryEvent, Error> {
        let at = usize::try_from(event).unwrap_or(usize::MAX);
        let (seq, recorded) = &recording.history[at];
        let request = match &recorded.event {
            Event::CallRequested(requested) => {
                Some(self.store().request(&key.tenant, key.run_id, &requested.request).await?.to_json())
            }
            _ => None,
        };
        Ok(HistoryEvent::of(*seq, recorded, request))
    }
}
