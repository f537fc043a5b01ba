//! What a start does about other runs of its id: those that are open, and those that have ended.

use abide_history::{Commit, StoreError};
use abide_model::{Error, ErrorCode, IdReuse, Run, RunId};

use crate::Host;
use crate::inner::RunKey;
use crate::registry::Message;
use crate::view::{IfRunning, StartRun};

/// How often a start tries to take over an id whose open run ends, or changes, at the same moment.
const ATTEMPTS: usize = 8;

/// Refuses a start that contradicts itself.
pub(crate) fn check(start: &StartRun) -> Result<(), Error> {
    if start.if_running == IfRunning::Terminate && start.id_reuse == IdReuse::Reject {
        return Err(Error::new(
            ErrorCode::InvalidArgument,
            "`\"if_running\": \"terminate\"` uses an id again, and `\"id_reuse\": \"reject\"` forbids that: leave one of them out",
        ));
    }
    Ok(())
}

impl Host {
    /// Makes a start durable. `Some`: nothing was started, since that run is open and the caller takes it.
    ///
    /// An open run that is to be terminated is asked to do both, since nobody else writes its history: its end and the start
    /// are one change.
    pub(crate) async fn commit_start(&self, start: Commit, if_running: IfRunning) -> Result<Option<Run>, Error> {
        let inner = &self.inner;
        let _starting = inner.admit_run(&start.tenant).await?;
        for _ in 0..ATTEMPTS {
            let open = match inner.store.commit(start.clone()).await {
                Ok(()) => return Ok(None),
                Err(StoreError::RunAlreadyOpen(open)) => open,
                Err(error) => {
                    inner.fail(&error);
                    return Err(error.into());
                }
            };
            let key = RunKey { tenant: start.tenant.clone(), run_id: open };
            match if_running {
                IfRunning::Reject => return Err(already_open(open, &start)),
                IfRunning::Use => return self.row(&key).await.map(Some),
                IfRunning::Terminate => {
                    let start = Box::new(start.clone());
                    match self.ask_task(&key, |reply| Message::Replace { start, reply }).await {
                        Ok(_) => return Ok(None),
                        // It ended by itself in between: the id may be free now.
                        Err(error) if matches!(error.code, ErrorCode::RunClosed | ErrorCode::RunNotFound) => {}
                        Err(error) => return Err(error),
                    }
                }
            }
        }
        let message = "other starts take this id again and again: try again, or take another id";
        Err(Error::new(ErrorCode::Conflict, message))
    }
}

fn already_open(open: RunId, start: &Commit) -> Error {
    let id = start.run.as_ref().map_or("", |run| run.id.as_str());
    let message = format!(
        "run `{open}` with the id `{id}` is open: take another id, or say what to do about that run with `if_running`: \
         `use` gives it, `terminate` ends it"
    );
    Error::new(ErrorCode::RunAlreadyOpen, message).about(open)
}
