//! Write abide workflows in Rust.
//!
//! A workflow is one `async fn`. It may take months: the host records the outcome of every call that it makes, and when the
//! process dies it runs the function again against that record until it stands where it stood. Nothing of that shows in
//! the code, which reads like any other Rust:
//!
//! ```no_run
//! use abide::{Failure, signals, tools};
//! use serde::{Deserialize, Serialize};
//! use serde_json::json;
//!
//! #[derive(Deserialize)]
//! struct Order { item: String, cents: u64 }
//!
//! #[derive(Serialize)]
//! struct Receipt { approved_by: String }
//!
//! #[abide::workflow]
//! async fn run(order: Order) -> Result<Receipt, Failure> {
//!     tools::call("shop", "reserve", &json!({"item": order.item})).await?.ok()?;
//!     let approved_by: String = signals::receive("approved").await?;
//!     tools::call("shop", "charge", &json!({"cents": order.cents})).await?.ok()?;
//!     abide::info!("charged {} cents", order.cents);
//!     Ok(Receipt { approved_by })
//! }
//! ```
//!
//! | what for | where |
//! | --- | --- |
//! | language models, and agents that use tools | [`llm`], [`agent`] |
//! | tools of MCP servers and HTTP APIs | [`tools`], [`http`] |
//! | waiting for people, for time, for several things at once | [`signals`], [`timer`], [`select!`], [`join!`], [`join_all`] |
//! | requests that wait for an answer | [`updates`] |
//! | other workflows, other runs | [`children`], [`runs`] |
//! | undoing what was done | [`saga`] |
//! | histories that would grow for ever | [`run::continue_as_new`] |
//! | code that changes under old runs | [`versions`] |
//! | showing what goes on | [`state`], [`queries`], [`log`] |
//! | timeouts and retries of a call | [`CallOptions`], [`RetryPolicy`] |
//! | being cancelled | [`workflow`], [`cancellation`] |
//! | who am I | [`run`], [`random`] |
//!
//! A workflow is deterministic without trying: time, randomness and the order of completions come from the history. There
//! are no threads, files or sockets. Build it as a `cdylib` for `wasm32-unknown-unknown`.
#![deny(missing_docs)]

pub mod agent;
#[doc(hidden)]
pub mod bindings;
mod branch;
pub mod cancellation;
pub mod children;
pub mod content;
mod entry;
mod failure;
pub mod http;
mod json;
pub mod llm;
pub mod log;
mod options;
mod panic;
pub mod queries;
pub mod random;
pub mod run;
pub mod runs;
pub mod saga;
pub mod signals;
pub mod state;
pub mod timer;
pub mod tool_names;
pub mod tools;
pub mod updates;
pub mod versions;

mod join;
mod keep;
mod select;

pub use agent::Agent;
pub use failure::{Failure, OrFail};
pub use join::{Join, join_all};
pub use keep::{Keep, keep};
pub use options::{CallOptions, RetryPolicy};
pub use saga::{Saga, saga};
pub use select::{Either, race};
pub use timer::Timestamp;

/// Makes an `async fn` the workflow of this component.
///
/// The function takes one input, which implements [`serde::Deserialize`] (or none, and then the input of the run is not
/// looked at), and gives a `Result` of something that implements [`serde::Serialize`] and something that becomes a
/// [`Failure`]. An input that does not fit ends the run with the failure `invalid-input`, which names the place.
///
/// ```no_run
/// #[abide::workflow]
/// async fn run(name: String) -> Result<String, abide::Failure> {
///     Ok(format!("hello {name}"))
/// }
/// ```
///
/// # Cancellation
///
/// When somebody asks the run to end, the function is dropped where it waits, which cancels the calls in flight and
/// runs its destructors, and the run ends with the failure `cancelled`, whose message is the reason. A workflow
/// that has to tidy up (to undo a payment, say) asks for `#[abide::workflow(cancellation = "manual")]` and waits for
/// [`cancellation::requested`] itself.
///
/// ```no_run
/// use abide::{Failure, cancellation, select, signals, tools};
///
/// #[abide::workflow(cancellation = "manual")]
/// async fn run(order: u64) -> Result<String, Failure> {
///     select! {
///         approved_by = signals::receive::<String>("approved") => approved_by,
///         reason = cancellation::requested() => {
///             tools::call("shop", "release", &order).await?.ok()?;
///             Err(Failure::cancelled(reason?))
///         }
///     }
/// }
/// ```
pub use abide_sdk_macros::workflow;

/// What the code made by [`workflow`] and the exported macros needs. Not for use by hand.
#[doc(hidden)]
pub mod __private {
    pub use crate::bindings::{self, Guest, export_workflow as export};
    pub use crate::entry::{Cancellation, WireResult, check, query, run};
    pub use crate::join::all;
    pub use serde_json;
}

#[cfg(doctest)]
mod refusals;
#[cfg(test)]
mod test_calls;
