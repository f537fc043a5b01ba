//! Runs by filter: how many there are, and something done to all of them. And the end of one: its deletion.

use abide_history::RunFilter;
use abide_model::Error;
use abide_runtime::view::{Batch, BatchReport, Deleted, RunCounts};
use axum::Json;
use axum::extract::State;

use super::Answer;
use crate::extract::{Body, Caller, Given, Parameters, Query, RunPath};
use crate::state::Shared;

/// `?filter`.
pub(crate) struct CountParameters {
    filter: Option<String>,
}

impl Parameters for CountParameters {
    const NAMES: &'static [&'static str] = &["filter"];

    fn read(given: &Given) -> Result<Self, Error> {
        Ok(Self { filter: given.text("filter").map(str::to_owned) })
    }
}

/// `GET /v1/runs/count`: by status.
pub(crate) async fn count(
    State(shared): State<Shared>,
    caller: Caller,
    Query(parameters): Query<CountParameters>,
) -> Answer<RunCounts> {
    let filter = parameters.filter.map(|filter| shared.host.filter(&filter)).transpose()?;
    let filter = RunFilter { filter, ..RunFilter::default() };
    Ok(Json(shared.unless_stopping(shared.host.count(&caller.tenant, &filter)).await?))
}

/// `POST /v1/runs/batch`: one page.
pub(crate) async fn batch(
    State(shared): State<Shared>,
    caller: Caller,
    Body(batch): Body<Batch>,
) -> Answer<BatchReport> {
    Ok(Json(shared.host.batch(&caller.tenant, batch).await?))
}

/// `DELETE /v1/runs/{run}`: of a run that has ended.
pub(crate) async fn delete(State(shared): State<Shared>, caller: Caller, RunPath(run): RunPath) -> Answer<Deleted> {
    Ok(Json(shared.host.delete(&caller.tenant, &run).await?))
}
