//! What a store should hold, kept the simplest way: to compare with.

use std::collections::{BTreeMap, BTreeSet};

use abide_history::{Commit, DueTimer, ForkOf, KeyUse, LedgerRow, Metered, RunFilter, RunTimer, Store, StoreError};
use abide_model::ledger::{Line, Sizes, entries};
use abide_model::{
    CallerId, Counters, Day, Digest, Event, Filter, Json, Node, Recorded, RecordedRequest, Request, Run, RunId,
    RunStatus, Tenant, WorkflowName,
};

/// All that is in a store, but for versions.
#[derive(Debug, Default, Clone)]
pub(crate) struct Reference {
    runs: BTreeMap<(Tenant, RunId), History>,
    ids: BTreeMap<(Tenant, CallerId), RunId>,
    /// Forks, with the run that has the events that they share, and how many these are.
    forks: BTreeMap<(Tenant, RunId), (RunId, u64)>,
    /// What was counted, by day, workflow and line.
    ledger: BTreeMap<(Tenant, Day, WorkflowName, Line), Counters>,
}

#[derive(Debug, Default, Clone)]
struct History {
    events: Vec<Recorded>,
    nodes: BTreeMap<Digest, Node>,
    row: Option<Run>,
    ready: bool,
    timers: BTreeSet<RunTimer>,
    published: BTreeMap<String, Json>,
    keys: BTreeMap<String, KeyUse>,
    forked: bool,
    /// Of a run that is deleted: so many events are kept for its forks.
    kept: u64,
    used: Counters,
}

impl History {
    fn closed(&self) -> bool {
        self.events.last().is_some_and(|last| last.event.is_last())
    }
}

impl Reference {
    /// What a store has to answer, and nothing is changed where it is refused.
    pub(crate) fn commit(&mut self, commit: &Commit) -> Result<(), StoreError> {
        self.may_be_made(commit, None)?;
        if let Some(start) = &commit.successor {
            self.may_be_made(start, Some(commit.run_id))?;
        }
        self.apply(commit);
        commit.successor.iter().for_each(|start| self.apply(start));
        Ok(())
    }

    /// Whether a commit may be made after the one that ends the run `ended`.
    fn may_be_made(&self, commit: &Commit, ended: Option<RunId>) -> Result<(), StoreError> {
        let found = self.runs.get(&(commit.tenant.clone(), commit.run_id));
        let length = found.map_or(0, |run| run.events.len() as u64);
        let kept = found.map_or(0, |run| run.kept);
        let actual = length.max(kept);
        let closed = found.is_some_and(History::closed);
        if kept > 0 || actual != commit.expected_length || (closed && !commit.events.is_empty()) {
            return Err(StoreError::Conflict { run_id: commit.run_id, expected: commit.expected_length, actual });
        }
        if let Some(fork) = &commit.fork
            && self.length(&commit.tenant, fork.run_id) == 0
        {
            return Err(StoreError::NoSuchRun(fork.run_id));
        }
        let Some(row) = commit.run.as_ref().filter(|_| commit.expected_length == 0) else { return Ok(()) };
        let Some(latest) = self.ids.get(&(commit.tenant.clone(), row.id.clone())) else { return Ok(()) };
        let Some(row) = self.runs[&(commit.tenant.clone(), *latest)].row.as_ref() else { return Ok(()) };
        if row.status.is_open() && ended != Some(*latest) {
            return Err(StoreError::RunAlreadyOpen(*latest));
        }
        match commit.id_reuse.allows_after(row.status) {
            true => Ok(()),
            false => Err(StoreError::IdUsed { run_id: *latest, status: row.status }),
        }
    }

    fn apply(&mut self, commit: &Commit) {
        if let Some(row) = commit.run.as_ref().filter(|_| commit.expected_length == 0) {
            self.ids.insert((commit.tenant.clone(), row.id.clone()), commit.run_id);
        }
        let beginning = commit.fork.map(|fork| self.fork(&commit.tenant, commit.run_id, fork));
        let run = self.runs.entry((commit.tenant.clone(), commit.run_id)).or_default();
        if let Some(beginning) = beginning {
            let timers = std::mem::take(&mut run.timers);
            *run = History { timers, ..beginning };
        }
        run.events.extend(commit.events.iter().cloned());
        run.nodes.extend(commit.nodes.iter().cloned());
        run.row = commit.run.clone().or(run.row.take());
        run.ready = commit.ready.unwrap_or(run.ready);
        run.timers.extend(&commit.timers_set);
        run.timers.retain(|timer| !commit.timers_cleared.contains(timer));
        run.published.extend(commit.published.iter().cloned());
        run.keys.extend(commit.key.clone());
        let Some(workflow) = run.row.as_ref().map(|row| row.workflow.clone()) else { return };
        let mut count = |time_ms, line, counters: &Counters| {
            run.used.add(counters);
            let key = (commit.tenant.clone(), Day::of(time_ms), workflow.clone(), line);
            self.ledger.entry(key).or_default().add(counters);
        };
        for recorded in commit.events.iter().skip(commit.counted) {
            let event = minicbor::to_vec(recorded).expect("an event can be encoded").len() as u64;
            let request = match &recorded.event {
                Event::CallRequested(call) => request_of(&run.nodes, &call.request).len() as u64,
                _ => 0,
            };
            for (line, counters) in entries(recorded, Sizes { event, request }) {
                count(recorded.time_ms, line, &counters);
            }
        }
        if let Some(Metered { time_ms, fuel, resident_ms, .. }) = commit.ledger.filter(|used| used.fuel > 0) {
            count(time_ms, Line::Runs, &Counters { fuel, resident_ms, ..Counters::default() });
        }
    }

