//! What is left to do when a run has ended: its parent is told, and its children that are open are dealt with. Until that is done the
//! run has its ready row, so that a host that comes up does it again; who is told twice takes no harm.

use std::sync::Arc;
use std::time::Duration;

use abide_model::others::{ParentClose, StartChild, child_run_id};
use abide_model::{CallKind, Error, ErrorCode, Event, Parent, RecordedRequest, Run, RunId, RunStatus};

use super::RunTask;
use crate::Host;
use crate::inner::{Inner, RunKey};
use crate::registry::Message;

/// Between two attempts to tell somebody.
const PAUSE: Duration = Duration::from_secs(1);

/// Whether something is left to do for a run that has ended. One that goes on as a new run leaves all to that one.
pub(super) fn are_open(run: &Run) -> bool {
    !run.status.is_open()
        && run.status != RunStatus::Continued
        && (run.parent.is_some() || run.has_children == Some(true))
}

impl RunTask {
    /// Begins to settle the affairs of a run that has ended, when nothing of it is on its way any more.
    pub(super) fn begin_to_settle(&mut self) {
        let idle = self.performing.is_empty() && self.batch.is_empty() && self.writing.is_none();
        if self.unsettled && self.settling.is_none() && idle && !self.is_open() {
            let Some(run) = self.run.clone() else { return };
            self.settling = Some(Box::pin(settle(self.inner.clone(), self.key.clone(), run)));
        }
    }
}

/// Tells whom it concerns that `run` has ended, and tries until all know. A host that goes down meanwhile does it again when it is up.
async fn settle(inner: Arc<Inner>, key: RunKey, run: Run) {
    let host = Host { inner };
    while let Err(error) = tell(&host, &key, &run).await {
        tracing::debug!(run_id = %key.run_id, %error, "not all could be told that the run has ended");
        tokio::time::sleep(PAUSE).await;
    }
}

async fn tell(host: &Host, key: &RunKey, run: &Run) -> Result<(), Error> {
    if let Some(Parent { run_id, child }) = run.parent {
        let parent = RunKey { tenant: key.tenant.clone(), run_id };
        forgive(host.ask_task(&parent, |reply| Message::ChildEnded { child, reply }).await)?;
        // Forks of the parent may wait for it too.
        for run_id in host.running_relatives(&key.tenant, run_id).await? {
            let relative = RunKey { tenant: key.tenant.clone(), run_id };
            forgive(host.ask_task(&relative, |reply| Message::ChildEnded { child, reply }).await)?;
        }
    }
    if run.has_children == Some(true) {
        for (child, what) in children(host, key).await? {
            end_child(host, key, child, what).await?;
        }
    }
    Ok(())
}

/// The children that a run started, or was about to.
async fn children(host: &Host, key: &RunKey) -> Result<Vec<(RunId, ParentClose)>, Error> {
    let history = host.inner.read_history(key).await?;
    let started = history.iter().filter_map(|(_, recorded)| match &recorded.event {
        Event::CallRequested(requested) if requested.kind == CallKind::ChildrenStart => {
            let child = child_run_id(key.run_id, requested.call, recorded.time_ms);
            Some((child, &requested.request))
        }
        _ => None,
    });
    let mut children = Vec::new();
    for (child, request) in started {
        let request = match request {
            RecordedRequest::Inline(json) => json.clone(),
            stored @ RecordedRequest::Stored(..) => host.store().request(&key.tenant, key.run_id, stored).await?.head,
        };
        // A request that cannot be read started nothing.
        if let Ok(start) = request.read::<StartChild>() {
            children.push((child, start.parent_close));
        }
    }
    Ok(children)
}

/// Does with a child what was said when it was started.
async fn end_child(host: &Host, parent: &RunKey, child: RunId, what: ParentClose) -> Result<(), Error> {
    if what == ParentClose::Abandon {
        return Ok(());
    }
    let mut key = RunKey { tenant: parent.tenant.clone(), run_id: child };
    loop {
        let Some(run) = host.store().run(&key.tenant, key.run_id).await? else { return Ok(()) };
        if let (RunStatus::Continued, Some(next)) = (run.status, run.continued_as) {
            key.run_id = next;
            continue;
        }
        if !run.status.is_open() {
            return Ok(());
        }
        let reason = format!("its parent {} has ended", parent.run_id);
        let told = match what {
            ParentClose::Terminate => host.ask_task(&key, |reply| Message::Terminate { reason, reply }).await,
            ParentClose::Cancel | ParentClose::Abandon => {
                host.ask_task(&key, |reply| Message::Cancel { reason, reply }).await
            }
        };
        match told {
            // It may have gone on as a new run in between: that one is told.
            Err(error) if error.code == ErrorCode::RunClosed => {}
            other => return forgive(other),
        }
    }
}

/// Who is gone needs not be told.
fn forgive<T>(told: Result<T, Error>) -> Result<(), Error> {
    match told {
        Ok(_) => Ok(()),
        Err(error) if matches!(error.code, ErrorCode::RunNotFound | ErrorCode::RunClosed) => Ok(()),
        Err(error) => Err(error),
    }
}
