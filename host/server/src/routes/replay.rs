//! Replays: the history again, with no live calls; where a run stood after one of its events; and runs as capsules.

use abide_model::Error;
use abide_runtime::view::{Imported, ReplayReport, RunAt};
use axum::Json;
use axum::extract::State;
use http::{HeaderName, StatusCode, header};

use super::Answer;
use crate::extract::{Caller, CapsuleFile, Component, Given, Parameters, Query, RunEventPath, RunPath};
use crate::problem::Problem;
use crate::state::Shared;

/// The media type of a capsule.
const CAPSULE: &str = "application/vnd.abide.capsule";

/// `?prove`.
pub(crate) struct ReplayParameters {
    prove: bool,
}

impl Parameters for ReplayParameters {
    const NAMES: &'static [&'static str] = &["prove"];

    fn read(given: &Given) -> Result<Self, Error> {
        Ok(Self { prove: given.flag("prove")?.unwrap_or_default() })
    }
}

/// `POST /v1/runs/{run}/replay`: on the run's own version, or on the component in the body.
pub(crate) async fn replay(
    State(shared): State<Shared>,
    caller: Caller,
    RunPath(run): RunPath,
    Query(parameters): Query<ReplayParameters>,
    Component(file): Component,
) -> Answer<ReplayReport> {
    let component = Some(file).filter(|file| !file.is_empty());
    let report = async {
        match parameters.prove {
            true => shared.host.prove(&caller.tenant, &run, component).await,
            false => shared.host.replay(&caller.tenant, &run, component).await,
        }
    };
    Ok(Json(shared.unless_stopping(report).await?))
}

/// `GET /v1/runs/{run}/at/{event}`, and `POST` with a component in the body.
pub(crate) async fn at(
    State(shared): State<Shared>,
    caller: Caller,
    RunEventPath(run, event): RunEventPath,
    Component(file): Component,
) -> Answer<RunAt> {
    let component = Some(file).filter(|file| !file.is_empty());
    Ok(Json(shared.unless_stopping(shared.host.at(&caller.tenant, &run, event, component)).await?))
}

/// `GET /v1/runs/{run}/export`.
pub(crate) async fn export(
    State(shared): State<Shared>,
    caller: Caller,
    RunPath(run): RunPath,
) -> Result<([(HeaderName, &'static str); 1], Vec<u8>), Problem> {
    let file = shared.unless_stopping(shared.host.export(&caller.tenant, &run)).await?;
    Ok(([(header::CONTENT_TYPE, CAPSULE)], file))
}

/// `POST /v1/import`: 201, the run is here now.
pub(crate) async fn import(
    State(shared): State<Shared>,
    caller: Caller,
    CapsuleFile(file): CapsuleFile,
) -> Result<(StatusCode, Json<Imported>), Problem> {
    Ok((StatusCode::CREATED, Json(shared.host.import(&caller.tenant, file).await?)))
}
