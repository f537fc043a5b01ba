//! The versions of workflows: uploads, labels, which one new runs take, and the end of those that nobody needs.

mod naming;

use std::collections::BTreeMap;

use abide_engine::Inspected;
use abide_history::{RunFilter, StoreError, Version, VersionsChange};
use abide_model::{
    CallerId, Configuration, Digest, Error, ErrorCode, Labels, Routing, Run, RunRef, Tenant, WorkflowName,
};
use bytes::Bytes;

use self::naming::{find, label, roll_back, usable};
use crate::Host;
use crate::capabilities::{check_asks, check_imports};
use crate::errors;
use crate::registry::Message;
use crate::view::{ChangeVersion, ChangeWorkflow, Deployed, Upload, VersionDescription, Workflow};

/// How often a change is made anew when others come in between.
const ATTEMPTS: usize = 32;
/// Rows that are asked for at a time when the runs of a version are counted.
const PAGE: usize = 1000;

impl Host {
    /// Takes an upload as the active version of `name`.
    pub async fn deploy(&self, tenant: &Tenant, name: &WorkflowName, file: Bytes) -> Result<Deployed, Error> {
        self.upload(tenant, name, file, Upload::default()).await
    }

    /// Takes an upload. Runs that started keep the configuration that they started with.
    pub async fn upload(
        &self,
        tenant: &Tenant,
        name: &WorkflowName,
        file: Bytes,
        upload: Upload,
    ) -> Result<Deployed, Error> {
        let inner = &self.inner;
        inner.check_ready()?;
        self.check_component(&file)?;
        upload.configuration.check()?;
        inner.check_upload(tenant, file.len()).await?;
        // One of a tenant at a time: what is counted here is still so when it is stored.
        let _turn = inner.sharing.upload(&inner.share(tenant)).await;
        inner.check_versions(tenant, name, Digest::of(&file)).await?;
        let rights = inner.rights(tenant, None);
        check_asks(&rights, &upload)?;
        let check = |inspected: &Inspected| {
            check_imports(&rights, upload.manifest.as_ref(), inspected)?;
            inspected.typed.iter().try_for_each(|import| inner.performer.check_import(tenant, import))
        };
        let (digest, mut inspected) = inner.programs.compile_upload(file, check).await?;
        let component = Bytes::from(std::mem::take(&mut inspected.component));
        let now_ms = inner.clock.now_ms();
        let new = || new_version(name, digest, &inspected, component.len(), now_ms);
        let configuration = Some(upload.configuration).filter(|configuration| !configuration.is_empty());
        let mut deployed = None;
        let routing = self
            .change_versions(tenant, name, |change, versions| {
                let known = versions.iter().find(|known| known.version == digest);
                let mut version = known.cloned().unwrap_or_else(&new);
                version.configuration.clone_from(&configuration);
                version.manifest.clone_from(&upload.manifest);
                version.deactivated_ms = version.deactivated_ms.filter(|_| !upload.activate);
                let created = known.is_none();
                change.component = Some((digest, component.clone()));
                label(change, versions, &mut version, &upload.labels)?;
                if upload.activate {
                    change.routing.activate(digest);
                }
                deployed = Some((version.clone(), created));
                change.put.push(version);
                Ok(())
            })
            .await?;
        let (version, created) = deployed.expect("a change that was made put the version");
        inner.programs.uploaded(tenant, &version);
        if upload.activate {
            inner.swap_hint.notify_one();
        }
        Ok(Deployed { version, created, active: routing.active == Some(digest) })
    }

    /// Stores a component that comes in a capsule, as a version that no new run takes. Gives the version that it is here: `said`, if that is its own
    /// digest or if this host has just that component under it. A version may also be named by the file that its component was made of, which is
    /// not here to be looked at: then it gets its own digest for a name, so that nobody's upload finds another component than it sent.
    pub(crate) async fn adopt(
        &self,
        tenant: &Tenant,
        name: &WorkflowName,
        said: Digest,
        component: Bytes,
    ) -> Result<Digest, Error> {
        let inner = &self.inner;
        inner.check_upload(tenant, component.len()).await?;
        let _turn = inner.sharing.upload(&inner.share(tenant)).await;
        let (digest, mut inspected) = inner.programs.inspect(component.clone()).await?;
        let here = self.inner.store.versions(tenant, Some(name)).await?;
        let is_here = |version: Digest| here.iter().any(|known| known.version == version);
        if is_here(said) && self.inner.store.component(tenant, said).await?.as_ref() == Some(&component) {
            return Ok(said);
        }
        if is_here(digest) {
            return Ok(digest);
        }
        inner.check_versions(tenant, name, digest).await?;
        let component = Bytes::from(std::mem::take(&mut inspected.component));
        let now_ms = self.inner.clock.now_ms();
        let new = || new_version(name, digest, &inspected, component.len(), now_ms);
        self.change_versions(tenant, name, |change, versions| {
            if !versions.iter().any(|known| known.version == digest) {
                change.component = Some((digest, component.clone()));
                change.put.push(new());
            }
            Ok(())
        })
        .await?;
        Ok(digest)
    }

