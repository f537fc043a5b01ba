//! A store that freezes at a commit: what a process looks like from outside when it dies there.

use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use abide_history::{
    Commit, Document, DocumentChange, DocumentKind, DueSchedule, DueTimer, KeyUse, Keyring, LedgerKey, LedgerRow,
    Owner, RunFilter, RunPage, ScheduleChange, SchedulePage, Store, StoreError, StoreFuture, StoreShare, UploadedTool,
    Usage, Version, VersionsChange,
};
use abide_model::{
    AuditEntry, AuditId, CallerId, Counters, Day, Digest, Json, Recorded, RecordedRequest, Request, Routing, Run,
    RunId, RunLedger, Schedule, ScheduleId, Seq, Tenant, WorkflowName,
};
use anyhow::{Context, bail};
use bytes::Bytes;

/// Where a store freezes. Commits are counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FreezeAt {
    /// The commit is not made.
    Before(u64),
    /// It is durable, and nobody is told.
    After(u64),
}

impl FromStr for FreezeAt {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let (side, number) = text.split_once(':').context("give before:N or after:N")?;
        match side {
            "before" => Ok(Self::Before(number.parse()?)),
            "after" => Ok(Self::After(number.parse()?)),
            _ => bail!("give before:N or after:N"),
        }
    }
}

impl std::fmt::Display for FreezeAt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Before(number) => write!(f, "before:{number}"),
            Self::After(number) => write!(f, "after:{number}"),
        }
    }
}

/// See the top of the file.
pub struct FreezingStore {
    inner: Arc<dyn Store>,
    at: Option<FreezeAt>,
    commits: AtomicU64,
    frozen: AtomicBool,
}

impl FreezingStore {
    /// Freezes `inner` at a commit, or never.
    pub fn new(inner: Arc<dyn Store>, at: Option<FreezeAt>) -> Self {
        Self { inner, at, commits: AtomicU64::new(0), frozen: AtomicBool::new(false) }
    }

    /// Whether it is frozen.
    pub fn is_frozen(&self) -> bool {
        self.frozen.load(Ordering::SeqCst)
    }

    /// Completes when it is frozen.
    pub async fn freezes(&self) {
        while !self.is_frozen() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Says so, and never comes back.
    async fn freeze<T>(&self) -> T {
        self.frozen.store(true, Ordering::SeqCst);
        println!("frozen");
        std::future::pending().await
    }

    /// Writes a change, or freezes before or after it.
    async fn counted(&self, write: StoreFuture<'_, ()>) -> Result<(), StoreError> {
        let number = self.commits.fetch_add(1, Ordering::SeqCst) + 1;
        match self.at {
            Some(FreezeAt::Before(at)) if number >= at => self.freeze().await,
            Some(FreezeAt::After(at)) if number == at => {
                // One that was refused is no less answered.
                let _ = write.await;
                self.freeze().await
            }
            Some(FreezeAt::After(at)) if number > at => std::future::pending().await,
            _ => write.await,
        }
    }
}

impl Store for FreezingStore {
    fn commit(&self, commit: Commit) -> StoreFuture<'_, ()> {
        Box::pin(self.counted(self.inner.commit(commit)))
    }

    fn run<'a>(&'a self, tenant: &'a Tenant, run_id: RunId) -> StoreFuture<'a, Option<Run>> {
        self.inner.run(tenant, run_id)
    }

