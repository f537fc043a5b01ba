//! Updates: requests to a run that wait for its answer.

use std::time::Duration;

use abide_model::Error;
use abide_runtime::view::{UpdateRun, Updated, WaitFor};
use axum::Json;
use axum::extract::State;

use super::Answer;
use crate::extract::{Body, Caller, Given, Parameters, Query, RunNamePath, RunPath};
use crate::problem::{invalid, shown};
use crate::state::Shared;

/// How long a sender waits where it does not say.
const WAIT: Duration = Duration::from_secs(30);

/// `?wait=30s`.
pub(crate) struct UpdateParameters {
    wait: Duration,
}

impl Parameters for UpdateParameters {
    const NAMES: &'static [&'static str] = &["wait"];

    fn read(given: &Given) -> Result<Self, Error> {
        Ok(Self { wait: if given.text("wait").is_some() { given.wait()? } else { WAIT } })
    }
}

/// `POST /v1/runs/{run}/updates`: how far the update is, when the run said what was waited for or the time is over.
pub(crate) async fn update(
    State(shared): State<Shared>,
    caller: Caller,
    RunPath(run): RunPath,
    Query(UpdateParameters { wait }): Query<UpdateParameters>,
    Body(update): Body<UpdateRun>,
) -> Answer<Updated> {
    Ok(Json(shared.unless_stopping(shared.host.update(&caller.tenant, &run, update, wait)).await?))
}

/// `?wait=30s&wait_for=accepted`.
pub(crate) struct ShowParameters {
    wait: Duration,
    wait_for: WaitFor,
}

impl Parameters for ShowParameters {
    const NAMES: &'static [&'static str] = &["wait", "wait_for"];

    fn read(given: &Given) -> Result<Self, Error> {
        let wait_for = given.parsed("wait_for", |text| match text {
            "accepted" => Ok(WaitFor::Accepted),
            "completed" => Ok(WaitFor::Completed),
            other => Err(invalid(format!("`{}` is neither `accepted` nor `completed`", shown(other)))),
        })?;
        Ok(Self { wait: given.wait()?, wait_for: wait_for.unwrap_or_default() })
    }
}

/// `GET /v1/runs/{run}/updates/{update}`.
pub(crate) async fn show(
    State(shared): State<Shared>,
    caller: Caller,
    RunNamePath(run, update): RunNamePath,
    Query(ShowParameters { wait, wait_for }): Query<ShowParameters>,
) -> Answer<Updated> {
    let host = &shared.host;
    Ok(Json(shared.unless_stopping(host.update_status(&caller.tenant, &run, &update, wait_for, wait)).await?))
}
