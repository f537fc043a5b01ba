//! Queries. A published value is answered from the store, without waking the run. Anything else goes to the guest's own `query`, on a
//! copy of the run that is replayed for it and thrown away: whatever a query does, the run never knows.

use std::sync::Arc;

use abide_engine::{Guest, Turn};
use abide_fair::Slice;
use abide_model::{Error, ErrorCode, Json, Outcome};

use crate::inner::{Inner, RunKey};
use crate::replaying;

pub(crate) async fn query(inner: &Arc<Inner>, key: &RunKey, name: &str, arguments: Json) -> Result<Json, Error> {
    let published = inner.store.published(&key.tenant, key.run_id).await?;
    if let Some((_, value)) = published.iter().find(|(published, _)| published == name) {
        return Ok(value.clone());
    }
    let run = inner.store.run(&key.tenant, key.run_id).await?.ok_or_else(|| crate::errors::no_run(key))?;
    let program = inner.programs.get(&key.tenant, run.version).await?;
    if !program.has_query() {
        let names: Vec<_> = published.iter().map(|(name, _)| format!("`{name}`")).collect();
        let shown: String = name.chars().take(80).flat_map(char::escape_debug).collect();
        return Err(Error::new(
            ErrorCode::QueryNotFound,
            format!(
                "run `{}` published no `{shown}`, and its workflow has no `query` of its own: published are: {}",
                key.run_id,
                if names.is_empty() { "none".to_owned() } else { names.join(", ") }
            ),
        )
        .about(key.run_id));
    }
    let history = inner.read_history(key).await?;
    let mut replayed = replaying::feed(inner, key, &program, &history).await?;
    if let Some(reason) = replayed.stopped {
        return Err(failed(key, &reason.message));
    }
    replayed.session.guest().ask(name, arguments);
    inner.share(&key.tenant).activities.clone().fairly(answer(key, replayed.session.guest())).await
}

/// Lets a guest that was asked work until it has answered.
async fn answer(key: &RunKey, guest: &mut Guest) -> Result<Json, Error> {
    let mut slice = Slice::begin();
    loop {
        let turn = guest.poll();
        match (guest.take_answer(), turn) {
            (Some(Outcome::Ok(answer)), _) => return Ok(answer),
            (Some(Outcome::Failed(failure)), _) => {
                let code = match failure.code.as_str() {
                    "unknown-query" | "query-not-found" => ErrorCode::QueryNotFound,
                    _ => ErrorCode::QueryFailed,
                };
                return Err(Error::new(code, failure.to_string()).about(key.run_id));
            }
            (None, Turn::Yielded) => drop(slice.yielded().await),
            (None, Turn::Stopped(stop)) => return Err(failed(key, &stop.message)),
            (None, Turn::Quiescent | Turn::Ended(_)) => {
                return Err(failed(key, "the query waits for a call: a query may look, and make no calls"));
            }
        }
    }
}

fn failed(key: &RunKey, why: &str) -> Error {
    Error::new(ErrorCode::QueryFailed, format!("the query of run `{}` failed: {why}", key.run_id)).about(key.run_id)
}
