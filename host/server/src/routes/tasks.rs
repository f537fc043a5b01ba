//! Task queues, which workers poll and answer, and calls that somebody answers later.

use abide_activities::{Answered, Beat, Complete, Defer, Fail, Heartbeat, Poll, Queues, Tasks};
use abide_model::Outcome;
use axum::Json;
use axum::extract::State;
use serde::Serialize;

use super::Answer;
use crate::extract::{Body, Caller, QueuePath, TokenPath};
use crate::state::Shared;

/// `GET /v1/tasks`: the queues as they stand.
pub(crate) async fn queues(State(shared): State<Shared>, caller: Caller) -> Answer<Queues> {
    Ok(Json(shared.host.task_queues(&caller.tenant)?))
}

/// `POST /v1/tasks/{queue}/poll`: waits for the first task, as long as the body says.
pub(crate) async fn poll(
    State(shared): State<Shared>,
    caller: Caller,
    QueuePath(queue): QueuePath,
    Body(poll): Body<Poll>,
) -> Answer<Tasks> {
    Ok(Json(shared.unless_stopping(shared.host.poll_tasks(&caller.tenant, &queue, &poll)).await?))
}

/// `POST /v1/tasks/{queue}/complete`: 200 once the result is durable.
pub(crate) async fn complete(
    State(shared): State<Shared>,
    caller: Caller,
    QueuePath(queue): QueuePath,
    Body(complete): Body<Complete>,
) -> Answer<Answered> {
    Ok(Json(shared.host.complete_task(&caller.tenant, &queue, complete).await?))
}

/// `POST /v1/tasks/{queue}/fail`.
pub(crate) async fn fail(
    State(shared): State<Shared>,
    caller: Caller,
    QueuePath(queue): QueuePath,
    Body(fail): Body<Fail>,
) -> Answer<Answered> {
    Ok(Json(shared.host.fail_task(&caller.tenant, &queue, fail).await?))
}

/// `POST /v1/tasks/{queue}/heartbeat`.
pub(crate) async fn heartbeat(
    State(shared): State<Shared>,
    caller: Caller,
    QueuePath(queue): QueuePath,
    Body(heartbeat): Body<Heartbeat>,
) -> Answer<Beat> {
    Ok(Json(shared.host.heartbeat_task(&caller.tenant, &queue, heartbeat)?))
}

/// What is said of a task that was deferred.
#[derive(Debug, Serialize)]
pub(crate) struct Deferred {
    pub(crate) deferred: bool,
}

/// `POST /v1/tasks/{queue}/defer`: 200 once it is durable that the call is answered later.
pub(crate) async fn defer(
    State(shared): State<Shared>,
    caller: Caller,
    QueuePath(queue): QueuePath,
    Body(defer): Body<Defer>,
) -> Answer<Deferred> {
    shared.host.defer_task(&caller.tenant, &queue, &defer).await?;
    Ok(Json(Deferred { deferred: true }))
}

/// `POST /v1/completions/{token}`: 200 once the answer is durable.
pub(crate) async fn complete_by_token(
    State(shared): State<Shared>,
    caller: Caller,
    TokenPath(token): TokenPath,
    Body(outcome): Body<Outcome>,
) -> Answer<Answered> {
    Ok(Json(shared.host.complete_call(&caller.tenant, &token, outcome).await?))
}
