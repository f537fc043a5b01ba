//! What a store of histories promises. The rest of the host knows stores only by this trait; `conformance` holds the tests that
//! every store passes.
//!
//! One commit changes one run (or one workflow), wholly or not at all, and it is durable when its future gives `Ok`. Stores
//! are free to write the commits of many runs with one disk sync. No call here may be made under a lock.

use std::pin::Pin;

use abide_model::ledger::Line;
use abide_model::{
    AuditEntry, AuditId, CallIndex, CallerId, Counters, Day, Digest, Filter, IdReuse, Json, Node, Recorded,
    RecordedRequest, Request, Routing, Run, RunId, RunLedger, RunStatus, Schedule, ScheduleId, Seq, Tenant, Term,
    WorkflowName,
};
use bytes::Bytes;

use crate::{
    Document, DocumentChange, DocumentKind, DueSchedule, Keyring, Owner, ScheduleChange, SchedulePage, StoreError,
    StoreShare, UploadedTool, Usage, Version, VersionsChange,
};

/// What a store's methods give.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// A change of one run. All of it is durable, or none.
#[derive(Debug, Clone, PartialEq)]
pub struct Commit {
    /// Whose run.
    pub tenant: Tenant,
    /// Which run.
    pub run_id: RunId,
    /// How many events the history has before this change. Another length is refused with [`StoreError::Conflict`]: then
    /// somebody else wrote the run; so are events after one that closed it. 0 starts a run: it also claims the id of `run`, and is refused with
    /// [`StoreError::RunAlreadyOpen`] while the latest run of that id is open.
    pub expected_length: Seq,
    /// Events to append. Their places follow from `expected_length`.
    pub events: Vec<Recorded>,
    /// Parts of the requests in `events`. Those that are there already are left as they are.
    pub nodes: Vec<(Digest, Node)>,
    /// The new row of the run, if it changes. Needed to start one.
    pub run: Option<Run>,
    /// Whether the run is to be driven when a host comes up: it has activities in flight or inputs that the guest was not
    /// given. `None` leaves it as it is.
    pub ready: Option<bool>,
    /// Timers that are set. One that is set and cleared by the same change is cleared.
    pub timers_set: Vec<RunTimer>,
    /// Timers that rang or were cancelled. Clearing one that is not there is fine.
    pub timers_cleared: Vec<RunTimer>,
    /// Published values that change.
    pub published: Vec<(String, Json)>,
    /// An idempotency key that a sender gave, with the digest of what it sent and the event that it led to.
    pub key: Option<(String, KeyUse)>,
    /// Of a start: whether it may take the id of a run that has ended. If not, it is refused with [`StoreError::IdUsed`].
    pub id_reuse: IdReuse,
    /// Of a change that ends a run: the start of the run that takes over its id. Both are durable, or neither.
    pub successor: Option<Box<Commit>>,
    /// The step of the schedule that starts this run: both are durable, or neither.
    pub schedule: Option<ScheduleChange>,
    /// Of a start: the run begins with events of another run, and `events` follow them.
    pub fork: Option<ForkOf>,
    /// What the run used beside what its events say. What those say is counted in any case, in the same change.
    pub ledger: Option<Metered>,
    /// So many of `events`, from the first on, were counted elsewhere: they are copied from another run or come from another host.
    pub counted: usize,
}

/// What a run used that no event says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Metered {
    /// When: it counts for the day of this time.
    pub time_ms: u64,
    /// Fuel.
    pub fuel: u64,
    /// Time in memory.
    pub resident_ms: u64,
    /// The last input whose fuel is counted now, where that changes.
    pub settled: Option<Seq>,
}

impl Commit {
    /// A change that changes nothing yet.
    pub fn new(tenant: Tenant, run_id: RunId, expected_length: Seq) -> Self {
        Self {
            tenant,
            run_id,
            expected_length,
            events: Vec::new(),
            nodes: Vec::new(),
            run: None,
            ready: None,
            timers_set: Vec::new(),
            timers_cleared: Vec::new(),
            published: Vec::new(),
            key: None,
            id_reuse: IdReuse::default(),
            successor: None,
            schedule: None,
            fork: None,
            ledger: None,
            counted: 0,
        }
    }
}

