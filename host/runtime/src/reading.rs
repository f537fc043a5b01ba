//! What the host shows: rows, descriptions, histories, results. All of it is read from the store, so all of it is durable.

use std::collections::BTreeMap;
use std::time::Duration;

use abide_history::RunFilter;
use abide_model::{
    CallIndex, CallKind, Error, ErrorCode, Event, Json, Recorded, RecordedRequest, Run, RunId, RunRef, Seq, Tenant,
};
use tokio::time::Instant;

use crate::Host;
use crate::errors;
use crate::inner::RunKey;
use crate::view::{Description, History, HistoryEvent, OpenCall, Runs};

/// The longest page of runs or events.
const MAX_PAGE: usize = 1000;
/// A page of events ends when the requests in it have more bytes than this.
const MAX_PAGE_REQUEST_BYTES: usize = 4 << 20;
/// How much of a request a description shows.
const SUMMARY_CHARS: usize = 120;

impl Host {
    /// Runs, newest first.
    pub async fn runs(
        &self,
        tenant: &Tenant,
        filter: &RunFilter,
        cursor: Option<RunId>,
        limit: usize,
    ) -> Result<Runs, Error> {
        Ok(self.inner.store.runs(tenant, filter, cursor, limit.clamp(1, MAX_PAGE)).await?.into())
    }

    /// A run in detail.
    pub async fn describe(&self, tenant: &Tenant, run: &RunRef) -> Result<Description, Error> {
        let key = self.find(tenant, run).await?;
        let run = self.row(&key).await?;
        let history = self.inner.read_history(&key).await?;
        let mut standing = Standing::default();
        for (seq, recorded) in &history {
            standing.apply(*seq, recorded);
        }
        let Standing { mut open, signals, updates } = standing;
        if !run.status.is_open() {
            open.clear();
        }
        let published = self.inner.store.published(tenant, key.run_id).await?;
        Ok(Description {
            history_length: history.len() as Seq,
            open_calls: open.into_values().collect(),
            buffered_signals: signals.waiting(),
            buffered_updates: updates.waiting(),
            published: published.into_iter().collect(),
            resident: self.inner.residency.has(&key),
            run,
        })
    }

    /// A page of the history. Waits up to `wait` for an event at `from`, where the run is open.
    pub async fn history(
        &self,
        tenant: &Tenant,
        run: &RunRef,
        from: Seq,
        limit: usize,
        wait: Duration,
    ) -> Result<History, Error> {
        let key = self.find(tenant, run).await?;
        let limit = limit.clamp(1, MAX_PAGE);
        let until = Instant::now() + wait;
        let mut follower = self.inner.followers.follow(&key);
        loop {
            let page = self.inner.store.events(tenant, key.run_id, from, limit).await?;
            if !page.is_empty() {
                return self.show(&key, page).await;
            }
            let open = self.row(&key).await?.status.is_open();
            let went_on = async { tokio::time::timeout_at(until, follower.went_on()).await.is_ok() };
            if !open || !went_on.await {
                // The run may have ended between the two looks.
                let page = self.inner.store.events(tenant, key.run_id, from, limit).await?;
                if page.is_empty() {
                    return Ok(History { run_id: key.run_id, events: Vec::new(), next: None, ended: !open });
                }
                return self.show(&key, page).await;
            }
        }
    }

    async fn show(&self, key: &RunKey, page: Vec<(Seq, Recorded)>) -> Result<History, Error> {
        let mut events = Vec::with_capacity(page.len());
        let mut ended = false;
        let mut request_bytes = 0;
        for (seq, recorded) in page {
            // A conversation is stored once and shown whole with each call: a page of it could be huge.
            if request_bytes > MAX_PAGE_REQUEST_BYTES {
                break;
            }
            let request = match &recorded.event {
                Event::CallRequested(requested) => {
                    Some(self.inner.store.request(&key.tenant, key.run_id, &requested.request).await?.to_json())
                }
                _ => None,
            };
            request_bytes += request.as_ref().map_or(0, Json::len);
            ended = recorded.event.is_last();
            events.push(HistoryEvent::of(seq, &recorded, request));
        }
        let after = events.last().map_or(0, |event| event.seq + 1);
        let more = !ended && self.inner.store.length(&key.tenant, key.run_id).await? > after;
        Ok(History { run_id: key.run_id, events, next: more.then_some(after), ended })
    }

    /// A run that ended. `NotYet` where it does not end within `wait`.
    pub async fn result(&self, tenant: &Tenant, run: &RunRef, wait: Duration) -> Result<Run, Error> {
        let key = self.find(tenant, run).await?;
        let until = Instant::now() + wait;
        let mut follower = self.inner.followers.follow(&key);
        let run = self.row(&key).await?;
        if !run.status.is_open() {
            return Ok(run);
        }
        // Whether it ended in time or not, its row says how it stands.
        let _ = tokio::time::timeout_at(until, follower.ended()).await;
        let run = self.row(&key).await?;
        if !run.status.is_open() {
            return Ok(run);
        }
        let hint = match &run.parked {
            Some(reason) => format!("it is parked: {}", reason.message),
            None => "wait longer, or ask again".to_owned(),
        };
        Err(Error::new(ErrorCode::NotYet, format!("run `{}` has not ended: {hint}", run.run_id)).about(run.run_id))
    }

