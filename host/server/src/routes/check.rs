//! The fleet check: what a version would do to all histories, as a stream of one answer for each.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;

use abide_model::Error;
use abide_runtime::view::{CheckSummary, CheckedRun};
use abide_runtime::{Check, Checking};
use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures_util::stream::{self, Stream, StreamExt};

use super::history::{KEEP_ALIVE, data, failure};
use crate::extract::{Caller, Component, Given, NamePath, Parameters, Query};
use crate::problem::Problem;
use crate::state::Shared;

/// `?filter=…&version=…&fuel=true`.
pub(crate) struct CheckParameters {
    filter: Option<String>,
    version: Option<String>,
    fuel: bool,
}

impl Parameters for CheckParameters {
    const NAMES: &'static [&'static str] = &["filter", "version", "fuel"];

    fn read(given: &Given) -> Result<Self, Error> {
        let text = |name| given.text(name).map(str::to_owned);
        let fuel = given.flag("fuel")?.unwrap_or_default();
        Ok(Self { filter: text("filter"), version: text("version"), fuel })
    }
}

/// `POST /v1/workflows/{name}/check`: an event `run` for each history, then `end`. It ends early when the client goes.
pub(crate) async fn check(
    State(shared): State<Shared>,
    caller: Caller,
    NamePath(workflow): NamePath,
    Query(parameters): Query<CheckParameters>,
    Component(file): Component,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let CheckParameters { filter, version, fuel } = parameters;
    let component = Some(file).filter(|file| !file.is_empty());
    let check = Check { workflow, filter, component, version, fuel };
    let checking = shared.host.check(&caller.tenant, check).await?;
    let summary = CheckSummary { version: checking.version(), total: 0, counts: BTreeMap::new() };
    let answers = Answers { shared, checking, ready: VecDeque::new(), summary, done: false };
    let events = stream::unfold(answers, |mut answers| async move {
        let event = answers.next().await?;
        Some((event, answers))
    });
    Ok(Sse::new(events.map(Ok)).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

/// Where a stream stands.
struct Answers {
    shared: Shared,
    checking: Checking,
    ready: VecDeque<CheckedRun>,
    summary: CheckSummary,
    done: bool,
}

impl Answers {
    /// The next event to send; `None` at the end of the stream.
    async fn next(&mut self) -> Option<Event> {
        while !self.done {
            if let Some(checked) = self.ready.pop_front() {
                self.summary.add(&checked);
                return Some(data("run", &checked));
            }
            let more = tokio::select! {
                more = self.checking.next() => more,
                () = self.shared.stopping.cancelled() => return None,
            };
            match more {
                Ok(Some(page)) => self.ready.extend(page),
                Ok(None) => {
                    self.done = true;
                    return Some(data("end", &self.summary));
                }
                Err(error) => {
                    self.done = true;
                    return Some(failure(error));
                }
            }
        }
        None
    }
}