/// What a run begins with that is a fork: the first events of another run, with their requests and the idempotency keys that led to them.
/// They are not copied, and they stay when that run is deleted, until the last of its forks is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ForkOf {
    /// The other run. It is refused with [`StoreError::NoSuchRun`] where there is none.
    pub run_id: RunId,
    /// The first of its events that the fork does not have: 1 at least, and not more than it has.
    pub cut: Seq,
}

/// Which numbers of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerKey {
    /// Of which day.
    pub day: Day,
    /// Of which workflow.
    pub workflow: WorkflowName,
    /// About what.
    pub line: Line,
}

/// Numbers of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerRow {
    /// Which.
    pub key: LedgerKey,
    /// The numbers.
    pub counters: Counters,
}

/// A timer of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunTimer {
    /// When it rings.
    pub due_ms: u64,
    /// The call that waits for it.
    pub call: CallIndex,
}

/// A timer that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueTimer {
    /// Whose.
    pub tenant: Tenant,
    /// Of which run.
    pub run_id: RunId,
    /// The timer.
    pub timer: RunTimer,
}

/// What an idempotency key was used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyUse {
    /// Of what was sent.
    pub digest: Digest,
    /// The event that it led to.
    pub seq: Seq,
}

/// Which runs to list. Empty: all.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RunFilter {
    /// Of this workflow.
    pub workflow: Option<WorkflowName>,
    /// In this status.
    pub status: Option<RunStatus>,
    /// With this id of the caller's.
    pub id: Option<CallerId>,
    /// That this means.
    pub filter: Option<Filter>,
}

impl RunFilter {
    /// Whether it means this run.
    pub fn matches(&self, run: &Run) -> bool {
        self.workflow.as_ref().is_none_or(|workflow| *workflow == run.workflow)
            && self.status.is_none_or(|status| status == run.status)
            && self.id.as_ref().is_none_or(|id| *id == run.id)
            && self.filter.as_ref().is_none_or(|filter| filter.matches(run))
    }

    /// What all its runs have in common, for a store that has an index.
    pub fn terms(&self) -> Vec<Term<'_>> {
        let mut terms = self.filter.as_ref().map(Filter::terms).unwrap_or_default();
        terms.extend(self.id.as_ref().map(|id| Term::Id(id.as_str())));
        terms.extend(self.status.map(Term::Status));
        terms.extend(self.workflow.as_ref().map(|workflow| Term::Workflow(workflow.as_str())));
        terms
    }
}

/// Some runs, newest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RunPage {
    /// The runs.
    pub runs: Vec<Run>,
    /// Where the next page begins; `None` on the last. A page may be short and still have a next one, since a store bounds
    /// how many rows it looks at.
    pub next: Option<RunId>,
}