    /// Which run is meant.
    pub(crate) async fn find(&self, tenant: &Tenant, run: &RunRef) -> Result<RunKey, Error> {
        let run_id = match run {
            RunRef::Run(run_id) => *run_id,
            RunRef::Caller(id) => self.inner.store.latest_run(tenant, id).await?.ok_or_else(|| {
                let message = format!("there is no run with the id `{id}`: `abide list` shows the runs");
                Error::new(ErrorCode::RunNotFound, message)
            })?,
        };
        let key = RunKey { tenant: tenant.clone(), run_id };
        // A run that is not there has no task made for it.
        if matches!(run, RunRef::Run(_)) && !self.inner.registry.has(&key) {
            self.row(&key).await?;
        }
        Ok(key)
    }

    /// The row of a run.
    pub(crate) async fn row(&self, key: &RunKey) -> Result<Run, Error> {
        self.inner.store.run(&key.tenant, key.run_id).await?.ok_or_else(|| errors::no_run(key))
    }
}

/// What a run waits for, by its history.
#[derive(Default)]
struct Standing {
    open: BTreeMap<CallIndex, OpenCall>,
    signals: Messages,
    updates: Messages,
}

/// The messages of one sort: those that wait to be received, and the calls that wait for one.
#[derive(Default)]
struct Messages {
    buffered: BTreeMap<String, u64>,
    receivers: BTreeMap<CallIndex, String>,
}

impl Messages {
    /// A call asks for a message; `true` where one was there.
    fn receive(&mut self, call: CallIndex, name: String) -> bool {
        if let Some(count) = self.buffered.get_mut(&name).filter(|count| **count > 0) {
            *count -= 1;
            return true;
        }
        self.receivers.insert(call, name);
        false
    }

    /// A message came: gives the call that receives it.
    fn put(&mut self, name: &str) -> Option<CallIndex> {
        let receiver = self.receivers.iter().find(|(_, waits)| *waits == name).map(|(call, _)| *call);
        match receiver {
            Some(call) => self.receivers.remove(&call),
            None => {
                *self.buffered.entry(name.to_owned()).or_default() += 1;
                None
            }
        };
        receiver
    }

    /// Those that wait, by name.
    fn waiting(self) -> BTreeMap<String, u64> {
        self.buffered.into_iter().filter(|(_, count)| *count > 0).collect()
    }
}

impl Standing {
    fn apply(&mut self, seq: Seq, recorded: &Recorded) {
        let received = match &recorded.event {
            Event::CallRequested(requested) => {
                let messages = match requested.kind {
                    CallKind::SignalsReceive => Some(&mut self.signals),
                    CallKind::UpdatesReceive => Some(&mut self.updates),
                    _ => None,
                };
                let name = || received_name(&requested.request);
                if messages.is_some_and(|messages| messages.receive(requested.call, name())) {
                    return;
                }
                let open = OpenCall {
                    call: requested.call,
                    event: seq,
                    kind: requested.kind,
                    summary: summary(&requested.request),
                    since_ms: recorded.time_ms,
                };
                self.open.insert(requested.call, open);
                None
            }
            Event::CallCompleted(completed) => Some(completed.call),
            Event::CallCancelled(cancelled) => {
                self.signals.receivers.remove(&cancelled.call);
                self.updates.receivers.remove(&cancelled.call);
                Some(cancelled.call)
            }
            Event::SignalReceived(signal) => self.signals.put(&signal.name),
            Event::UpdateReceived(update) => self.updates.put(&update.name),
            Event::CancelRequested(_) => {
                self.open.retain(|_, open| open.kind != CallKind::CancellationRequested);
                None
            }
            _ => None,
        };
        if let Some(call) = received {
            self.open.remove(&call);
        }
    }
}

fn received_name(request: &RecordedRequest) -> String {
    let RecordedRequest::Inline(json) = request else { return String::new() };
    let value: serde_json::Value = json.read().unwrap_or_default();
    value.get("name").and_then(|name| name.as_str()).unwrap_or_default().to_owned()
}

pub(crate) fn summary(request: &RecordedRequest) -> String {
    match request {
        RecordedRequest::Inline(json) => match json.as_str().char_indices().nth(SUMMARY_CHARS) {
            Some((end, _)) => format!("{}…", &json.as_str()[..end]),
            None => json.as_str().to_owned(),
        },
        RecordedRequest::Stored(_, _, count) => format!("{count} messages"),
    }
}
