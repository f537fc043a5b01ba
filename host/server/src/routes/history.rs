//! Histories: pages of JSON, or a stream of server-sent events that follows the run.

use std::convert::Infallible;
use std::time::Duration;

use abide_model::{Error, RunRef, Seq, Tenant};
use abide_runtime::view::History;
use axum::Json;
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream, StreamExt};
use serde::Serialize;

use crate::extract::{Caller, Given, LastEventId, Parameters, Query, RunPath, WantsStream};
use crate::problem::Problem;
use crate::state::Shared;

/// How many events the stream asks the host for at once.
const STREAM_PAGE: usize = 256;
/// How long one such question waits.
const STREAM_WAIT: Duration = Duration::from_secs(60);
/// How often a silent stream says that it lives.
pub(super) const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// What browsers are told to wait before they connect again.
const RECONNECT: Duration = Duration::from_secs(1);

/// `?from&limit&wait`.
pub(crate) struct HistoryParameters {
    from: Seq,
    limit: usize,
    wait: Duration,
}

impl Parameters for HistoryParameters {
    const NAMES: &'static [&'static str] = &["from", "limit", "wait"];

    fn read(given: &Given) -> Result<Self, Error> {
        Ok(Self { from: given.number("from")?.unwrap_or(0), limit: given.limit(100, 1000)?, wait: given.wait()? })
    }
}

/// `GET /v1/runs/{run}/history`.
pub(crate) async fn history(
    State(shared): State<Shared>,
    caller: Caller,
    RunPath(run): RunPath,
    Query(parameters): Query<HistoryParameters>,
    LastEventId(last): LastEventId,
    WantsStream(wants_stream): WantsStream,
) -> Result<Response, Problem> {
    let HistoryParameters { from, limit, wait } = parameters;
    if wants_stream {
        return Ok(follow(shared, caller.tenant, run, last.map_or(from, |last| last + 1)).await?.into_response());
    }
    let page = shared.unless_stopping(shared.host.history(&caller.tenant, &run, from, limit, wait)).await?;
    Ok(Json(page).into_response())
}

/// Where a stream stands.
struct Follower {
    shared: Shared,
    tenant: Tenant,
    run: RunRef,
    from: Seq,
    stage: Stage,
}

enum Stage {
    /// The first page was read already, so that a run that is not there is a 404 and not a stream.
    First(History),
    More,
    /// The history has ended; the closing event is to be sent.
    Ending,
    Done,
}

/// The stream: one event for each of the history, then `end`. It is cut when the server stops or the client goes; the
/// client resumes with `Last-Event-ID`.
async fn follow(
    shared: Shared,
    tenant: Tenant,
    run: RunRef,
    from: Seq,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Error> {
    let first = shared.host.history(&tenant, &run, from, STREAM_PAGE, Duration::ZERO).await?;
    // The id that the caller gave may pass to a later run; the stream stays with this one.
    let run = RunRef::Run(first.run_id);
    let follower = Follower { shared, tenant, run, from, stage: Stage::First(first) };
    let pages = stream::unfold(follower, |mut follower| async move {
        let events = follower.step().await?;
        Some((stream::iter(events.into_iter().map(Ok)), follower))
    });
    let hello = stream::iter([Ok(Event::default().retry(RECONNECT))]);
    Ok(Sse::new(hello.chain(pages.flatten())).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

impl Follower {
    /// The next events to send; `None` at the end of the stream.
    async fn step(&mut self) -> Option<Vec<Event>> {
        let page = match std::mem::replace(&mut self.stage, Stage::More) {
            Stage::First(page) => Ok(page),
            Stage::More => {
                let more = self.shared.host.history(&self.tenant, &self.run, self.from, STREAM_PAGE, STREAM_WAIT);
                tokio::select! {
                    page = more => page,
                    () = self.shared.stopping.cancelled() => return None,
                }
            }
            Stage::Ending => {
                self.stage = Stage::Done;
                let run = self.shared.host.describe(&self.tenant, &self.run).await.map(|description| description.run);
                return Some(vec![match run {
                    Ok(run) => data("end", &run),
                    Err(error) => failure(error),
                }]);
            }
            Stage::Done => return None,
        };
        Some(match page {
            Ok(page) => {
                if let Some(last) = page.events.last() {
                    self.from = last.seq + 1;
                }
                if page.ended {
                    self.stage = Stage::Ending;
                }
                page.events.iter().map(|event| data(&event.kind, event).id(event.seq.to_string())).collect()
            }
            Err(error) => {
                self.stage = Stage::Done;
                vec![failure(error)]
            }
        })
    }
}

pub(super) fn data(kind: &str, value: &impl Serialize) -> Event {
    let json = serde_json::to_string(value).unwrap_or_else(|error| {
        // The values are made of texts, numbers and checked JSON.
        tracing::error!(%error, kind, "an event has no JSON");
        "null".to_owned()
    });
    // Line ends of a JSON text stand between its tokens only. On one line the event is read rightly by every client.
    Event::default().event(kind).data(json.replace(['\n', '\r'], " "))
}

/// What ends a stream that cannot go on: the problem, as `error`.
pub(crate) fn failure(error: Error) -> Event {
    data("error", &Problem::from(error))
}
