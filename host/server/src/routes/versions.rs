//! Uploads.

use abide_model::{Configuration, Error, WorkflowName};
use abide_runtime::view::Deployed;
use axum::Json;
use axum::extract::State;
use http::StatusCode;

use crate::extract::{Caller, Component, Given, Parameters, Query};
use crate::problem::{Problem, invalid};
use crate::state::Shared;

/// `?name=N&configuration={…}`.
pub(crate) struct UploadParameters {
    name: WorkflowName,
    configuration: Configuration,
}

impl Parameters for UploadParameters {
    const NAMES: &'static [&'static str] = &["name", "configuration"];

    fn read(given: &Given) -> Result<Self, Error> {
        let name = given.parsed("name", WorkflowName::parse)?;
        let configuration = given.parsed("configuration", |text| {
            serde_json::from_str(text).map_err(|error| invalid(format!("this is no configuration: {error}")))
        })?;
        Ok(Self {
            name: name.ok_or_else(|| invalid("say of which workflow this is a version, with `?name=`"))?,
            configuration: configuration.unwrap_or_default(),
        })
    }
}

/// `POST /v1/versions`: 201 where the version is new.
pub(crate) async fn upload(
    State(shared): State<Shared>,
    caller: Caller,
    Query(parameters): Query<UploadParameters>,
    Component(file): Component,
) -> Result<(StatusCode, Json<Deployed>), Problem> {
    let UploadParameters { name, configuration } = parameters;
    let deployed = shared.host.deploy_with(&caller.tenant, &name, file, configuration).await?;
    let status = if deployed.created { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(deployed)))
}