/// A store of histories, versions, timers and what else a host must not lose.
pub trait Store: Send + Sync + 'static {
    /// Makes a change durable. Changes are written in the order in which these futures are first polled. One whose future is
    /// dropped before it is done may be written or not.
    fn commit(&self, commit: Commit) -> StoreFuture<'_, ()>;

    /// The row of a run.
    fn run<'a>(&'a self, tenant: &'a Tenant, run_id: RunId) -> StoreFuture<'a, Option<Run>>;

    /// The latest run of an id.
    fn latest_run<'a>(&'a self, tenant: &'a Tenant, id: &'a CallerId) -> StoreFuture<'a, Option<RunId>>;

    /// Runs, newest first, before (older than) `before`.
    fn runs<'a>(
        &'a self,
        tenant: &'a Tenant,
        filter: &'a RunFilter,
        before: Option<RunId>,
        limit: usize,
    ) -> StoreFuture<'a, RunPage>;

    /// How many events a run has. 0 where there is no such run.
    fn length<'a>(&'a self, tenant: &'a Tenant, run_id: RunId) -> StoreFuture<'a, Seq>;

    /// Events from `from` on, in order, at most `limit` and at most about 4 MiB of them (but one at least).
    fn events<'a>(
        &'a self,
        tenant: &'a Tenant,
        run_id: RunId,
        from: Seq,
        limit: usize,
    ) -> StoreFuture<'a, Vec<(Seq, Recorded)>>;

    /// A recorded request, whole again.
    fn request<'a>(
        &'a self,
        tenant: &'a Tenant,
        run_id: RunId,
        recorded: &'a RecordedRequest,
    ) -> StoreFuture<'a, Request>;

    /// All published values of a run, by name.
    fn published<'a>(&'a self, tenant: &'a Tenant, run_id: RunId) -> StoreFuture<'a, Vec<(String, Json)>>;

    /// What an idempotency key of a run was used for.
    fn key<'a>(&'a self, tenant: &'a Tenant, run_id: RunId, key: &'a str) -> StoreFuture<'a, Option<KeyUse>>;

    /// Runs that are to be driven, after `after`, in the order of their keys.
    fn ready<'a>(&'a self, after: Option<&'a (Tenant, RunId)>, limit: usize) -> StoreFuture<'a, Vec<(Tenant, RunId)>>;

    /// Whether a run is to be driven.
    fn is_ready<'a>(&'a self, tenant: &'a Tenant, run_id: RunId) -> StoreFuture<'a, bool>;

    /// Timers that are due at `now_ms`, at most `limit`, earliest first within a tenant; each tenant gets a fair part.
    fn due_timers(&self, now_ms: u64, limit: usize) -> StoreFuture<'_, Vec<DueTimer>>;

    /// When the next timer of all rings.
    fn next_timer(&self) -> StoreFuture<'_, Option<u64>>;

    /// Makes, changes or deletes a schedule. Refused with [`StoreError::ScheduleChanged`] where it has another revision than
    /// the change expects.
    fn change_schedule(&self, change: ScheduleChange) -> StoreFuture<'_, ()>;

    /// A schedule.
    fn schedule<'a>(&'a self, tenant: &'a Tenant, id: &'a ScheduleId) -> StoreFuture<'a, Option<Schedule>>;

    /// Schedules after `after`, by id.
    fn schedules<'a>(
        &'a self,
        tenant: &'a Tenant,
        after: Option<&'a ScheduleId>,
        limit: usize,
    ) -> StoreFuture<'a, SchedulePage>;

    /// Schedules whose `wake_ms` has come at `now_ms`, after `after`, at most `limit`, in the order of tenant, `wake_ms` and id.
    fn due_schedules<'a>(
        &'a self,
        now_ms: u64,
        after: Option<&'a DueSchedule>,
        limit: usize,
    ) -> StoreFuture<'a, Vec<DueSchedule>>;

    /// The first `wake_ms` of all schedules that is later than `now_ms`.
    fn next_schedule(&self, now_ms: u64) -> StoreFuture<'_, Option<u64>>;

    /// Removes a run that has ended, with all that is stored of it. From the first change on it is nowhere to be found; where much is
    /// stored, more changes follow, and one that is cut short is finished by asking again. A run that is not there is fine; one
    /// that is open is refused with [`StoreError::Invalid`]. Timers that it left behind stay until they ring; a commit that only clears
    /// some is taken for a run that is not there. What forks of the run need of it stays, and is seen through them only; it goes with
    /// the last of them.
    fn delete<'a>(&'a self, tenant: &'a Tenant, run_id: RunId) -> StoreFuture<'a, ()>;

    /// Runs whose deletion was begun and not finished, at most `limit`.
    fn unfinished_deletions(&self, limit: usize) -> StoreFuture<'_, Vec<(Tenant, RunId)>>;

    /// Changes the versions of a workflow: uploads, labels, which one is active. Refused with [`StoreError::VersionsChanged`] where another
    /// change came in between.
    fn change_versions(&self, change: VersionsChange) -> StoreFuture<'_, ()>;

    /// How new runs of a workflow find their version. Revision 0, and nothing active, where there is no such workflow.
    fn routing<'a>(&'a self, tenant: &'a Tenant, name: &'a WorkflowName) -> StoreFuture<'a, Routing>;

    /// The versions of a workflow, oldest first; of all workflows where `name` is `None`.
    fn versions<'a>(&'a self, tenant: &'a Tenant, name: Option<&'a WorkflowName>) -> StoreFuture<'a, Vec<Version>>;

    /// The component of a version.
    fn component<'a>(&'a self, tenant: &'a Tenant, digest: Digest) -> StoreFuture<'a, Option<Bytes>>;

    /// Whether one of these tenants has a version with this component.
    fn has_component<'a>(&'a self, tenants: Vec<Tenant>, digest: Digest) -> StoreFuture<'a, bool>;

    /// Stores a tool component in place of the one of its name.
    fn put_tool<'a>(&'a self, tenant: &'a Tenant, tool: UploadedTool, component: Bytes) -> StoreFuture<'a, ()>;

    /// Removes a tool component. One that is not there is fine.
    fn delete_tool<'a>(&'a self, tenant: &'a Tenant, name: &'a str) -> StoreFuture<'a, ()>;

    /// The tool components that were uploaded, by name.
    fn tools<'a>(&'a self, tenant: &'a Tenant) -> StoreFuture<'a, Vec<UploadedTool>>;

    /// The component of a tool component.
    fn tool_component<'a>(&'a self, tenant: &'a Tenant, name: &'a str) -> StoreFuture<'a, Option<Bytes>>;

    /// Removes everything that is stored of a tenant, and its key first: from then on nothing of it can be read that was sealed, nor anything
    /// of it written by this store until [`crate::Keyring::release`]. One that is cut short is finished by asking again.
    fn erase<'a>(&'a self, tenant: &'a Tenant) -> StoreFuture<'a, ()>;

    /// The keys of tenants, for what the host seals itself. A store that was given none has none.
    fn keyring(&self) -> Keyring {
        Keyring::none()
    }

    /// What a run used so far. `None` where nothing was counted: there is no such run, or an earlier release left it as it is.
    fn run_ledger<'a>(&'a self, tenant: &'a Tenant, run_id: RunId) -> StoreFuture<'a, Option<RunLedger>>;

    /// What all runs of a tenant used on a day.
    fn day_ledger<'a>(&'a self, tenant: &'a Tenant, day: Day) -> StoreFuture<'a, Counters>;

    /// The numbers of the days from the first to the last of `days`, after `after`, at most `limit`, in the order of day and workflow.
    fn ledger<'a>(
        &'a self,
        tenant: &'a Tenant,
        days: (Day, Day),
        after: Option<&'a LedgerKey>,
        limit: usize,
    ) -> StoreFuture<'a, Vec<LedgerRow>>;

    /// A document.
    fn document<'a>(&'a self, owner: &'a Owner, kind: DocumentKind, name: &'a str)
    -> StoreFuture<'a, Option<Document>>;

    /// Documents of one kind after `after`, in the order of their names.
    fn documents<'a>(
        &'a self,
        owner: &'a Owner,
        kind: DocumentKind,
        after: Option<&'a str>,
        limit: usize,
    ) -> StoreFuture<'a, Vec<(String, Document)>>;

    /// Makes, changes or removes documents: all of them, or none. Refused with [`StoreError::DocumentChanged`] where one has another
    /// revision than its change expects.
    fn change_documents(&self, changes: Vec<DocumentChange>) -> StoreFuture<'_, ()>;

    /// Records what somebody did, in place of the entry of that id.
    fn record_audit<'a>(&'a self, owner: &'a Owner, id: AuditId, entry: AuditEntry) -> StoreFuture<'a, ()>;

    /// What was done, latest first, before `before`.
    fn audit<'a>(
        &'a self,
        owner: &'a Owner,
        before: Option<AuditId>,
        limit: usize,
    ) -> StoreFuture<'a, Vec<(AuditId, AuditEntry)>>;

    /// Removes what was done before `until_ms`.
    fn prune_audit<'a>(&'a self, owner: &'a Owner, until_ms: u64) -> StoreFuture<'a, ()>;

    /// What a tenant has in the store. It is counted in the transactions that change it.
    fn usage<'a>(&'a self, tenant: &'a Tenant) -> StoreFuture<'a, Usage>;

    /// What the changes of a tenant have from now on, where they wait with those of others. Without it, all have the same.
    fn share(&self, _tenant: &Tenant, _share: StoreShare) {}

    /// Why the store can no longer write, if that is so. A store that failed once stays failed until it is opened again: what
    /// is on disk after a failed sync is not known.
    fn failed(&self) -> Option<StoreError>;
}
