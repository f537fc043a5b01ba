//! Uploads.

use abide_model::{Error, WorkflowName};
use abide_runtime::view::Deployed;
use axum::Json;
use axum::extract::State;
use http::StatusCode;

use crate::extract::{Caller, Component, Given, Parameters, Query};
use crate::problem::{Problem, invalid};
use crate::state::Shared;

/// `?name=N`.
pub(crate) struct UploadParameters {
    name: WorkflowName,
}

impl Parameters for UploadParameters {
    const NAMES: &'static [&'static str] = &["name"];

    fn read(given: &Given) -> Result<Self, Error> {
        let name = given.parsed("name", WorkflowName::parse)?;
        Ok(Self { name: name.ok_or_else(|| invalid("say of which workflow this is a version, with `?name=`"))? })
    }
}

/// `POST /v1/versions`: 201 where the version is new.
pub(crate) async fn upload(
    State(shared): State<Shared>,
    caller: Caller,
    Query(parameters): Query<UploadParameters>,
    Component(file): Component,
) -> Result<(StatusCode, Json<Deployed>), Problem> {
    let deployed = shared.host.deploy(&caller.tenant, &parameters.name, file).await?;
    let status = if deployed.created { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(deployed)))
}
