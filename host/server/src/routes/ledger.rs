//! The ledger: what the runs of a tenant used, and what one of them did.

use abide_model::{Day, Error, WorkflowName};
use abide_runtime::view::{LedgerGroup, LedgerQuery, LedgerReport, RunLedgerReport};
use axum::Json;
use axum::extract::State;

use super::Answer;
use crate::extract::{Caller, Given, Parameters, Query, RunPath};
use crate::problem::{invalid, shown};
use crate::state::Shared;

/// `?from&to&workflow&group`.
pub(crate) struct LedgerParameters(LedgerQuery);

impl Parameters for LedgerParameters {
    const NAMES: &'static [&'static str] = &["from", "to", "workflow", "group"];

    fn read(given: &Given) -> Result<Self, Error> {
        let day = |text: &str| {
            let bad = || invalid(format!("`{}` is no day: give one as in `2026-11-23`", shown(text)));
            Day::parse(text).ok_or_else(bad)
        };
        let group = |text: &str| match text {
            "day" => Ok(LedgerGroup::Day),
            "workflow" => Ok(LedgerGroup::Workflow),
            "model" => Ok(LedgerGroup::Model),
            _ => Err(invalid(format!("`{}` is no group: give `day`, `workflow` or `model`", shown(text)))),
        };
        Ok(Self(LedgerQuery {
            from: given.parsed("from", day)?,
            to: given.parsed("to", day)?,
            workflow: given.parsed("workflow", WorkflowName::parse)?,
            group: given.parsed("group", group)?.unwrap_or_default(),
        }))
    }
}

/// `GET /v1/ledger`: by day, by workflow, or by kind of call, provider and model.
pub(crate) async fn ledger(
    State(shared): State<Shared>,
    caller: Caller,
    Query(LedgerParameters(query)): Query<LedgerParameters>,
) -> Answer<LedgerReport> {
    Ok(Json(shared.unless_stopping(shared.host.ledger(&caller.tenant, query)).await?))
}

/// `GET /v1/runs/{run}/ledger`.
pub(crate) async fn of_run(
    State(shared): State<Shared>,
    caller: Caller,
    RunPath(run): RunPath,
) -> Answer<RunLedgerReport> {
    Ok(Json(shared.host.run_ledger(&caller.tenant, &run).await?))
}
