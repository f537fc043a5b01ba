//! Forks of runs: to make them, to see them, and to keep one of several.

use abide_model::{Error, RunId};
use abide_runtime::view::{ForkRun, Forked, Forks, KeepRun, Kept};
use axum::Json;
use axum::extract::State;
use http::StatusCode;

use super::Answer;
use crate::extract::{Body, Caller, Given, OptionalBody, Parameters, Query, RunPath};
use crate::problem::Problem;
use crate::state::Shared;

/// `POST /v1/runs/{run}/fork`: 201 where a fork is new.
pub(crate) async fn fork(
    State(shared): State<Shared>,
    caller: Caller,
    RunPath(run): RunPath,
    Body(fork): Body<ForkRun>,
) -> Result<(StatusCode, Json<Forked>), Problem> {
    let forked = shared.host.fork(&caller.tenant, &run, fork).await?;
    let created = forked.forks.iter().any(|started| started.created);
    Ok((if created { StatusCode::CREATED } else { StatusCode::OK }, Json(forked)))
}

/// `?cursor&limit`.
pub(crate) struct ForksParameters {
    cursor: Option<RunId>,
    limit: usize,
}

impl Parameters for ForksParameters {
    const NAMES: &'static [&'static str] = &["cursor", "limit"];

    fn read(given: &Given) -> Result<Self, Error> {
        Ok(Self { cursor: given.parsed("cursor", RunId::parse)?, limit: given.limit(100, 1000)? })
    }
}

/// `GET /v1/runs/{run}/forks`: all that have the root of this run.
pub(crate) async fn list(
    State(shared): State<Shared>,
    caller: Caller,
    RunPath(run): RunPath,
    Query(parameters): Query<ForksParameters>,
) -> Answer<Forks> {
    let ForksParameters { cursor, limit } = parameters;
    Ok(Json(shared.host.forks(&caller.tenant, &run, cursor, limit).await?))
}

/// `POST /v1/runs/{run}/keep`: the others of its race end.
pub(crate) async fn keep(
    State(shared): State<Shared>,
    caller: Caller,
    RunPath(run): RunPath,
    OptionalBody(keep): OptionalBody<KeepRun>,
) -> Answer<Kept> {
    Ok(Json(shared.host.keep(&caller.tenant, &run, keep).await?))
}
