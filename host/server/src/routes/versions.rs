//! Versions: uploads, labels, and the end of those that nobody needs.

use abide_history::Version;
use abide_model::{Configuration, Error, Label, Manifest, WorkflowName};
use abide_runtime::view::{ChangeVersion, Deployed, Upload, VersionDescription};
use axum::Json;
use axum::extract::State;
use http::StatusCode;

use super::Answer;
use crate::extract::{Body, Caller, Component, Given, Parameters, Query, VersionPath};
use crate::problem::{Problem, invalid};
use crate::state::Shared;

/// `?name=N&configuration={…}&labels=A,B&activate=false&manifest={…}`.
pub(crate) struct UploadParameters {
    name: WorkflowName,
    upload: Upload,
}

impl Parameters for UploadParameters {
    const NAMES: &'static [&'static str] = &["name", "configuration", "labels", "activate", "manifest"];

    fn read(given: &Given) -> Result<Self, Error> {
        let name = given.parsed("name", WorkflowName::parse)?;
        let configuration: Option<Configuration> = given.parsed("configuration", |text| {
            serde_json::from_str(text).map_err(|error| invalid(format!("this is no configuration: {error}")))
        })?;
        let labels = given.parsed("labels", |text| text.split(',').map(Label::parse).collect())?;
        Ok(Self {
            name: name.ok_or_else(|| invalid("say of which workflow this is a version, with `?name=`"))?,
            upload: Upload {
                configuration: configuration.unwrap_or_default(),
                labels: labels.unwrap_or_default(),
                activate: given.flag("activate")?.unwrap_or(true),
                manifest: given.parsed("manifest", Manifest::parse)?,
            },
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
    let UploadParameters { name, upload } = parameters;
    let deployed = shared.host.upload(&caller.tenant, &name, file, upload).await?;
    let status = if deployed.created { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(deployed)))
}

/// `GET /v1/workflows/{name}/versions/{version}`.
pub(crate) async fn describe(
    State(shared): State<Shared>,
    caller: Caller,
    VersionPath(name, version): VersionPath,
) -> Answer<VersionDescription> {
    Ok(Json(shared.unless_stopping(shared.host.version(&caller.tenant, &name, &version)).await?))
}

/// `PATCH /v1/workflows/{name}/versions/{version}`.
pub(crate) async fn change(
    State(shared): State<Shared>,
    caller: Caller,
    VersionPath(name, version): VersionPath,
    Body(change): Body<ChangeVersion>,
) -> Answer<VersionDescription> {
    Ok(Json(shared.host.change_version(&caller.tenant, &name, &version, change).await?))
}

/// `DELETE /v1/workflows/{name}/versions/{version}`.
pub(crate) async fn delete(
    State(shared): State<Shared>,
    caller: Caller,
    VersionPath(name, version): VersionPath,
) -> Answer<Version> {
    Ok(Json(shared.host.delete_version(&caller.tenant, &name, &version).await?))
}
