//! The words of abide as values: ids, calls, events, runs, limits, errors and the clock.
//!
//! Every other crate of the host speaks in these types. Nothing here does IO, and nothing here knows of a store, of
//! wasm or of HTTP; what comes from outside is parsed into these types once, at the edge.
//!
//! ```
//! use abide_model::{Json, RunId, WorkflowName};
//!
//! let name = WorkflowName::parse("helpdesk").expect("a valid name");
//! let input = Json::parse(r#"{"message":"my screen is dark"}"#).expect("valid JSON");
//! let run = RunId::new(1_700_000_000_000, 7);
//! assert_eq!(RunId::parse(&run.to_string()).expect("its own text"), run);
//! assert_eq!(name.as_str(), "helpdesk");
//! assert!(input.as_str().contains("dark"));
//! ```

mod attributes;
mod budgets;
mod call;
mod clock;
mod configuration;
mod digest;
mod error;
mod event;
mod failure;
mod filter;
mod gateway;
mod grants;
pub mod http;
mod identity;
mod ids;
mod instant;
mod interface;
mod json;
pub mod ledger;
mod limits;
pub mod llm;
mod manifest;
mod money;
pub mod others;
mod policy;
mod quotas;
mod request;
mod rights;
mod routing;
mod run;
mod scalar;
mod schedule;
mod secret;
mod setting;
pub mod tools;
mod usage;

pub use attributes::{AttributeChanges, AttributeValue, Attributes};
pub use budgets::{Budget, Budgeted, Budgets, Share};
pub use call::{Call, CallIndex, CallKind, Outcome, Source};
pub use clock::{Clock, ManualClock, SystemClock};
pub use configuration::Configuration;
pub use digest::Digest;
pub use error::{Error, ErrorCode};
pub use event::{
    CallCancelled, CallCompleted, CallDeferred, CallRequested, CancelRequested, Event, MarkerRecorded, Parent,
    Recorded, RunClosed, RunContinued, RunForked, RunParked, RunPinned, RunReset, RunResumed, RunStarted,
    RunTerminated, RunTimedOut, Seq, SignalReceived, UpdateAnswer, UpdateAnswered, UpdateReceived, VersionChanged,
};
pub use failure::Failure;
pub use filter::{Filter, Term};
pub use gateway::{GatewayAct, GatewayNote};
pub use grants::Grants;
pub use identity::{AuditEntry, AuditId, Role, TenantRow, TenantState, Token};
pub use ids::{CallerId, Currency, Label, RunId, RunRef, ScheduleId, SecretName, Tenant, WorkflowName};
pub use interface::{CallFunction, InterfaceName};
pub use json::Json;
pub use ledger::{Counters, Day, RunLedger};
pub use limits::Limits;
pub use manifest::Manifest;
pub use money::{Micros, Money};
pub use policy::{CallOptions, RetryPolicy};
pub use quotas::{MAX_WEIGHT, Quotas};
pub use request::{Node, RecordedRequest, Request};
pub use rights::{HttpRight, InterfaceRight, Pattern, Right, Rights};
pub use routing::{Labels, Previous, Ramp, Routing, SwapPolicy};
pub use run::{ForkedFrom, HeldBack, IdReuse, ParkKind, ParkReason, Run, RunStatus};
pub use scalar::Scalar;
pub use schedule::{
    Backfill, EndRun, Interval, OpenRun, OverlapPolicy, Schedule, ScheduleCounts, ScheduleFailure, ScheduleSpec,
    ScheduleState, ScheduledRun,
};
pub use secret::SecretRow;
pub use setting::{Setting, SettingKind};
pub use usage::{CallUsage, Tokens};