    /// All workflows, by name.
    pub async fn workflows(&self, tenant: &Tenant) -> Result<Vec<Workflow>, Error> {
        let mut workflows: BTreeMap<WorkflowName, Vec<Version>> = BTreeMap::new();
        for version in self.inner.store.versions(tenant, None).await? {
            workflows.entry(version.workflow.clone()).or_default().push(version);
        }
        let mut shown = Vec::with_capacity(workflows.len());
        for (name, versions) in workflows {
            let routing = self.inner.store.routing(tenant, &name).await?;
            shown.push(Workflow::of(name, routing, versions));
        }
        Ok(shown)
    }

    /// One workflow.
    pub async fn workflow(&self, tenant: &Tenant, name: &WorkflowName) -> Result<Workflow, Error> {
        let versions = self.inner.store.versions(tenant, Some(name)).await?;
        if versions.is_empty() {
            return Err(errors::no_workflow(name));
        }
        let routing = self.inner.store.routing(tenant, name).await?;
        Ok(Workflow::of(name.clone(), routing, versions))
    }

    /// Changes which versions new runs take, and what happens to the others.
    pub async fn change_workflow(
        &self,
        tenant: &Tenant,
        name: &WorkflowName,
        asked: ChangeWorkflow,
    ) -> Result<Workflow, Error> {
        self.inner.check_ready()?;
        if asked.rollback && asked.activate.is_some() {
            let message = "`activate` names a version and `rollback` takes the one before: give one of them";
            return Err(Error::new(ErrorCode::InvalidArgument, message));
        }
        self.change_versions(tenant, name, |change, versions| {
            if versions.is_empty() {
                return Err(errors::no_workflow(name));
            }
            if let Some(text) = &asked.activate {
                change.routing.activate(usable(name, versions, text)?.version);
            }
            if asked.rollback {
                roll_back(change, versions)?;
            }
            if let Some(ramp) = &asked.ramp {
                let version = usable(name, versions, &ramp.version)?.version;
                change.routing.set_ramp(version, ramp.percent)?;
            }
            if let Some(policy) = asked.swap {
                change.routing.swap = policy;
            }
            Ok(())
        })
        .await?;
        self.inner.swap_hint.notify_one();
        self.workflow(tenant, name).await
    }

    /// A version in detail, with the runs that are on it. It looks at all runs of the workflow, some at a time.
    pub async fn version(
        &self,
        tenant: &Tenant,
        name: &WorkflowName,
        version: &str,
    ) -> Result<VersionDescription, Error> {
        let workflow = self.workflow(tenant, name).await?;
        let version = find(name, &workflow.versions, version)?.clone();
        let mut runs = BTreeMap::new();
        let mut held_back = 0;
        let digest = version.version;
        self.each_run(tenant, name, |run| {
            if run.version == digest {
                *runs.entry(run.status.as_str().to_owned()).or_default() += 1;
            } else if run.status.is_open() && run.held_back.as_ref().is_some_and(|held| held.version == digest) {
                held_back += 1;
            }
            true
        })
        .await?;
        Ok(VersionDescription {
            active: workflow.active == Some(digest),
            ramp_percent: workflow.ramp.filter(|ramp| ramp.version == digest).map(|ramp| ramp.percent),
            runs,
            held_back,
            version,
        })
    }

    /// Changes the labels of a version, or whether new runs may take it.
    pub async fn change_version(
        &self,
        tenant: &Tenant,
        name: &WorkflowName,
        version: &str,
        asked: ChangeVersion,
    ) -> Result<VersionDescription, Error> {
        self.inner.check_ready()?;
        let now_ms = self.inner.clock.now_ms();
        let mut digest = None;
        self.change_versions(tenant, name, |change, versions| {
            let mut found = find(name, versions, version)?.clone();
            digest = Some(found.version);
            for gone in &asked.remove_labels {
                if !found.labels.remove(gone) {
                    let message = format!("the version {} has no label `{gone}`", found.version.short());
                    return Err(Error::new(ErrorCode::InvalidArgument, message));
                }
            }
            label(change, versions, &mut found, &asked.add_labels)?;
            match asked.deactivated {
                Some(true) => {
                    change.routing.forget(found.version)?;
                    found.deactivated_ms = found.deactivated_ms.or(Some(now_ms));
                }
                Some(false) => found.deactivated_ms = None,
                None => {}
            }
            change.put.push(found);
            Ok(())
        })
        .await?;
        let digest = digest.expect("a change that was made found the version");
        self.version(tenant, name, &digest.hex()).await
    }

