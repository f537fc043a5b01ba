//! What takes long: following a history, waiting for a result. Both get over a host that goes away and comes back.

use std::time::Duration;

use abide_model::{Error, Json, Run, Seq};
use abide_runtime::view::HistoryEvent;
use abide_server::{Problem, parse_duration};
use anyhow::{Context, Result};
use clap::Args;
use reqwest::header::ACCEPT;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::Client;
use super::events::{Events, Frame};
use super::patience::Patience;
use crate::exit::{Exit, Fault};
use crate::output::note;

/// How long one question for the result waits at the host.
const WAIT: &str = "10s";
/// When a question or a stream that says nothing counts as lost: streams say every 10 s that they live.
const SILENCE: Duration = Duration::from_secs(45);
/// How many events a page of a history has.
const PAGE: &str = "1000";

/// How patient to be with the host.
#[derive(Debug, Clone, Args)]
pub(crate) struct Waiting {
    /// How long the host may be away while a command waits
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = duration)]
    reconnect_for: Duration,
}

fn duration(text: &str) -> Result<Duration, Error> {
    parse_duration(text)
}

impl Client {
    /// Gives every event that is there now to `show`.
    pub(crate) async fn history(&self, run: &str, mut show: impl FnMut(Told) -> Result<()>) -> Result<()> {
        let mut from = Some(0);
        while let Some(first) = from {
            let mut url = self.url(&["v1", "runs", run, "history"]);
            url.query_pairs_mut().append_pair("from", &first.to_string()).append_pair("limit", PAGE);
            let page: Page = self.ask(self.http.get(url)).await?;
            page.events.into_iter().try_for_each(|event| show(Told::read(event)?))?;
            from = page.next;
        }
        Ok(())
    }

    /// Gives every event of a run to `show` until the run is closed.
    pub(crate) async fn follow(
        &self,
        run: &str,
        waiting: &Waiting,
        mut show: impl FnMut(Told) -> Result<()>,
    ) -> Result<Run> {
        let mut patience = Patience::new(self.server(), waiting.reconnect_for);
        let mut last = None;
        loop {
            let lost = match self.stream(run, &mut last, &mut patience, &mut show).await? {
                Streamed::Closed(run) => return Ok(*run),
                Streamed::Lost(fault) => fault,
            };
            patience.after(lost, self.has_answered()).await?;
        }
    }

    /// Follows one stream to its end.
    async fn stream(
        &self,
        run: &str,
        last: &mut Option<Seq>,
        patience: &mut Patience,
        show: &mut impl FnMut(Told) -> Result<()>,
    ) -> Result<Streamed> {
        let mut request = self.http.get(self.url(&["v1", "runs", run, "history"])).header(ACCEPT, "text/event-stream");
        if let Some(last) = last {
            request = request.header("last-event-id", last.to_string());
        }
        let mut response = match self.send(request).await {
            Ok(response) => response,
            Err(fault) => return Ok(Streamed::Lost(fault)),
        };
        patience.reached();
        let mut events = Events::default();
        loop {
            let piece = match timeout(SILENCE, response.chunk()).await {
                Ok(Ok(Some(piece))) => piece,
                Ok(Ok(None)) => return Ok(Streamed::Lost(self.cut("it closed the stream"))),
                Ok(Err(error)) => return Ok(Streamed::Lost(self.cut(&error.to_string()))),
                Err(_) => return Ok(Streamed::Lost(self.cut("it says nothing more"))),
            };
            for frame in events.take(&piece)? {
                match frame.event.as_str() {
                    "end" => return Ok(Streamed::Closed(Box::new(read(&frame)?))),
                    "error" => return Ok(Streamed::Lost(read::<Problem>(&frame)?.into())),
                    _ => {
                        let told = Told::read(read(&frame)?)?;
                        let seq = told.event.seq;
                        show(told)?;
                        *last = Some(seq);
                    }
                }
            }
        }
    }

    pub(super) fn cut(&self, why: &str) -> Fault {
        Fault::new(Exit::Unreachable, "host-unreachable", format!("lost the host at {}: {why}", self.server()))
    }

    /// The run once it is closed; at once if `waiting` is `None`.
    pub(crate) async fn result(&self, run: &str, waiting: Option<&Waiting>) -> Result<Run> {
        let mut url = self.url(&["v1", "runs", run, "result"]);
        let Some(waiting) = waiting else { return self.ask(self.http.get(url)).await };
        url.query_pairs_mut().append_pair("wait", WAIT);
        let mut patience = Patience::new(self.server(), waiting.reconnect_for);
        let mut said_parked = false;
        loop {
            let answer = match timeout(SILENCE, self.ask(self.http.get(url.clone()))).await {
                Ok(answer) => answer,
                Err(_) => Err(self.cut("it says nothing more").into()),
            };
            let fault = match answer {
                Ok(run) => {
                    patience.reached();
                    return Ok(run);
                }
                Err(error) => error.downcast::<Fault>()?,
            };
            if fault.exit == Exit::StillOpen {
                patience.reached();
                if !said_parked {
                    said_parked = self.say_if_parked(run).await;
                }
            } else {
                patience.after(fault, self.has_answered()).await?;
            }
        }
    }

    /// A parked run does not go on by itself: who waits for it should know.
    async fn say_if_parked(&self, run: &str) -> bool {
        // The result is asked for again in any case, and that tells what is wrong.
        let Ok(description) = self.describe(run).await else { return false };
        let Some(parked) = description.run.parked else { return false };
        note(format!(
            "abide: the run is parked: {}; it goes on with `abide resume {}`",
            parked.message, description.run.run_id
        ));
        true
    }
}

/// A page of a history, with its events as they came.
#[derive(Deserialize)]
struct Page {
    events: Vec<Json>,
    next: Option<Seq>,
}

/// An event as it came, and as it was read. The latter does not tell a `null` from what is not there.
pub(crate) struct Told {
    pub(crate) json: Json,
    pub(crate) event: HistoryEvent,
}

impl Told {
    fn read(json: Json) -> Result<Self> {
        let event = json.read().context("an event of the host cannot be read: is it another release?")?;
        Ok(Self { json, event })
    }
}

/// How a stream ended.
enum Streamed {
    /// The run is closed.
    Closed(Box<Run>),
    /// The host went away, or refused.
    Lost(Fault),
}

pub(super) fn read<T: DeserializeOwned>(frame: &Frame) -> Result<T> {
    serde_json::from_str(&frame.data)
        .with_context(|| format!("the event `{}` of the host cannot be read: is it another release?", frame.event))
}
