//! Histories as users see them.

use abide_model::{
    Attributes, CallIndex, CallKind, CallOptions, CallUsage, CallerId, Configuration, Digest, Event, GatewayNote, Json,
    Outcome, ParkReason, Recorded, RunId, Seq, UpdateAnswer, WorkflowName,
};
use serde::{Deserialize, Serialize};

/// A page of a history.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct History {
    /// The run.
    pub run_id: RunId,
    /// The events, in order.
    pub events: Vec<HistoryEvent>,
    /// What to give as `from` for the next page; none where this page reaches the present end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Seq>,
    /// Whether no more events can come after the last of this page.
    pub ended: bool,
}

/// An event as users see it. Which fields are there depends on `type`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HistoryEvent {
    /// Its place, from 0.
    pub seq: Seq,
    /// When the host recorded it.
    pub time_ms: u64,
    /// Such as `call-requested`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Of an output: the input after which the guest did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Seq>,
    /// The number of the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<CallIndex>,
    /// What the call asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_kind: Option<CallKind>,
    /// With what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Json>,
    /// And how.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub options: Option<CallOptions>,
    /// What the call, or the run, came to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// How often the call was tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
    /// What the call used: its provider, tokens and their price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<CallUsage>,
    /// The grant by which the call was allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<String>,
    /// What the rules of the gateway did to the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<Vec<GatewayNote>>,
    /// The rules of the gateway that keep what they find out of this history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub veil: Option<Json>,
    /// The name of a signal, an update or a marker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What the sender of an update calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update: Option<String>,
    /// The run that this one goes on as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continued_as: Option<RunId>,
    /// The run that went on as this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continued_from: Option<RunId>,
    /// The run that started this one as its child.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<RunId>,
    /// How long the run may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_timeout_ms: Option<u64>,
    /// The run whose history stands before a reset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reset_from: Option<RunId>,
    /// The first event of that run that was not copied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reset_event: Option<Seq>,
    /// The run that shares the events before a fork.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forked_from: Option<RunId>,
    /// The first event of that run that is not shared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forked_event: Option<Seq>,
    /// Whether the outcome that follows was given by who forked the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set_outcome: Option<bool>,
    /// What it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<Json>,
    /// The sender's idempotency key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Why somebody asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why the run is parked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parked: Option<ParkReason>,
    /// The component.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Digest>,
    /// Of a swap: the last input before it, up to which the new version did what the history says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled: Option<Seq>,
    /// The workflow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<WorkflowName>,
    /// What the caller calls the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<CallerId>,
    /// What the run began with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Json>,
    /// What it could be found by then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attributes: Option<Attributes>,
    /// How the version was configured then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configuration: Option<Configuration>,
}

impl HistoryEvent {
    /// Shows `recorded`. `request` is the whole request of a [`Event::CallRequested`].
    pub fn of(seq: Seq, recorded: &Recorded, request: Option<Json>) -> Self {
        let mut shown = Self {
            seq,
            time_ms: recorded.time_ms,
            kind: recorded.event.kind().to_owned(),
            cause: None,
            call: None,
            call_kind: None,
            request,
            options: None,
            outcome: None,
            attempts: None,
            usage: None,
            grant: None,
            gateway: None,
            veil: None,
            name: None,
            update: None,
            continued_as: None,
            continued_from: None,
            parent: None,
            run_timeout_ms: None,
            reset_from: None,
            reset_event: None,
            forked_from: None,
            forked_event: None,
            set_outcome: None,
            payload: None,
            key: None,
            reason: None,
            parked: None,
            version: None,
            settled: None,
            workflow: None,
            id: None,
            input: None,
            attributes: None,
            configuration: None,
        };
        match &recorded.event {
            Event::RunStarted(started) => {
                shown.version = Some(started.version);
                shown.workflow = Some(started.workflow.clone());
                shown.id = Some(started.id.clone());
                shown.input = Some(started.input.clone());
                shown.parent = started.parent.map(|parent| parent.run_id);
                shown.continued_from = started.continued_from;
                shown.run_timeout_ms = started.run_timeout_ms;
                shown.attributes = Some(started.attributes.clone()).filter(|attributes| !attributes.is_empty());
                shown.configuration.clone_from(&started.configuration);
                shown.veil.clone_from(&started.veil);
            }
            Event::UpdateReceived(update) => {
                shown.update = Some(update.id.clone());
                shown.name = Some(update.name.clone());
                shown.payload = Some(update.arguments.clone());
            }
            Event::UpdateAnswered(answered) => {
                shown.update = Some(answered.id.clone());
                shown.cause = Some(answered.cause);
                shown.outcome = match &answered.answer {
                    UpdateAnswer::Accepted => None,
                    UpdateAnswer::Rejected(failure) => Some(Outcome::Failed(failure.clone())),
                    UpdateAnswer::Completed(outcome) => Some(outcome.clone()),
                };
            }
            Event::MarkerRecorded(marker) => {
                shown.name = Some(marker.id.clone());
                shown.cause = Some(marker.cause);
                shown.payload = Some(marker.value.clone());
            }
            Event::RunContinued(continued) => {
                shown.cause = Some(continued.cause);
                shown.input = Some(continued.input.clone());
                shown.continued_as = Some(continued.run_id);
            }
            Event::RunReset(reset) => {
                shown.reset_from = Some(reset.run_id);
                shown.reset_event = Some(reset.event);
            }
            Event::RunForked(forked) => {
                shown.forked_from = Some(forked.run_id);
                shown.forked_event = Some(forked.event);
                shown.set_outcome = Some(forked.set_outcome);
            }
            Event::RunTimedOut(timed_out) => shown.run_timeout_ms = Some(timed_out.run_timeout_ms),
            Event::CallRequested(requested) => {
                shown.call = Some(requested.call);
                shown.cause = Some(requested.cause);
                shown.call_kind = Some(requested.kind);
                shown.options = Some(requested.options.clone()).filter(|options| *options != CallOptions::default());
            }
            Event::CallCompleted(completed) => {
                shown.call = Some(completed.call);
                shown.outcome = Some(completed.outcome.clone());
                shown.attempts = Some(completed.attempts).filter(|attempts| *attempts > 0);
                shown.usage.clone_from(&completed.usage);
                shown.grant.clone_from(&completed.grant);
                shown.gateway.clone_from(&completed.gateway);
            }
            Event::CallCancelled(cancelled) => {
                shown.call = Some(cancelled.call);
                shown.cause = Some(cancelled.cause);
            }
            Event::SignalReceived(signal) => {
                shown.name = Some(signal.name.clone());
                shown.payload = Some(signal.payload.clone());
                shown.key.clone_from(&signal.key);
            }
            Event::CancelRequested(cancel) => shown.reason = Some(cancel.reason.clone()),
            Event::VersionChanged(changed) => {
                shown.version = Some(changed.version);
                shown.settled = changed.settled;
            }
            Event::RunParked(parked) => shown.parked = Some(parked.reason.clone()),
            Event::RunResumed(_) | Event::RunPinned(_) => {}
            Event::RunClosed(closed) => {
                shown.cause = Some(closed.cause);
                shown.outcome = Some(closed.outcome.clone());
            }
            Event::RunTerminated(terminated) => shown.reason = Some(terminated.reason.clone()),
            Event::CallDeferred(deferred) => {
                shown.call = Some(deferred.call);
                shown.attempts = Some(deferred.attempt);
            }
        }
        shown
    }
}