    /// What a fork begins with: a copy.
    fn fork(&mut self, tenant: &Tenant, run_id: RunId, fork: ForkOf) -> History {
        let origin = &self.runs[&(tenant.clone(), fork.run_id)];
        let beginning = History {
            events: origin.events[..fork.cut as usize].to_vec(),
            nodes: origin.nodes.clone(),
            keys: origin.keys.clone().into_iter().filter(|(_, used)| used.seq < fork.cut).collect(),
            forked: true,
            ..History::default()
        };
        let mut owner = fork.run_id;
        while let Some((above, _)) = self.forks.get(&(tenant.clone(), owner)).filter(|(_, cut)| *cut >= fork.cut) {
            owner = *above;
        }
        self.forks.insert((tenant.clone(), run_id), (owner, fork.cut));
        beginning
    }

    /// How many events of a run its forks share.
    fn shared(&self, tenant: &Tenant, run_id: RunId) -> Option<u64> {
        let forks = self.forks.iter().filter(|((owner, _), (of, _))| owner == tenant && *of == run_id);
        forks.map(|(_, (_, cut))| *cut).max()
    }

    /// A run of which nothing is left, unless it has forks, lets go of the one that it was forked from.
    fn let_go(&mut self, tenant: &Tenant, run_id: RunId) {
        let shared = self.shared(tenant, run_id);
        if let Some(run) = self.runs.get_mut(&(tenant.clone(), run_id)) {
            // What is kept does not become less when some of the forks go.
            run.kept = shared.map_or(0, |shared| shared.max(run.kept));
        }
        if shared.is_none()
            && let Some((of, _)) = self.forks.remove(&(tenant.clone(), run_id))
            && self.length(tenant, of) == 0
        {
            self.let_go(tenant, of);
        }
    }

    /// Deletes a run, if it has ended; its timers stay. Gives whether it had.
    pub(crate) fn delete(&mut self, tenant: &Tenant, run_id: RunId) -> bool {
        let Some(run) = self.runs.get_mut(&(tenant.clone(), run_id)).filter(|run| run.closed()) else { return false };
        let timers = std::mem::take(&mut run.timers);
        let row = std::mem::replace(run, History { timers, ..History::default() }).row;
        self.let_go(tenant, run_id);
        let Some(row) = row else { return true };
        let id = (tenant.clone(), row.id.clone());
        if self.ids.get(&id) == Some(&run_id) {
            let of_id = |run: &History| run.row.as_ref().is_some_and(|other| other.id == row.id);
            let left = self.runs.iter().rfind(|((owner, _), run)| owner == tenant && of_id(run));
            match left.map(|((_, newest), _)| *newest) {
                Some(newest) => self.ids.insert(id, newest),
                None => self.ids.remove(&id),
            };
        }
        true
    }

    /// Whether an idempotency key of a run was used.
    pub(crate) fn has_key(&self, tenant: &Tenant, run_id: RunId, key: &str) -> bool {
        self.runs.get(&(tenant.clone(), run_id)).is_some_and(|run| run.keys.contains_key(key))
    }

    /// The length of a history.
    pub(crate) fn length(&self, tenant: &Tenant, run_id: RunId) -> u64 {
        self.runs.get(&(tenant.clone(), run_id)).map_or(0, |run| run.events.len() as u64)
    }