    fn latest_run<'a>(&'a self, tenant: &'a Tenant, id: &'a CallerId) -> StoreFuture<'a, Option<RunId>> {
        self.inner.latest_run(tenant, id)
    }

    fn runs<'a>(
        &'a self,
        tenant: &'a Tenant,
        filter: &'a RunFilter,
        before: Option<RunId>,
        limit: usize,
    ) -> StoreFuture<'a, RunPage> {
        self.inner.runs(tenant, filter, before, limit)
    }

    fn length<'a>(&'a self, tenant: &'a Tenant, run_id: RunId) -> StoreFuture<'a, Seq> {
        self.inner.length(tenant, run_id)
    }

    fn events<'a>(
        &'a self,
        tenant: &'a Tenant,
        run_id: RunId,
        from: Seq,
        limit: usize,
    ) -> StoreFuture<'a, Vec<(Seq, Recorded)>> {
        self.inner.events(tenant, run_id, from, limit)
    }

    fn request<'a>(
        &'a self,
        tenant: &'a Tenant,
        run_id: RunId,
        recorded: &'a RecordedRequest,
    ) -> StoreFuture<'a, Request> {
        self.inner.request(tenant, run_id, recorded)
    }

    fn published<'a>(&'a self, tenant: &'a Tenant, run_id: RunId) -> StoreFuture<'a, Vec<(String, Json)>> {
        self.inner.published(tenant, run_id)
    }

    fn key<'a>(&'a self, tenant: &'a Tenant, run_id: RunId, key: &'a str) -> StoreFuture<'a, Option<KeyUse>> {
        self.inner.key(tenant, run_id, key)
    }

    fn ready<'a>(&'a self, after: Option<&'a (Tenant, RunId)>, limit: usize) -> StoreFuture<'a, Vec<(Tenant, RunId)>> {
        self.inner.ready(after, limit)
    }

    fn is_ready<'a>(&'a self, tenant: &'a Tenant, run_id: RunId) -> StoreFuture<'a, bool> {
        self.inner.is_ready(tenant, run_id)
    }

    fn due_timers(&self, now_ms: u64, limit: usize) -> StoreFuture<'_, Vec<DueTimer>> {
        self.inner.due_timers(now_ms, limit)
    }

    fn next_timer(&self) -> StoreFuture<'_, Option<u64>> {
        self.inner.next_timer()
    }

    fn change_schedule(&self, change: ScheduleChange) -> StoreFuture<'_, ()> {
        Box::pin(self.counted(self.inner.change_schedule(change)))
    }

    fn schedule<'a>(&'a self, tenant: &'a Tenant, id: &'a ScheduleId) -> StoreFuture<'a, Option<Schedule>> {
        self.inner.schedule(tenant, id)
    }

    fn schedules<'a>(
        &'a self,
        tenant: &'a Tenant,
        after: Option<&'a ScheduleId>,
        limit: usize,
    ) -> StoreFuture<'a, SchedulePage> {
        self.inner.schedules(tenant, after, limit)
    }

    fn due_schedules<'a>(
        &'a self,
        now_ms: u64,
        after: Option<&'a DueSchedule>,
        limit: usize,
    ) -> StoreFuture<'a, Vec<DueSchedule>> {
        self.inner.due_schedules(now_ms, after, limit)
    }

    fn next_schedule(&self, now_ms: u64) -> StoreFuture<'_, Option<u64>> {
        self.inner.next_schedule(now_ms)
    }

    fn delete<'a>(&'a self, tenant: &'a Tenant, run_id: RunId) -> StoreFuture<'a, ()> {
        self.inner.delete(tenant, run_id)
    }

    fn unfinished_deletions(&self, limit: usize) -> StoreFuture<'_, Vec<(Tenant, RunId)>> {
        self.inner.unfinished_deletions(limit)
    }

    fn change_versions(&self, change: VersionsChange) -> StoreFuture<'_, ()> {
        self.inner.change_versions(change)
    }

    fn routing<'a>(&'a self, tenant: &'a Tenant, name: &'a WorkflowName) -> StoreFuture<'a, Routing> {
        self.inner.routing(tenant, name)
    }

    fn versions<'a>(&'a self, tenant: &'a Tenant, name: Option<&'a WorkflowName>) -> StoreFuture<'a, Vec<Version>> {
        self.inner.versions(tenant, name)
    }

    fn component<'a>(&'a self, tenant: &'a Tenant, digest: Digest) -> StoreFuture<'a, Option<Bytes>> {
        self.inner.component(tenant, digest)
    }

    fn has_component<'a>(&'a self, tenants: Vec<Tenant>, digest: Digest) -> StoreFuture<'a, bool> {
        self.inner.has_component(tenants, digest)
    }

    fn put_tool<'a>(&'a self, tenant: &'a Tenant, tool: UploadedTool, component: Bytes) -> StoreFuture<'a, ()> {
        Box::pin(self.counted(self.inner.put_tool(tenant, tool, component)))
    }

    fn delete_tool<'a>(&'a self, tenant: &'a Tenant, name: &'a str) -> StoreFuture<'a, ()> {
        Box::pin(self.counted(self.inner.delete_tool(tenant, name)))
    }

    fn tools<'a>(&'a self, tenant: &'a Tenant) -> StoreFuture<'a, Vec<UploadedTool>> {
        self.inner.tools(tenant)
    }

    fn tool_component<'a>(&'a self, tenant: &'a Tenant, name: &'a str) -> StoreFuture<'a, Option<Bytes>> {
        self.inner.tool_component(tenant, name)
    }

    fn erase<'a>(&'a self, tenant: &'a Tenant) -> StoreFuture<'a, ()> {
        Box::pin(self.counted(self.inner.erase(tenant)))
    }

    fn keyring(&self) -> Keyring {
        self.inner.keyring()
    }

    fn run_ledger<'a>(&'a self, tenant: &'a Tenant, run_id: RunId) -> StoreFuture<'a, Option<RunLedger>> {
        self.inner.run_ledger(tenant, run_id)
    }

    fn day_ledger<'a>(&'a self, tenant: &'a Tenant, day: Day) -> StoreFuture<'a, Counters> {
        self.inner.day_ledger(tenant, day)
    }

    fn ledger<'a>(
        &'a self,
        tenant: &'a Tenant,
        days: (Day, Day),
        after: Option<&'a LedgerKey>,
        limit: usize,
    ) -> StoreFuture<'a, Vec<LedgerRow>> {
        self.inner.ledger(tenant, days, after, limit)
    }

    fn document<'a>(
        &'a self,
        owner: &'a Owner,
        kind: DocumentKind,
        name: &'a str,
    ) -> StoreFuture<'a, Option<Document>> {
        self.inner.document(owner, kind, name)
    }

    fn documents<'a>(
        &'a self,
        owner: &'a Owner,
        kind: DocumentKind,
        after: Option<&'a str>,
        limit: usize,
    ) -> StoreFuture<'a, Vec<(String, Document)>> {
        self.inner.documents(owner, kind, after, limit)
    }

    fn change_documents(&self, changes: Vec<DocumentChange>) -> StoreFuture<'_, ()> {
        Box::pin(self.counted(self.inner.change_documents(changes)))
    }

    fn record_audit<'a>(&'a self, owner: &'a Owner, id: AuditId, entry: AuditEntry) -> StoreFuture<'a, ()> {
        Box::pin(self.counted(self.inner.record_audit(owner, id, entry)))
    }

    fn audit<'a>(
        &'a self,
        owner: &'a Owner,
        before: Option<AuditId>,
        limit: usize,
    ) -> StoreFuture<'a, Vec<(AuditId, AuditEntry)>> {
        self.inner.audit(owner, before, limit)
    }

    fn prune_audit<'a>(&'a self, owner: &'a Owner, until_ms: u64) -> StoreFuture<'a, ()> {
        // Mostly there is nothing to remove, and no commit: a host asks for it as soon as it is up.
        self.inner.prune_audit(owner, until_ms)
    }

    fn usage<'a>(&'a self, tenant: &'a Tenant) -> StoreFuture<'a, Usage> {
        self.inner.usage(tenant)
    }

    fn share(&self, tenant: &Tenant, share: StoreShare) {
        self.inner.share(tenant, share);
    }

    fn failed(&self) -> Option<StoreError> {
        self.inner.failed()
    }
}
