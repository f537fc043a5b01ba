//! Tool components that are uploaded.

use abide_model::{Error, Json as Text};
use abide_runtime::view::{DeletedTool, PutTool, ToolComponent, ToolComponents};
use axum::Json;
use axum::extract::State;
use http::StatusCode;

use super::Answer;
use crate::extract::{Caller, Component, Given, Parameters, Query, ToolPath};
use crate::problem::{Problem, invalid};
use crate::state::Shared;

/// `?settings={…}`.
pub(crate) struct PutParameters {
    settings: Text,
}

impl Parameters for PutParameters {
    const NAMES: &'static [&'static str] = &["settings"];

    fn read(given: &Given) -> Result<Self, Error> {
        let settings = given.parsed("settings", |text| {
            Text::parse(text).map_err(|error| invalid(format!("these are no settings: {error}")))
        })?;
        Ok(Self { settings: settings.unwrap_or_else(|| Text::from(&serde_json::json!({}))) })
    }
}

/// `PUT /v1/tools/{name}`: 201 where there was none of this name.
pub(crate) async fn put(
    State(shared): State<Shared>,
    caller: Caller,
    ToolPath(name): ToolPath,
    Query(parameters): Query<PutParameters>,
    Component(file): Component,
) -> Result<(StatusCode, Json<PutTool>), Problem> {
    let put = shared.host.put_tool(&caller.tenant, &name, parameters.settings, file).await?;
    let status = if put.created { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(put)))
}

/// `GET /v1/tools`: those of the configuration too.
pub(crate) async fn list(State(shared): State<Shared>, caller: Caller) -> Answer<ToolComponents> {
    Ok(Json(shared.host.tools(&caller.tenant).await?))
}

/// `GET /v1/tools/{name}`.
pub(crate) async fn show(
    State(shared): State<Shared>,
    caller: Caller,
    ToolPath(name): ToolPath,
) -> Answer<ToolComponent> {
    Ok(Json(shared.host.tool(&caller.tenant, &name).await?))
}

/// `DELETE /v1/tools/{name}`.
pub(crate) async fn delete(
    State(shared): State<Shared>,
    caller: Caller,
    ToolPath(name): ToolPath,
) -> Answer<DeletedTool> {
    Ok(Json(shared.host.delete_tool(&caller.tenant, &name).await?))
}