    /// Removes a version that no new run takes and no run is on, open or closed. A start that found it in the same moment is parked, and
    /// goes on when the file is there again.
    pub async fn delete_version(&self, tenant: &Tenant, name: &WorkflowName, version: &str) -> Result<Version, Error> {
        self.inner.check_ready()?;
        let versions = self.inner.store.versions(tenant, Some(name)).await?;
        let gone = find(name, &versions, version)?.clone();
        let mut user = None;
        self.each_run(tenant, name, |run| {
            if run.version == gone.version {
                user = Some(run.run_id);
            }
            user.is_none()
        })
        .await?;
        if let Some(run_id) = user {
            let message = format!(
                "run `{run_id}` is on the version {}: swap its runs to another version, or delete those that have ended",
                gone.version.short()
            );
            return Err(Error::new(ErrorCode::Conflict, message).about(run_id));
        }
        self.change_versions(tenant, name, |change, versions| {
            find(name, versions, &gone.version.hex())?;
            change.routing.forget(gone.version)?;
            change.remove = Some(gone.version);
            Ok(())
        })
        .await?;
        self.inner.programs.forget(tenant, name, gone.version);
        self.inner.programs.forget_code(gone.version, self.inner.tenants()).await?;
        Ok(gone)
    }

    /// Keeps a run on its version, or no longer.
    pub async fn pin(&self, tenant: &Tenant, run: &RunRef, pinned: bool) -> Result<Run, Error> {
        self.ask_last(tenant, run, |reply| Message::Pin { pinned, reply }).await
    }

    /// The version that a new run takes.
    pub(crate) async fn version_for(
        &self,
        tenant: &Tenant,
        workflow: &WorkflowName,
        id: &CallerId,
        version: Option<&str>,
    ) -> Result<Digest, Error> {
        if let Some(text) = version {
            let versions = self.inner.store.versions(tenant, Some(workflow)).await?;
            return Ok(usable(workflow, &versions, text)?.version);
        }
        let routing = self.inner.store.routing(tenant, workflow).await?;
        routing.version_for(workflow, id).ok_or_else(|| errors::no_workflow(workflow))
    }

    /// A version of a workflow by its digest, by 8 or more of its first digits, or by a label.
    pub(crate) async fn find_version(
        &self,
        tenant: &Tenant,
        workflow: &WorkflowName,
        text: &str,
    ) -> Result<Digest, Error> {
        let versions = self.inner.store.versions(tenant, Some(workflow)).await?;
        Ok(find(workflow, &versions, text)?.version)
    }

    /// Makes a change of the versions of a workflow until nobody else came in between. Gives the routing that it wrote.
    async fn change_versions(
        &self,
        tenant: &Tenant,
        workflow: &WorkflowName,
        mut make: impl FnMut(&mut VersionsChange, &[Version]) -> Result<(), Error>,
    ) -> Result<Routing, Error> {
        let store = &self.inner.store;
        for _ in 0..ATTEMPTS {
            // The routing first: a change that comes between the two looks is noticed by its revision.
            let routing = store.routing(tenant, workflow).await?;
            let versions = store.versions(tenant, Some(workflow)).await?;
            let mut change = VersionsChange {
                tenant: tenant.clone(),
                workflow: workflow.clone(),
                expected: routing.revision,
                routing: Routing { revision: routing.revision + 1, ..routing },
                put: Vec::new(),
                component: None,
                remove: None,
            };
            make(&mut change, &versions)?;
            let routing = change.routing.clone();
            match store.change_versions(change).await {
                Ok(()) => return Ok(routing),
                Err(StoreError::VersionsChanged(_)) => {}
                Err(error) => {
                    self.inner.fail(&error);
                    return Err(error.into());
                }
            }
        }
        Err(StoreError::VersionsChanged(workflow.clone()).into())
    }

    /// Looks at the runs of a workflow until `look` gives `false`.
    async fn each_run(
        &self,
        tenant: &Tenant,
        workflow: &WorkflowName,
        mut look: impl FnMut(&Run) -> bool,
    ) -> Result<(), Error> {
        let filter = RunFilter { workflow: Some(workflow.clone()), ..RunFilter::default() };
        let mut before = None;
        loop {
            let page = self.inner.store.runs(tenant, &filter, before, PAGE).await?;
            if !page.runs.iter().all(&mut look) || page.next.is_none() {
                return Ok(());
            }
            before = page.next;
            self.inner.check_ready()?;
        }
    }
}

/// The row of a version that was not here before.
fn new_version(name: &WorkflowName, version: Digest, inspected: &Inspected, size: usize, now_ms: u64) -> Version {
    Version {
        workflow: name.clone(),
        version,
        uploaded_ms: now_ms,
        size_bytes: size as u64,
        imports: inspected.imports.clone(),
        has_query: inspected.has_query,
        configuration: None,
        labels: Labels::default(),
        deactivated_ms: None,
        manifest: None,
    }
}

impl Workflow {
    fn of(name: WorkflowName, routing: Routing, versions: Vec<Version>) -> Self {
        let Routing { active, previous, ramp, swap, .. } = routing;
        Self { name, active, previous: previous.into(), ramp, swap, versions }
    }
}

impl From<Configuration> for Upload {
    fn from(configuration: Configuration) -> Self {
        Self { configuration, ..Self::default() }
    }
}
