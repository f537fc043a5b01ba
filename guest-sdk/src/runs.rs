//! Other runs. A run is named by its run id, or by its id: then the latest run with that id is meant.
//!
//! ```no_run
//! # async fn f() -> Result<(), abide::Failure> {
//! abide::runs::signal("inventory", "reserve", &serde_json::json!({"item": "lamp"})).await?;
//! # Ok(()) }
//! ```

use serde::Serialize;

use crate::bindings::abide::workflow::runs as wire;
use crate::{Failure, json};

/// Sends a signal to a run, once, and goes on when it is durable.
pub async fn signal<T: Serialize + ?Sized>(run: &str, name: &str, payload: &T) -> Result<(), Failure> {
    let payload = json::encode(payload, "the payload of the signal")?;
    Ok(wire::signal(run.to_owned(), name.to_owned(), payload).await?)
}

/// Asks a run to end. One that has ended already is fine.
pub async fn cancel(run: &str, reason: &str) -> Result<(), Failure> {
    Ok(wire::cancel(run.to_owned(), reason.to_owned()).await?)
}
