//! Messages to runs that go on as new ones: who sends does not notice. A message reaches the last run of the chain, and one whose key an
//! earlier run of the chain has is not sent a second time.

use std::time::Duration;

use abide_history::KeyUse;
use abide_model::{Digest, Error, ErrorCode, RunId, RunRef, Tenant};

use crate::Host;
use crate::errors;
use crate::inner::RunKey;
use crate::registry::{Message, Reply};
use crate::view::Signalled;

/// How many runs of a chain are looked at, back or forth.
const MAX_CHAIN: usize = 1000;

/// How long to wait for a change that is being written.
const PAUSE: Duration = Duration::from_millis(5);

/// What a message is known by: its key, and a digest of what it says.
pub(crate) type Known = (String, Digest);

impl Host {
    /// Sends a message to a run, or to the one that it went on as.
    pub(crate) async fn deliver(
        &self,
        tenant: &Tenant,
        run: &RunRef,
        known: Option<Known>,
        message: impl Fn(Reply<Signalled>) -> Message,
    ) -> Result<Signalled, Error> {
        let mut key = self.find(tenant, run).await?;
        for _ in 0..MAX_CHAIN {
            // The run's own keys are looked at by its task, in order with all else.
            if let Some((name, digest)) = &known
                && let Some((run_id, used)) = self.earlier_use(&key, name).await?
            {
                return match used.digest == *digest {
                    true => Ok(Signalled { run_id, event: used.seq, duplicate: true }),
                    false => Err(errors::key_conflict(name)),
                };
            }
            if let Some(sent) = self.ask_or_go_on(&mut key, &message).await? {
                return Ok(sent);
            }
        }
        Err(too_fast(&key))
    }

    /// Asks a run for something, or the one that it went on as.
    pub(crate) async fn ask_last<T>(
        &self,
        tenant: &Tenant,
        run: &RunRef,
        message: impl Fn(Reply<T>) -> Message,
    ) -> Result<T, Error> {
        let mut key = self.find(tenant, run).await?;
        for _ in 0..MAX_CHAIN {
            if let Some(answer) = self.ask_or_go_on(&mut key, &message).await? {
                return Ok(answer);
            }
        }
        Err(too_fast(&key))
    }

    /// Asks a run; where it has gone on as another one, `key` is that one's, and nothing was asked.
    async fn ask_or_go_on<T>(
        &self,
        key: &mut RunKey,
        message: impl Fn(Reply<T>) -> Message,
    ) -> Result<Option<T>, Error> {
        match self.ask_task(key, message).await {
            Err(error) if error.code == ErrorCode::RunClosed => {
                let run = self.row(key).await?;
                match run.continued_as {
                    Some(next) => key.run_id = next,
                    // It ended, and that is about to be durable.
                    None if run.status.is_open() => tokio::time::sleep(PAUSE).await,
                    None => return Err(error),
                }
                Ok(None)
            }
            answer => answer.map(Some),
        }
    }

    /// What a key was used for by the runs that went on as this one.
    pub(crate) async fn earlier_use(&self, key: &RunKey, name: &str) -> Result<Option<(RunId, KeyUse)>, Error> {
        let mut run_id = key.run_id;
        for _ in 0..MAX_CHAIN {
            let run = self.inner.store.run(&key.tenant, run_id).await?;
            let Some(before) = run.and_then(|run| run.continued_from) else { return Ok(None) };
            if let Some(used) = self.inner.store.key(&key.tenant, before, name).await? {
                return Ok(Some((before, used)));
            }
            run_id = before;
        }
        Ok(None)
    }
}

fn too_fast(key: &RunKey) -> Error {
    let message = "the run goes on as new ones faster than it takes messages: try again";
    Error::new(ErrorCode::Conflict, message).about(key.run_id)
}