    /// Panics where a store holds anything else.
    pub(crate) async fn check(&self, store: &dyn Store) -> Result<(), StoreError> {
        let (mut ready, mut timers) = (Vec::new(), BTreeSet::new());
        for ((tenant, run_id), run) in &self.runs {
            let run_id = *run_id;
            assert_eq!(store.length(tenant, run_id).await?, run.events.len() as u64, "length of {run_id}");
            let events: Vec<_> = store.events(tenant, run_id, 0, 10_000).await?;
            assert_eq!(events, (0..).zip(run.events.iter().cloned()).collect::<Vec<_>>(), "events of {run_id}");
            assert_eq!(store.run(tenant, run_id).await?, run.row, "row of {run_id}");
            let published: Vec<_> = run.published.clone().into_iter().collect();
            assert_eq!(store.published(tenant, run_id).await?, published, "published by {run_id}");
            for (key, used) in &run.keys {
                assert_eq!(store.key(tenant, run_id, key).await?, Some(*used), "key `{key}` of {run_id}");
            }
            for recorded in &run.events {
                match &recorded.event {
                    Event::CallRequested(call) => {
                        let request = store.request(tenant, run_id, &call.request).await?;
                        assert_eq!(request, request_of(&run.nodes, &call.request), "request of {run_id}");
                    }
                    // A fork does not know a key that was used for something else later.
                    Event::SignalReceived(signal) if signal.key.is_some() && !run.forked => {
                        let key = signal.key.as_ref().expect("it was just seen");
                        assert!(run.keys.contains_key(key), "the workload gives each key to the store");
                    }
                    _ => {}
                }
            }
            ready.extend(run.ready.then(|| (tenant.clone(), run_id)));
            timers.extend(run.timers.iter().map(|timer| (tenant.clone(), *timer, run_id)));
        }
        assert_eq!(store.ready(None, 10_000).await?, ready, "ready runs");
        let due = store.due_timers(u64::MAX, 10_000).await?.into_iter();
        let due: BTreeSet<_> = due.map(|DueTimer { tenant, run_id, timer }| (tenant, timer, run_id)).collect();
        assert_eq!(due, timers, "timers");
        let next = timers.iter().map(|(_, timer, _)| timer.due_ms).min();
        assert_eq!(store.next_timer().await?, next, "next timer");
        for ((tenant, id), latest) in &self.ids {
            assert_eq!(store.latest_run(tenant, id).await?, Some(*latest), "latest run of {id}");
        }
        self.check_ledger(store).await?;
        self.check_lists(store).await
    }

    /// Nothing of what is there was counted: a release wrote it that had no ledger.
    pub(crate) fn forget_ledger(&mut self) {
        self.ledger.clear();
        self.runs.values_mut().for_each(|run| run.used = Counters::default());
    }

    async fn check_ledger(&self, store: &dyn Store) -> Result<(), StoreError> {
        for ((tenant, run_id), run) in &self.runs {
            let stored = store.run_ledger(tenant, *run_id).await?.map(|ledger| ledger.counters).unwrap_or_default();
            assert_eq!(stored, run.used, "what {run_id} used");
        }
        let tenants: BTreeSet<_> = self.ledger.keys().map(|(tenant, ..)| tenant).collect();
        for tenant in tenants {
            let rows = store.ledger(tenant, (Day(0), Day(u32::MAX)), None, 10_000).await?;
            let rows: BTreeMap<_, _> = rows
                .into_iter()
                .map(|LedgerRow { key, counters }| ((tenant.clone(), key.day, key.workflow, key.line), counters))
                .collect();
            let expected = self.ledger.iter().filter(|((owner, ..), _)| owner == tenant);
            assert_eq!(rows, expected.map(|(key, used)| (key.clone(), used.clone())).collect(), "ledger of {tenant}");
            let mut days: BTreeMap<Day, Counters> = BTreeMap::new();
            rows.iter().for_each(|((_, day, ..), used)| days.entry(*day).or_default().add(used));
            for (day, used) in days {
                assert_eq!(store.day_ledger(tenant, day).await?, used, "{day} of {tenant}");
            }
        }
        Ok(())
    }

    async fn check_lists(&self, store: &dyn Store) -> Result<(), StoreError> {
        let tenants: BTreeSet<_> = self.runs.keys().map(|(tenant, _)| tenant).collect();
        for tenant in tenants {
            let listed = store.runs(tenant, &RunFilter::default(), None, 10_000).await?;
            let of = self.runs.iter().filter(|((owner, _), _)| owner == tenant);
            let expected: Vec<_> = of.rev().filter_map(|(_, run)| run.row.clone()).collect();
            assert_eq!(listed.runs, expected, "list of runs of {tenant}");
            let statuses = RunStatus::ALL.map(|status| format!("status = '{status}'"));
            for text in statuses.iter().map(String::as_str).chain(["third = 1", "third = 1 and status = 'running'"]) {
                let filter = RunFilter { filter: Filter::parse(text, 0).ok(), ..RunFilter::default() };
                let listed = store.runs(tenant, &filter, None, 10_000).await?;
                let expected: Vec<_> = expected.iter().filter(|run| filter.matches(run)).cloned().collect();
                assert_eq!(listed.runs, expected, "runs of {tenant} with {text}");
            }
        }
        Ok(())
    }
}

fn request_of(nodes: &BTreeMap<Digest, Node>, recorded: &RecordedRequest) -> Request {
    let (head, last) = match recorded {
        RecordedRequest::Inline(head) => return Request::new(head.clone()),
        RecordedRequest::Stored(head, last, _) => (head, last),
    };
    let chain = std::iter::successors(last.as_ref(), |digest| nodes[digest].parent.as_ref());
    let mut messages: Vec<_> = chain.map(|digest| nodes[digest].text.clone()).collect();
    messages.reverse();
    Request { head: nodes[head].text.clone(), messages }
}
