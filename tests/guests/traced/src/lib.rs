//! Waits in functions with names, and keeps its line numbers (see `profile.guest.package` in the manifest of the workspace): a replay says in
//! which function and on which line it stands.

use abide::{Failure, info, join, signals, state, tools};
use serde_json::{Value, json};

#[abide::workflow(cancellation = "manual")]
async fn run() -> Result<Value, Failure> {
    state::publish("stage", &"charging")?;
    let charged = charge_the_card().await?;
    info!("charged");
    state::publish("stage", &"waiting")?;
    let (answer, told) = join!(wait_for_the_customer(), tell_the_shop());
    state::publish("stage", &"done")?;
    Ok(json!({"charged": charged, "answer": answer?, "told": told?}))
}

#[inline(never)]
async fn charge_the_card() -> Result<bool, Failure> {
    tools::call("bench", "echo", &json!({"op": "charge"})).await?.ok()?;
    Ok(true)
}

#[inline(never)]
async fn wait_for_the_customer() -> Result<Value, Failure> {
    signals::receive("answer").await
}

#[inline(never)]
async fn tell_the_shop() -> Result<bool, Failure> {
    tools::call("bench", "echo", &json!({"op": "tell"})).await?.ok()?;
    Ok(true)
}
