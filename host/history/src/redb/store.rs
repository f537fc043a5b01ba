//! What the store of one file promises as a [`Store`]: reads on snapshots, and changes that go to the committer.

use abide_model::{
    AuditEntry, AuditId, CallerId, Counters, Day, Digest, Json, Recorded, RecordedRequest, Request, Routing, Run,
    RunId, RunLedger, Schedule, ScheduleId, Seq, Tenant, WorkflowName,
};
use bytes::Bytes;

use super::batch::Change;
use super::row::Row;
use super::snapshot::aside;
use super::{
    RedbStore, audit, deletion, documents, erasure, events, forks, index, keys, ledger, limits, list, published, ready,
    routing, row, runs, schedules, seal, tally, timers, tools, versions,
};
use crate::{
    Commit, Document, DocumentChange, DocumentKind, DueSchedule, DueTimer, KeyUse, Keyring, LedgerKey, LedgerRow,
    Owner, RunFilter, RunPage, ScheduleChange, SchedulePage, Store, StoreError, StoreFuture, StoreShare, UploadedTool,
    Usage, Version, VersionsChange,
};

impl Store for RedbStore {
    fn commit(&self, commit: Commit) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            let prepared = self.prepare(commit)?;
            let size = prepared.size();
            limits::check_commit(size)?;
            self.committer.write(Change::Commit(Box::new(prepared)), size).await
        })
    }

    fn run<'a>(&'a self, tenant: &'a Tenant, run_id: RunId) -> StoreFuture<'a, Option<Run>> {
        Box::pin(async move { runs::get(&self.snapshot()?.table(runs::TABLE)?, tenant, run_id) })
    }

    fn latest_run<'a>(&'a self, tenant: &'a Tenant, id: &'a CallerId) -> StoreFuture<'a, Option<RunId>> {
        Box::pin(async move { runs::latest(&self.snapshot()?.table(runs::IDS)?, tenant, id) })
    }

    fn runs<'a>(
        &'a self,
        tenant: &'a Tenant,
        filter: &'a RunFilter,
        before: Option<RunId>,
        limit: usize,
    ) -> StoreFuture<'a, RunPage> {
        let (tenant, filter) = (tenant.clone(), filter.clone());
        self.scan(move |snapshot| {
            let (rows, ids) = (snapshot.table(runs::TABLE)?, snapshot.table(runs::IDS)?);
            list::list(&rows, &ids, &snapshot.table(index::TABLE)?, &tenant, &filter, before, limit)
        })
    }

    fn length<'a>(&'a self, tenant: &'a Tenant, run_id: RunId) -> StoreFuture<'a, Seq> {
        Box::pin(async move {
            let tail = events::tail(&self.snapshot()?.table(events::TABLE)?, tenant, run_id)?;
            Ok(if tail.gone { 0 } else { tail.length })
        })
    }

    fn events<'a>(
        &'a self,
        tenant: &'a Tenant,
        run_id: RunId,
        from: Seq,
        limit: usize,
    ) -> StoreFuture<'a, Vec<(Seq, Recorded)>> {
        let tenant = tenant.clone();
        self.scan(move |snapshot| match snapshot.is_gone(&tenant, run_id)? {
            true => Ok(Vec::new()),
            false => {
                let parts = forks::parts(&snapshot.table(forks::TABLE)?, &tenant, run_id)?;
                forks::read(&snapshot.table(events::TABLE)?, &parts, &tenant, from, limit)
            }
        })
    }

    fn request<'a>(
        &'a self,
        tenant: &'a Tenant,
        run_id: RunId,
        recorded: &'a RecordedRequest,
    ) -> StoreFuture<'a, Request> {
        let (tenant, recorded) = (tenant.clone(), recorded.clone());
        match recorded {
            RecordedRequest::Inline(json) => Box::pin(async move { Ok(Request::new(json)) }),
            RecordedRequest::Stored(..) => self.scan(move |snapshot| match snapshot.is_gone(&tenant, run_id)? {
                true => Err(row::corrupt(runs::TABLE, &runs::key(&tenant, run_id), "the run was deleted")),
                false => snapshot.nodes(&tenant, run_id, |nodes| nodes.request(&recorded)),
            }),
        }
    }

    fn published<'a>(&'a self, tenant: &'a Tenant, run_id: RunId) -> StoreFuture<'a, Vec<(String, Json)>> {
        Box::pin(async move { published::read(&self.snapshot()?.table(published::TABLE)?, tenant, run_id) })
    }

    fn key<'a>(&'a self, tenant: &'a Tenant, run_id: RunId, key: &'a str) -> StoreFuture<'a, Option<KeyUse>> {
        Box::pin(async move {
            let snapshot = self.snapshot()?;
            if snapshot.is_gone(tenant, run_id)? {
                return Ok(None);
            }
            let parts = forks::parts(&snapshot.table(forks::TABLE)?, tenant, run_id)?;
            let keys = snapshot.table(keys::TABLE)?;
            for part in parts.into_iter().rev() {
                let used = keys::get(&keys, tenant, part.run, key)?;
                if let Some(used) = used.filter(|used| used.seq < part.end) {
                    return Ok(Some(used));
                }
            }
            Ok(None)
        })
    }

    fn ready<'a>(&'a self, after: Option<&'a (Tenant, RunId)>, limit: usize) -> StoreFuture<'a, Vec<(Tenant, RunId)>> {
        let after = after.cloned();
        self.scan(move |snapshot| ready::read(&snapshot.table(ready::TABLE)?, after.as_ref(), limit))
    }

    fn is_ready<'a>(&'a self, tenant: &'a Tenant, run_id: RunId) -> StoreFuture<'a, bool> {
        Box::pin(async move { row::has(&self.snapshot()?.table(ready::TABLE)?, &ready::key(tenant, run_id)) })
    }

    fn due_timers(&self, now_ms: u64, limit: usize) -> StoreFuture<'_, Vec<DueTimer>> {
        self.scan(move |snapshot| timers::due(&snapshot.table(timers::TABLE)?, now_ms, limit))
    }

    fn next_timer(&self) -> StoreFuture<'_, Option<u64>> {
        self.scan(|snapshot| timers::next(&snapshot.table(timers::TABLE)?))
    }

    fn change_schedule(&self, change: ScheduleChange) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            let prepared = schedules::prepare(&change)?.sealed(&self.sealing(&change.tenant)?)?;
            let size = prepared.size();
            limits::check_commit(size)?;
            self.committer.write(Change::Schedule(prepared), size).await
        })
    }

    fn schedule<'a>(&'a self, tenant: &'a Tenant, id: &'a ScheduleId) -> StoreFuture<'a, Option<Schedule>> {
        Box::pin(async move { schedules::get(&self.snapshot()?.table(schedules::TABLE)?, tenant, id) })
    }

    fn schedules<'a>(
        &'a self,
        tenant: &'a Tenant,
        after: Option<&'a ScheduleId>,
        limit: usize,
    ) -> StoreFuture<'a, SchedulePage> {
        let (tenant, after) = (tenant.clone(), after.cloned());
        self.scan(move |snapshot| schedules::list(&snapshot.table(schedules::TABLE)?, &tenant, after.as_ref(), limit))
    }

    fn due_schedules<'a>(
        &'a self,
        now_ms: u64,
        after: Option<&'a DueSchedule>,
        limit: usize,
    ) -> StoreFuture<'a, Vec<DueSchedule>> {
        let after = after.cloned();
        self.scan(move |snapshot| schedules::due(&snapshot.table(schedules::WAKES)?, now_ms, after.as_ref(), limit))
    }

    fn next_schedule(&self, now_ms: u64) -> StoreFuture<'_, Option<u64>> {
        self.scan(move |snapshot| schedules::next(&snapshot.table(schedules::WAKES)?, now_ms))
    }

    fn delete<'a>(&'a self, tenant: &'a Tenant, run_id: RunId) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            self.sealing(tenant)?;
            let runs = forks::lineage(&self.snapshot()?.table(forks::TABLE)?, tenant, run_id)?;
            self.delete_steps(tenant, run_id).await?;
            // Those whose history it shared may have been kept for it alone.
            for origin in runs.into_iter().skip(1) {
                if !self.deletion_is_begun(tenant, origin)? {
                    return Ok(());
                }
                self.delete_steps(tenant, origin).await?;
            }
            Ok(())
        })
    }

    fn unfinished_deletions(&self, limit: usize) -> StoreFuture<'_, Vec<(Tenant, RunId)>> {
        self.scan(move |snapshot| deletion::begun(&snapshot.table(deletion::TABLE)?, limit))
    }

    fn change_versions(&self, change: VersionsChange) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            // A component has megabytes: they are compressed where that keeps no task waiting.
            let keys = self.sealing(&change.tenant)?;
            let prepared = aside(move || versions::prepare(change)?.sealed(&keys)).await?;
            let size = prepared.size();
            limits::check_commit(size)?;
            self.committer.write(Change::Versions(prepared), size).await
        })
    }

    fn routing<'a>(&'a self, tenant: &'a Tenant, name: &'a WorkflowName) -> StoreFuture<'a, Routing> {
        Box::pin(async move {
            let snapshot = self.snapshot()?;
            routing::get(&snapshot.table(routing::TABLE)?, &snapshot.table(routing::ACTIVE)?, tenant, name)
        })
    }

    fn versions<'a>(&'a self, tenant: &'a Tenant, name: Option<&'a WorkflowName>) -> StoreFuture<'a, Vec<Version>> {
        let (tenant, name) = (tenant.clone(), name.cloned());
        self.scan(move |snapshot| versions::list(&snapshot.table(versions::TABLE)?, &tenant, name.as_ref()))
    }

    fn component<'a>(&'a self, tenant: &'a Tenant, digest: Digest) -> StoreFuture<'a, Option<Bytes>> {
        let tenant = tenant.clone();
        self.scan(move |snapshot| versions::component(&snapshot.table(versions::COMPONENTS)?, &tenant, digest))
    }

    fn has_component<'a>(&'a self, tenants: Vec<Tenant>, digest: Digest) -> StoreFuture<'a, bool> {
        self.scan(move |snapshot| {
            let table = snapshot.table(versions::COMPONENTS)?;
            for tenant in &tenants {
                if versions::has_component(&table, tenant, &digest)? {
                    return Ok(true);
                }
            }
            Ok(false)
        })
    }

    fn put_tool<'a>(&'a self, tenant: &'a Tenant, tool: UploadedTool, component: Bytes) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let (owner, name) = (tenant.clone(), tool.name.clone());
            let keys = self.sealing(tenant)?;
            let rows = aside(move || seal::rows(&keys, tools::TABLE, tools::rows(&owner, &tool, &component))).await?;
            let size = rows.iter().map(Row::size).sum();
            limits::check_commit(size)?;
            self.committer.write(Change::Tool { tenant: tenant.clone(), name, rows }, size).await
        })
    }

    fn delete_tool<'a>(&'a self, tenant: &'a Tenant, name: &'a str) -> StoreFuture<'a, ()> {
        let change = Change::Tool { tenant: tenant.clone(), name: name.to_owned(), rows: Vec::new() };
        Box::pin(self.committer.write(change, tools::DELETE_SIZE))
    }

    fn tools<'a>(&'a self, tenant: &'a Tenant) -> StoreFuture<'a, Vec<UploadedTool>> {
        let tenant = tenant.clone();
        self.scan(move |snapshot| tools::list(&snapshot.table(tools::TABLE)?, &tenant))
    }

    fn tool_component<'a>(&'a self, tenant: &'a Tenant, name: &'a str) -> StoreFuture<'a, Option<Bytes>> {
        let (tenant, name) = (tenant.clone(), name.to_owned());
        self.scan(move |snapshot| tools::component(&snapshot.table(tools::TABLE)?, &tenant, &name))
    }

    fn erase<'a>(&'a self, tenant: &'a Tenant) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let (keyring, owner) = (self.keyring.clone(), tenant.clone());
            aside(move || keyring.destroy(&owner)).await?;
            loop {
                self.committer.write(Change::Erase { tenant: tenant.clone() }, erasure::SIZE).await?;
                let snapshot = self.snapshot()?;
                if erasure::is_done(tenant, |table| snapshot.table(table))? {
                    return Ok(());
                }
            }
        })
    }

    fn keyring(&self) -> Keyring {
        self.keyring.clone()
    }

    fn run_ledger<'a>(&'a self, tenant: &'a Tenant, run_id: RunId) -> StoreFuture<'a, Option<RunLedger>> {
        Box::pin(async move { ledger::of_run(&self.snapshot()?.table(ledger::TABLE)?, tenant, run_id) })
    }

    fn day_ledger<'a>(&'a self, tenant: &'a Tenant, day: Day) -> StoreFuture<'a, Counters> {
        Box::pin(async move { ledger::of_day(&self.snapshot()?.table(ledger::TABLE)?, tenant, day) })
    }

    fn ledger<'a>(
        &'a self,
        tenant: &'a Tenant,
        (from, to): (Day, Day),
        after: Option<&'a LedgerKey>,
        limit: usize,
    ) -> StoreFuture<'a, Vec<LedgerRow>> {
        let (tenant, after) = (tenant.clone(), after.cloned());
        self.scan(move |snapshot| {
            ledger::list(&snapshot.table(ledger::TABLE)?, &tenant, (from, to), after.as_ref(), limit)
        })
    }

    fn document<'a>(
        &'a self,
        owner: &'a Owner,
        kind: DocumentKind,
        name: &'a str,
    ) -> StoreFuture<'a, Option<Document>> {
        Box::pin(async move { documents::get(&self.snapshot()?.table(documents::TABLE)?, owner, kind, name) })
    }

    fn documents<'a>(
        &'a self,
        owner: &'a Owner,
        kind: DocumentKind,
        after: Option<&'a str>,
        limit: usize,
    ) -> StoreFuture<'a, Vec<(String, Document)>> {
        let (owner, after) = (owner.clone(), after.map(str::to_owned));
        self.scan(move |snapshot| {
            documents::list(&snapshot.table(documents::TABLE)?, &owner, kind, after.as_deref(), limit)
        })
    }

    fn change_documents(&self, changes: Vec<DocumentChange>) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            documents::check_bounds(&changes)?;
            let size = documents::size(&changes);
            limits::check_commit(size)?;
            self.committer.write(Change::Documents(changes), size).await
        })
    }

    fn record_audit<'a>(&'a self, owner: &'a Owner, id: AuditId, entry: AuditEntry) -> StoreFuture<'a, ()> {
        let row = audit::row(owner, id, &entry);
        let size = row.size();
        Box::pin(self.committer.write(Change::Audit(row), size))
    }

    fn audit<'a>(
        &'a self,
        owner: &'a Owner,
        before: Option<AuditId>,
        limit: usize,
    ) -> StoreFuture<'a, Vec<(AuditId, AuditEntry)>> {
        let owner = owner.clone();
        self.scan(move |snapshot| audit::list(&snapshot.table(audit::TABLE)?, &owner, before, limit))
    }

    fn prune_audit<'a>(&'a self, owner: &'a Owner, until_ms: u64) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            while audit::has_old(&self.snapshot()?.table(audit::TABLE)?, owner, until_ms)? {
                let change = Change::PruneAudit { owner: owner.clone(), until_ms };
                self.committer.write(change, audit::PRUNE_SIZE).await?;
            }
            Ok(())
        })
    }

    fn usage<'a>(&'a self, tenant: &'a Tenant) -> StoreFuture<'a, Usage> {
        Box::pin(async move { tally::get(&self.snapshot()?.table(tally::TABLE)?, tenant) })
    }

    fn share(&self, tenant: &Tenant, share: StoreShare) {
        self.committer.share(tenant, share);
    }

    fn failed(&self) -> Option<StoreError> {
        self.committer.failed()
    }
}
