//! Updates: requests to a run that wait for its answer.

use std::time::Duration;

use abide_model::{
    Error, ErrorCode, Event, Failure, Outcome, Recorded, RunId, RunRef, Seq, Tenant, UpdateAnswer, UpdateReceived,
};
use tokio::time::Instant;

use crate::Host;
use crate::checks::{check_message, check_size, message_digest, random};
use crate::inner::RunKey;
use crate::registry::Message;
use crate::view::{UpdateRun, UpdateStatus, Updated, WaitFor};

/// How many events are looked at at a time.
const PAGE_EVENTS: usize = 1000;

impl Host {
    /// Asks a run for something, and waits up to `wait` until it said what `update.wait_for` asks for. Then, or when the time is over, the
    /// answer says how far it is; the same id with the same request may be sent again, and finds the same update.
    pub async fn update(
        &self,
        tenant: &Tenant,
        run: &RunRef,
        update: UpdateRun,
        wait: Duration,
    ) -> Result<Updated, Error> {
        check_message("an update", &update.name, update.id.as_deref())?;
        check_size("the arguments", update.arguments.len())?;
        let id = match update.id {
            Some(id) => id,
            None => RunId::new(self.inner.clock.now_ms(), u128::from_be_bytes(random()?))
                .to_string()
                .replacen("run_", "update-", 1),
        };
        let received = UpdateReceived { id: id.clone(), name: update.name, arguments: update.arguments };
        let until = Instant::now() + wait;
        let known = (update_key(&id), message_digest(&received.name, &received.arguments));
        let message = |reply| Message::Update { update: received.clone(), reply };
        let sent = self.deliver(tenant, run, Some(known), message).await?;
        let key = RunKey { tenant: tenant.clone(), run_id: sent.run_id };
        self.answer_of(key, id, sent.event, update.wait_for, until).await
    }

    /// Waits for the answer to an update whose event is `event`.
    async fn answer_of(
        &self,
        mut key: RunKey,
        id: String,
        event: Seq,
        wait_for: WaitFor,
        until: Instant,
    ) -> Result<Updated, Error> {
        let mut updated =
            Updated { run_id: key.run_id, update_id: id, event, status: UpdateStatus::Received, outcome: None };
        let mut from = event + 1;
        'run: loop {
            let mut follower = self.inner.followers.follow(&key);
            loop {
                let page = self.inner.store.events(&key.tenant, key.run_id, from, PAGE_EVENTS).await?;
                for (seq, Recorded { event, .. }) in &page {
                    from = seq + 1;
                    match event {
                        Event::UpdateAnswered(answered) if answered.id == updated.update_id => {
                            updated.take(&answered.answer);
                        }
                        // Where it was not received, it moved along.
                        Event::RunContinued(next) if updated.status == UpdateStatus::Received => {
                            key.run_id = next.run_id;
                            from = 0;
                            updated.run_id = next.run_id;
                            continue 'run;
                        }
                        Event::UpdateReceived(update) if update.id == updated.update_id => updated.event = *seq,
                        event if event.is_last() && !updated.is_answered() => {
                            let message = format!("run `{}` ended before it answered", key.run_id);
                            updated
                                .take(&UpdateAnswer::Completed(Outcome::Failed(Failure::new("run-closed", message))));
                        }
                        _ => {}
                    }
                }
                if updated.is_answered() || (wait_for == WaitFor::Accepted && updated.status == UpdateStatus::Accepted)
                {
                    return Ok(updated);
                }
                if page.is_empty() && tokio::time::timeout_at(until, follower.went_on()).await.is_err() {
                    return Ok(updated);
                }
            }
        }
    }

    /// How far an update is that was sent before.
    pub async fn update_status(
        &self,
        tenant: &Tenant,
        run: &RunRef,
        id: &str,
        wait_for: WaitFor,
        wait: Duration,
    ) -> Result<Updated, Error> {
        check_message("an update", "update", Some(id))?;
        let mut key = self.find(tenant, run).await?;
        let mut found = self.inner.store.key(tenant, key.run_id, &update_key(id)).await?;
        if found.is_none()
            && let Some((run_id, used)) = self.earlier_use(&key, &update_key(id)).await?
        {
            (key.run_id, found) = (run_id, Some(used));
        }
        let found = found.ok_or_else(|| {
            let message =
                format!("run `{}` was sent no update `{id}`: send it, or look at the run that took it", key.run_id);
            Error::new(ErrorCode::UpdateNotFound, message).about(key.run_id)
        })?;
        self.answer_of(key, id.to_owned(), found.seq, wait_for, Instant::now() + wait).await
    }
}

/// The idempotency key of an update. Signals' keys are visible ASCII: none of them is the same.
pub(crate) fn update_key(id: &str) -> String {
    format!("update\n{id}")
}

impl Updated {
    fn take(&mut self, answer: &UpdateAnswer) {
        (self.status, self.outcome) = match answer {
            UpdateAnswer::Accepted => (UpdateStatus::Accepted, None),
            UpdateAnswer::Rejected(failure) => (UpdateStatus::Rejected, Some(Outcome::Failed(failure.clone()))),
            UpdateAnswer::Completed(outcome) => (UpdateStatus::Completed, Some(outcome.clone())),
        };
    }

    fn is_answered(&self) -> bool {
        matches!(self.status, UpdateStatus::Rejected | UpdateStatus::Completed)
    }
}
