//! A call: one import call that is recorded.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::{CallOptions, Failure, Json, Request};

/// The number of a call within its run, from 0, in the order in which the guest made them.
pub type CallIndex = u32;

/// What a call asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
pub enum CallKind {
    /// `llm.generate`.
    #[n(0)]
    #[serde(rename = "llm.generate")]
    LlmGenerate,
    /// `tools.list`.
    #[n(1)]
    #[serde(rename = "tools.list")]
    ToolsList,
    /// `tools.call`.
    #[n(2)]
    #[serde(rename = "tools.call")]
    ToolsCall,
    /// `http.fetch`.
    #[n(3)]
    #[serde(rename = "http.fetch")]
    HttpFetch,
    /// `timer.sleep` and `timer.sleep-until`.
    #[n(4)]
    #[serde(rename = "timer.sleep")]
    TimerSleep,
    /// `signals.receive`.
    #[n(5)]
    #[serde(rename = "signals.receive")]
    SignalsReceive,
    /// `cancellation.requested`.
    #[n(6)]
    #[serde(rename = "cancellation.requested")]
    CancellationRequested,
    /// `updates.receive`.
    #[n(7)]
    #[serde(rename = "updates.receive")]
    UpdatesReceive,
    /// `children.start`.
    #[n(8)]
    #[serde(rename = "children.start")]
    ChildrenStart,
    /// `children.await-result`.
    #[n(9)]
    #[serde(rename = "children.await-result")]
    ChildrenResult,
    /// `runs.signal`.
    #[n(10)]
    #[serde(rename = "runs.signal")]
    RunsSignal,
    /// `runs.cancel`.
    #[n(11)]
    #[serde(rename = "runs.cancel")]
    RunsCancel,
    /// A function of an interface that is neither the host's nor WASI's: a typed activity.
    #[n(12)]
    #[serde(rename = "activities.call")]
    ActivitiesCall,
}

/// What brings the outcome of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// An activity outside the guest, through a provider.
    Activity,
    /// The host itself, by something that it does to another run. It is done again where a crash came in between.
    Host,
    /// The end of another run.
    OtherRun,
    /// Time.
    Timer,
    /// Another event of the same history.
    History,
}

impl CallKind {
    /// The import's name, such as `llm.generate`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LlmGenerate => "llm.generate",
            Self::ToolsList => "tools.list",
            Self::ToolsCall => "tools.call",
            Self::HttpFetch => "http.fetch",
            Self::TimerSleep => "timer.sleep",
            Self::SignalsReceive => "signals.receive",
            Self::CancellationRequested => "cancellation.requested",
            Self::UpdatesReceive => "updates.receive",
            Self::ChildrenStart => "children.start",
            Self::ChildrenResult => "children.await-result",
            Self::RunsSignal => "runs.signal",
            Self::RunsCancel => "runs.cancel",
            Self::ActivitiesCall => "activities.call",
        }
    }

    /// What brings its outcome.
    pub fn source(self) -> Source {
        match self {
            Self::LlmGenerate | Self::ToolsList | Self::ToolsCall | Self::HttpFetch | Self::ActivitiesCall => {
                Source::Activity
            }
            Self::ChildrenStart | Self::RunsSignal | Self::RunsCancel => Source::Host,
            Self::ChildrenResult => Source::OtherRun,
            Self::TimerSleep => Source::Timer,
            Self::SignalsReceive | Self::CancellationRequested | Self::UpdatesReceive => Source::History,
        }
    }

    /// Whether the host has to do something for it, now and again after a crash.
    pub fn is_performed(self) -> bool {
        matches!(self.source(), Source::Activity | Source::Host)
    }
}

impl std::fmt::Display for CallKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A call as the guest made it.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// Its number.
    pub index: CallIndex,
    /// What it asks for.
    pub kind: CallKind,
    /// With what.
    pub request: Request,
    /// And how.
    pub options: CallOptions,
}

/// What a call came back with.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It succeeded, with this.
    #[n(0)]
    Ok(#[n(0)] Json),
    /// It failed.
    #[n(1)]
    Failed(#[n(0)] Failure),
}
