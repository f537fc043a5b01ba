//! Updates: requests from outside that wait for the guest's answer. The guest holds one as a resource.

use abide_model::{CallKind, CallOptions, Failure, Outcome, UpdateAnswer, UpdateReceived};
use wasmtime::component::{Accessor, Resource};

use crate::bindings::abide::workflow::{types, updates};
use crate::calls::{Imports, call};
use crate::convert;
use crate::imports::named;
use crate::state::{GuestState, Output};

/// What a guest holds of an update.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Update {
    received: UpdateReceived,
    standing: Standing,
}

/// How far an update is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    Received,
    Accepted,
    /// Nothing more is said of it.
    Answered,
}

impl updates::Host for GuestState {}

impl updates::HostWithStore<GuestState> for Imports {
    async fn receive(accessor: &Accessor<GuestState, Self>, name: String) -> Result<Resource<Update>, types::Failure> {
        let outcome = call(accessor, CallKind::UpdatesReceive, named("an update", &name), Ok(CallOptions::default()));
        let outcome = outcome.await;
        accessor.with(|mut access| access.get().hold_update(outcome))
    }
}

impl updates::HostUpdate for GuestState {
    fn id(&mut self, update: Resource<Update>) -> String {
        self.update(&update).map(|update| update.received.id.clone()).unwrap_or_default()
    }

    fn name(&mut self, update: Resource<Update>) -> String {
        self.update(&update).map(|update| update.received.name.clone()).unwrap_or_default()
    }

    fn arguments(&mut self, update: Resource<Update>) -> String {
        self.update(&update).map(|update| update.received.arguments.as_str().to_owned()).unwrap_or_default()
    }

    fn accept(&mut self, update: Resource<Update>) {
        self.answer(&update, UpdateAnswer::Accepted);
    }

    fn reject(&mut self, update: Resource<Update>, reason: types::Failure) {
        self.answer(&update, UpdateAnswer::Rejected(convert::failure_from_guest(reason)));
    }

    fn respond(&mut self, update: Resource<Update>, outcome: Result<String, types::Failure>) {
        let outcome = match outcome {
            Ok(text) => match convert::json("the answer to the update", text) {
                Ok(json) if json.len() as u64 > self.limits.result_bytes() => {
                    let (bytes, limit) = (json.len(), self.limits.result_bytes());
                    let message =
                        format!("the answer to the update has {bytes} bytes, the limit is {limit}: answer with less");
                    Outcome::Failed(Failure::new("too-large", message))
                }
                Ok(json) => Outcome::Ok(json),
                Err(failure) => Outcome::Failed(failure),
            },
            Err(failure) => Outcome::Failed(convert::failure_from_guest(failure)),
        };
        self.answer(&update, UpdateAnswer::Completed(outcome));
    }

    fn drop(&mut self, update: Resource<Update>) -> wasmtime::Result<()> {
        // A guest that is put away says nothing with that; it does so again when it is back.
        if !self.shared.lock().closing {
            let failure = || Failure::new("not-answered", "the workflow dropped the update without an answer");
            let answer = match self.update(&update).map(|update| update.standing) {
                Some(Standing::Received) => Some(UpdateAnswer::Rejected(failure())),
                Some(Standing::Accepted) => Some(UpdateAnswer::Completed(Outcome::Failed(failure()))),
                Some(Standing::Answered) | None => None,
            };
            if let Some(answer) = answer {
                self.answer(&update, answer);
            }
        }
        self.held.delete(update)?;
        Ok(())
    }
}

impl GuestState {
    /// A handle to the update that came.
    pub(crate) fn hold_update(&mut self, outcome: Outcome) -> Result<Resource<Update>, types::Failure> {
        let received = convert::outcome::<UpdateReceived>(outcome)?;
        let update = Update { received, standing: Standing::Received };
        self.held.push(update).map_err(|error| {
            convert::failure_to_guest(Failure::new("too-many-calls", format!("the update cannot be held: {error}")))
        })
    }

    /// The update behind a handle. Handles are the guest's own, so there is one.
    fn update(&mut self, update: &Resource<Update>) -> Option<&mut Update> {
        self.held.get_mut(update).ok()
    }

    /// Says something to an update, if something can still be said.
    fn answer(&mut self, update: &Resource<Update>, answer: UpdateAnswer) {
        let Some(update) = self.update(update) else { return };
        let next = match (update.standing, &answer) {
            (Standing::Received, UpdateAnswer::Accepted) => Standing::Accepted,
            (Standing::Received, _) | (Standing::Accepted, UpdateAnswer::Completed(_)) => Standing::Answered,
            // What was accepted cannot be rejected any more: it fails.
            (Standing::Accepted, UpdateAnswer::Rejected(failure)) => {
                let failed = UpdateAnswer::Completed(Outcome::Failed(failure.clone()));
                update.standing = Standing::Answered;
                let id = update.received.id.clone();
                self.say(id, failed);
                return;
            }
            (Standing::Accepted, UpdateAnswer::Accepted) | (Standing::Answered, _) => return,
        };
        update.standing = next;
        let id = update.received.id.clone();
        self.say(id, answer);
    }

    fn say(&mut self, update: String, answer: UpdateAnswer) {
        // Where it is too much, the guest stops: nobody is told anything else instead.
        drop(self.shared.lock().tell(Output::Answered { update, answer }, self.limits.step_bytes()));
    }
}
