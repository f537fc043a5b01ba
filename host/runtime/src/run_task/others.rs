//! What a run asks of the host about other runs. Each of these may be done again after a crash, and comes to the same.

use std::pin::Pin;
use std::sync::Arc;

use abide_activities::Performed;
use abide_model::others::{AwaitChild, CancelRun, ChildStarted, SignalRun, StartChild, child_run_id};
use abide_model::{
    Call, CallKind, CallerId, Digest, Error, ErrorCode, Failure, Json, Outcome, Parent, Right, Rights, Run, RunId,
    RunRef, RunStarted, RunStatus, WorkflowName,
};
use serde::Serialize;
use serde_json::json;

use crate::Host;
use crate::inner::{Inner, RunKey};
use crate::new_run::NewRun;
use crate::view::IfRunning;

/// The code of a failure that says nothing of the call: the host cannot work now.
pub(super) const UNAVAILABLE: &str = "unavailable";

/// What came of it; `None`: nothing yet, and somebody will say so when it does.
type Doing = Pin<Box<dyn Future<Output = Option<Performed>> + Send>>;

/// What was done, and the grant that allowed it.
type Done = Result<(Json, Option<Right>), Failure>;

/// Does what `call` asks for, as a run of `workflow` on `version`.
pub(super) fn perform(
    inner: &Arc<Inner>,
    key: &RunKey,
    (workflow, version): (WorkflowName, Digest),
    call: Call,
    requested_ms: u64,
) -> Doing {
    let host = Host { inner: inner.clone() };
    let key = key.clone();
    Box::pin(async move {
        let rights = async || {
            let rights = host.inner.rights_of(&key.tenant, &workflow, version).await;
            rights.map_err(Error::from).map_err(failed)
        };
        let request = &call.request.head;
        let done: Option<Done> = match call.kind {
            CallKind::ChildrenStart => Some(
                async { start_child(&host, &key, &rights().await?, call.index, read(request)?, requested_ms).await }
                    .await,
            ),
            CallKind::ChildrenResult => match read::<AwaitChild>(request) {
                Ok(child) => {
                    result_of(&host, &key, child.run_id).await.transpose().map(|given| given.map(|json| (json, None)))
                }
                Err(failure) => Some(Err(failure)),
            },
            CallKind::RunsSignal => {
                Some(async { signal_run(&host, &key, &rights().await?, call.index, read(request)?).await }.await)
            }
            CallKind::RunsCancel => {
                Some(async { cancel_run(&host, &key, &rights().await?, read(request)?).await }.await)
            }
            other => Some(Err(Failure::new("invalid-request", format!("`{other}` is not done by the host")))),
        };
        let (outcome, grant) = match done? {
            Ok((json, grant)) => (Outcome::Ok(json), grant),
            // The host is on its way down. That is no outcome: it is done again when the host is up.
            Err(failure) if failure.code == UNAVAILABLE => std::future::pending().await,
            Err(failure) => (Outcome::Failed(failure), None),
        };
        Some(Performed { grant: grant.map(|grant| grant.to_string()), ..Performed::new(outcome, 1) })
    })
}

/// Reads a request that the engine wrote.
fn read<T: serde::de::DeserializeOwned>(request: &Json) -> Result<T, Failure> {
    request.read().map_err(|error| Failure::new("invalid-request", format!("the request cannot be read: {error}")))
}

fn json(value: &impl Serialize) -> Json {
    Json::of(value).expect("names and ids can be written as JSON")
}

async fn start_child(
    host: &Host,
    parent: &RunKey,
    rights: &Rights,
    call: u32,
    start: StartChild,
    requested_ms: u64,
) -> Done {
    let run_id = child_run_id(parent.run_id, call, requested_ms);
    let needed = Right::child(start.workflow.as_str());
    let (started, grant) = match host.store().run(&parent.tenant, run_id).await.map_err(Error::from).map_err(failed)? {
        // It was started before a crash, and was allowed then.
        Some(run) => {
            return Ok((json(&ChildStarted { id: run.id, run_id }), rights.check(&[needed]).unwrap_or_default()));
        }
        None => {
            let grant = rights.check(&[needed])?;
            let id = match start.id {
                Some(id) => id,
                None => CallerId::for_run(&start.workflow, run_id),
            };
            let version = host.version_for(&parent.tenant, &start.workflow, &id, start.version.as_deref()).await;
            let version = version.map_err(failed)?;
            let configuration = host.inner.programs.configuration(&parent.tenant, &start.workflow, version).await;
            let started = RunStarted {
                tenant: parent.tenant.clone(),
                workflow: start.workflow,
                version,
                id: id.clone(),
                input: start.input,
                seed: crate::checks::random().map_err(failed)?,
                limits: host.inner.limits_for(&parent.tenant),
                parent: Some(Parent { run_id: parent.run_id, child: run_id }),
                continued_from: None,
                run_timeout_ms: start.run_timeout_ms,
                attributes: Default::default(),
                configuration: configuration.map_err(Error::from).map_err(failed)?,
                veil: host.inner.veil_for(&parent.tenant),
            };
            let new = NewRun::new(run_id, host.inner.clock.now_ms(), started, Vec::new());
            host.commit_start(new.commit(), IfRunning::Reject).await.map_err(failed)?;
            new.drive(&host.inner);
            (ChildStarted { id, run_id }, grant)
        }
    };
    Ok((json(&started), grant))
}

