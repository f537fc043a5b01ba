//! Schedules: what starts runs when it is time.

use abide_model::{Error, ScheduleId, ScheduleSpec};
use abide_runtime::view::{
    BackfillSchedule, CreateSchedule, ScheduleDescription, Schedules, TriggerSchedule, Triggered,
};
use axum::Json;
use axum::extract::State;
use http::{HeaderName, StatusCode, Uri, header};
use serde::{Deserialize, Serialize};

use super::Answer;
use crate::extract::{Body, Caller, Given, OptionalBody, Parameters, Query, SchedulePath};
use crate::problem::Problem;
use crate::state::Shared;

/// `POST /v1/schedules`.
pub(crate) async fn create(
    State(shared): State<Shared>,
    caller: Caller,
    uri: Uri,
    Body(create): Body<CreateSchedule>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<ScheduleDescription>), Problem> {
    let created = shared.host.create_schedule(&caller.tenant, create).await?;
    let path = format!("{}/{}", uri.path(), escaped(created.id.as_str()));
    Ok((StatusCode::CREATED, [(header::LOCATION, path)], Json(created)))
}

/// A part of a path, with all but the plainest characters as `%` escapes.
fn escaped(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'-' | b'.' | b'_' | b'~' | b':' => char::from(byte).to_string(),
            byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

/// `?cursor&limit`.
pub(crate) struct ListParameters {
    cursor: Option<ScheduleId>,
    limit: usize,
}

impl Parameters for ListParameters {
    const NAMES: &'static [&'static str] = &["cursor", "limit"];

    fn read(given: &Given) -> Result<Self, Error> {
        Ok(Self { cursor: given.parsed("cursor", ScheduleId::parse)?, limit: given.limit(100, 1000)? })
    }
}

/// `GET /v1/schedules`: by id.
pub(crate) async fn list(
    State(shared): State<Shared>,
    caller: Caller,
    Query(parameters): Query<ListParameters>,
) -> Answer<Schedules> {
    let ListParameters { cursor, limit } = parameters;
    Ok(Json(shared.host.schedules(&caller.tenant, cursor.as_ref(), limit).await?))
}

/// `GET /v1/schedules/{id}`.
pub(crate) async fn describe(
    State(shared): State<Shared>,
    caller: Caller,
    SchedulePath(id): SchedulePath,
) -> Answer<ScheduleDescription> {
    Ok(Json(shared.host.describe_schedule(&caller.tenant, &id).await?))
}

/// `PUT /v1/schedules/{id}`: another specification.
pub(crate) async fn update(
    State(shared): State<Shared>,
    caller: Caller,
    SchedulePath(id): SchedulePath,
    Body(spec): Body<ScheduleSpec>,
) -> Answer<ScheduleDescription> {
    Ok(Json(shared.host.update_schedule(&caller.tenant, &id, spec).await?))
}

/// What was deleted.
#[derive(Debug, Serialize)]
pub(crate) struct Deleted {
    id: ScheduleId,
}

/// `DELETE /v1/schedules/{id}`: its runs go on.
pub(crate) async fn delete(
    State(shared): State<Shared>,
    caller: Caller,
    SchedulePath(id): SchedulePath,
) -> Answer<Deleted> {
    shared.host.delete_schedule(&caller.tenant, &id).await?;
    Ok(Json(Deleted { id }))
}

/// What its owner says about it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Note {
    #[serde(default)]
    note: Option<String>,
}

/// `POST /v1/schedules/{id}/pause`.
pub(crate) async fn pause(
    State(shared): State<Shared>,
    caller: Caller,
    SchedulePath(id): SchedulePath,
    OptionalBody(Note { note }): OptionalBody<Note>,
) -> Answer<ScheduleDescription> {
    Ok(Json(shared.host.pause_schedule(&caller.tenant, &id, note.as_deref()).await?))
}

/// `POST /v1/schedules/{id}/unpause`.
pub(crate) async fn unpause(
    State(shared): State<Shared>,
    caller: Caller,
    SchedulePath(id): SchedulePath,
    OptionalBody(Note { note }): OptionalBody<Note>,
) -> Answer<ScheduleDescription> {
    Ok(Json(shared.host.unpause_schedule(&caller.tenant, &id, note.as_deref()).await?))
}

/// `POST /v1/schedules/{id}/trigger`: a run now.
pub(crate) async fn trigger(
    State(shared): State<Shared>,
    caller: Caller,
    SchedulePath(id): SchedulePath,
    OptionalBody(trigger): OptionalBody<TriggerSchedule>,
) -> Answer<Triggered> {
    Ok(Json(shared.host.trigger_schedule(&caller.tenant, &id, trigger).await?))
}

/// `POST /v1/schedules/{id}/backfill`: the runs of a range of the past.
pub(crate) async fn backfill(
    State(shared): State<Shared>,
    caller: Caller,
    SchedulePath(id): SchedulePath,
    Body(range): Body<BackfillSchedule>,
) -> Answer<ScheduleDescription> {
    Ok(Json(shared.host.backfill_schedule(&caller.tenant, &id, range).await?))
}
