//! Runs: start, list, describe, and their results.

use std::time::Duration;

use abide_history::RunFilter;
use abide_model::{CallerId, Error, Run, RunId, RunStatus, WorkflowName};
use abide_runtime::view::{Description, Runs, StartRun, Started};
use axum::Json;
use axum::extract::State;
use http::{HeaderName, StatusCode, header};

use super::Answer;
use crate::extract::{Body, Caller, Given, Parameters, Query, RunPath};
use crate::problem::Problem;
use crate::state::Shared;

/// `POST /v1/runs`: 201 where the run is new.
pub(crate) async fn start(
    State(shared): State<Shared>,
    caller: Caller,
    Body(start): Body<StartRun>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<Started>), Problem> {
    let started = shared.host.start(&caller.tenant, start).await?;
    let status = if started.created { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, [(header::LOCATION, format!("/v1/runs/{}", started.run.run_id))], Json(started)))
}

/// `?filter&workflow&status&id&cursor&limit`.
pub(crate) struct ListParameters {
    text: Option<String>,
    filter: RunFilter,
    cursor: Option<RunId>,
    limit: usize,
}

impl Parameters for ListParameters {
    const NAMES: &'static [&'static str] = &["filter", "workflow", "status", "id", "cursor", "limit"];

    fn read(given: &Given) -> Result<Self, Error> {
        Ok(Self {
            text: given.text("filter").map(str::to_owned),
            filter: RunFilter {
                workflow: given.parsed("workflow", WorkflowName::parse)?,
                status: given.parsed("status", RunStatus::parse)?,
                id: given.parsed("id", CallerId::parse)?,
                filter: None,
            },
            cursor: given.parsed("cursor", RunId::parse)?,
            limit: given.limit(100, 1000)?,
        })
    }
}

/// `GET /v1/runs`: newest first.
pub(crate) async fn list(
    State(shared): State<Shared>,
    caller: Caller,
    Query(parameters): Query<ListParameters>,
) -> Answer<Runs> {
    let ListParameters { text, mut filter, cursor, limit } = parameters;
    filter.filter = text.map(|text| shared.host.filter(&text)).transpose()?;
    Ok(Json(shared.host.runs(&caller.tenant, &filter, cursor, limit).await?))
}

/// `GET /v1/runs/{run}`.
pub(crate) async fn describe(
    State(shared): State<Shared>,
    caller: Caller,
    RunPath(run): RunPath,
) -> Answer<Description> {
    Ok(Json(shared.host.describe(&caller.tenant, &run).await?))
}

/// `?wait=30s`.
pub(crate) struct ResultParameters {
    wait: Duration,
}

impl Parameters for ResultParameters {
    const NAMES: &'static [&'static str] = &["wait"];

    fn read(given: &Given) -> Result<Self, Error> {
        Ok(Self { wait: given.wait()? })
    }
}

/// `GET /v1/runs/{run}/result`: the run once it is closed, with its outcome.
pub(crate) async fn result(
    State(shared): State<Shared>,
    caller: Caller,
    RunPath(run): RunPath,
    Query(parameters): Query<ResultParameters>,
) -> Answer<Run> {
    Ok(Json(shared.unless_stopping(shared.host.result(&caller.tenant, &run, parameters.wait)).await?))
}