/// What a child came to; `None` while it is open.
pub(super) async fn result_of(host: &Host, parent: &RunKey, child: RunId) -> Result<Option<Json>, Failure> {
    let mut run_id = child;
    loop {
        let run = host.store().run(&parent.tenant, run_id).await.map_err(Error::from).map_err(failed)?;
        let run = match run {
            Some(run) if is_child(host, parent, &run, child).await.map_err(failed)? => Some(run),
            _ => None,
        };
        let Some(run) = run else {
            return Err(Failure::new(
                "unknown-child",
                format!("run `{child}` is no child of this run: give the `run-id` that `children.start` gave"),
            ));
        };
        match (run.status, &run.outcome) {
            (RunStatus::Continued, _) => match run.continued_as {
                Some(next) => run_id = next,
                None => return Ok(None),
            },
            (status, _) if status.is_open() => return Ok(None),
            (_, Some(Outcome::Ok(result))) => return Ok(Some(result.clone())),
            (_, outcome) => return Err(child_failed(&run, outcome.as_ref())),
        }
    }
}

/// Whether `run` is what `child` became, which `parent` started or has from the history that it shares.
async fn is_child(host: &Host, parent: &RunKey, run: &Run, child: RunId) -> Result<bool, Error> {
    match run.parent {
        Some(of) if of.child != child => Ok(false),
        Some(of) if of.run_id == parent.run_id => Ok(true),
        Some(of) => host.shares_child(&parent.tenant, parent.run_id, of.run_id).await,
        None => Ok(false),
    }
}

/// The failure of a child as its parent sees it: the child's own is its cause.
fn child_failed(run: &Run, outcome: Option<&Outcome>) -> Failure {
    let (code, what) = match run.status {
        RunStatus::Cancelled => ("child-cancelled", "was cancelled"),
        RunStatus::Terminated => ("child-terminated", "was terminated"),
        RunStatus::TimedOut => ("child-timed-out", "timed out"),
        _ => ("child-failed", "failed"),
    };
    let cause = match outcome {
        Some(Outcome::Failed(failure)) => Some(failure),
        _ => None,
    };
    let why = cause.map(|cause| format!(": {cause}")).unwrap_or_default();
    let child = json!({ "id": run.id, "run_id": run.run_id, "workflow": run.workflow });
    let mut failure = Failure::new(code, format!("the child `{}` {what}{why}", run.id));
    failure.details = Some(json(&json!({ "child": child, "cause": cause })));
    failure
}

async fn signal_run(host: &Host, sender: &RunKey, rights: &Rights, call: u32, signal: SignalRun) -> Done {
    let run = RunRef::parse(&signal.run).map_err(failed)?;
    let (run, grant) = allowed(host, sender, rights, &run, Right::signal).await?;
    // The same call sends it once, however often it is made.
    let key = Some(format!("{}:{call}", sender.run_id));
    host.signal(&sender.tenant, &run, &signal.name, signal.payload, key).await.map_err(failed)?;
    Ok((Json::null(), grant))
}

async fn cancel_run(host: &Host, sender: &RunKey, rights: &Rights, cancel: CancelRun) -> Done {
    let run = RunRef::parse(&cancel.run).map_err(failed)?;
    let (run, grant) = allowed(host, sender, rights, &run, Right::cancel).await?;
    match host.cancel(&sender.tenant, &run, &cancel.reason).await {
        Ok(_) => Ok((Json::null(), grant)),
        Err(error) if error.code == ErrorCode::RunClosed => Ok((Json::null(), grant)),
        Err(error) => Err(failed(error)),
    }
}

/// The run that is meant, where `sender` may do to it what needs `right` to its workflow. A run may do it to itself, and to its children by the
/// right to start them.
async fn allowed(
    host: &Host,
    sender: &RunKey,
    rights: &Rights,
    run: &RunRef,
    right: fn(&str) -> Right,
) -> Result<(RunRef, Option<Right>), Failure> {
    let target = host.find(&sender.tenant, run).await.map_err(failed)?;
    // From here on this run is meant, whatever its id comes to mean.
    let found = RunRef::Run(target.run_id);
    if target == *sender || rights.is_everything() {
        return Ok((found, None));
    }
    let row = host.row(&target).await.map_err(failed)?;
    let workflow = row.workflow.as_str();
    let mut needed = vec![right(workflow)];
    if row.parent.is_some_and(|parent| parent.run_id == sender.run_id) {
        needed.push(Right::child(workflow));
    }
    Ok((found, rights.check(&needed)?))
}

/// An error of the host as a guest sees it.
fn failed(error: Error) -> Failure {
    let code = match error.code {
        ErrorCode::RunNotFound => "unknown-run",
        ErrorCode::WorkflowNotFound => "unknown-workflow",
        ErrorCode::VersionNotFound => "unknown-version",
        ErrorCode::RunAlreadyOpen | ErrorCode::RunIdUsed => "already-running",
        ErrorCode::InvalidArgument => "invalid-request",
        ErrorCode::IdempotencyConflict => "invalid-request",
        ErrorCode::Unavailable | ErrorCode::StoreUnavailable => UNAVAILABLE,
        other => other.as_str(),
    };
    let mut failure = Failure::new(code, error.message);
    failure.retryable = error.code.is_retryable();
    failure
}
