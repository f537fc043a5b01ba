//! Waits for the signal `go` and returns its payload; shows its phase as published state and as a query.

use std::cell::Cell;
use std::rc::Rc;

use abide::{Failure, queries, signals, state};
use serde_json::Value;

#[abide::workflow]
async fn run() -> Result<Value, Failure> {
    let phase = Rc::new(Cell::new("waiting"));
    let seen = Rc::clone(&phase);
    queries::on("phase", move |()| Ok(seen.get()));
    state::publish("phase", phase.get())?;
    let payload = signals::receive("go").await?;
    phase.set("done");
    Ok(payload)
}
