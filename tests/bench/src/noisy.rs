//! A noisy neighbour: one tenant takes all that it can get (guests that compute, calls, commits), another does a little all the time.
//!
//! The quiet tenant has one client: it starts a run that waits, signals it, and waits for its result, which is three commits and two turns of its
//! guest. `noisy_alone_ms_p99` is what 99 of 100 of those take while the host has nothing else to do. Two tenants of the same weight have half of
//! the host each, and what has half of a machine takes twice as long: that is what the quiet tenant may expect, `noisy_expected_ms_p99`.
//! `noisy_ms_p99` is what it gets while the other is at full load, and `noisy_ratio` is that over what it may expect. Alone and beside the other
//! take turns in one run, and the median of the turns counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use abide_model::{Json, RunRef, RunStatus, Tenant, WorkflowName};
use anyhow::{Result, ensure};
use serde_json::json;
use tokio::task::JoinSet;

use crate::arguments::Arguments;
use crate::report::{Aim, Report, median, percentile};
use crate::subject::{Subject, read_guest, start, steps_run};

/// Clients of the noisy tenant that make calls and commits.
const CALLERS: usize = 64;
/// Those whose guests compute for ever.
const COMPUTERS: usize = 16;
const STEPS: u64 = 50;
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) async fn measure(arguments: &Arguments, report: &mut Report) -> Result<()> {
    let subject = Arc::new(Subject::new(arguments, "steps").await?);
    let host = &subject.host;
    let quiet = Tenant::parse("quiet")?;
    host.create_tenant(&quiet).await?;
    host.deploy(&quiet, &WorkflowName::parse("waiter")?, read_guest(arguments, "waiter")?.into()).await?;
    host.deploy(&subject.tenant, &WorkflowName::parse("hostile")?, read_guest(arguments, "hostile")?.into()).await?;
    let rounds = arguments.pick(3000, 600);
    times(&subject, &quiet, rounds / 4).await?;
    let (mut alone, mut beside, mut steps, mut typical) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..arguments.pick(5, 3) {
        let mut before = times(&subject, &quiet, rounds).await?;
        alone.push(percentile(&mut before, 99));
        let noise = Noise::begin(&subject);
        // Until all of it is at work.
        tokio::time::sleep(Duration::from_secs(1)).await;
        let (began, done) = (Instant::now(), noise.steps.load(Ordering::Relaxed));
        let mut during = times(&subject, &quiet, rounds).await?;
        steps.push((noise.steps.load(Ordering::Relaxed) - done) as f64 / began.elapsed().as_secs_f64());
        typical.push(percentile(&mut during, 50));
        beside.push(percentile(&mut during, 99));
        noise.end(&subject).await?;
    }
    let expected = median(alone.clone()) * 2.0;
    let beside = median(beside);
    report.add("noisy_alone_ms_p99", "a small run of a tenant that is alone, ms, 99 of 100 are faster", median(alone));
    report.add("noisy_expected_ms_p99", "with half of the host, as two tenants have", expected);
    report.add("noisy_ms_p50", "beside a tenant at full load, median", median(typical));
    report.add("noisy_ms_p99", "the same, 99 of 100 are faster", beside);
    report.add_with_aim("noisy_ratio", "that over what it may expect", beside / expected, Aim::Under(2.0));
    report.add("noisy_steps_per_s", "durable steps of the tenant at full load meanwhile, a second", median(steps));
    subject.host.shutdown().await;
    Ok(())
}

/// How long each of some small runs takes, in milliseconds.
async fn times(subject: &Arc<Subject>, tenant: &Tenant, count: usize) -> Result<Vec<f64>> {
    tokio::spawn(in_turn(subject.clone(), tenant.clone(), times_of_client(subject.clone(), tenant.clone(), count)))
        .await?
}

/// Does what a client asks of the host as a server does it: on a thread of the runtime, and in the turns of its tenant.
async fn in_turn<T>(subject: Arc<Subject>, tenant: Tenant, client: impl Future<Output = Result<T>>) -> Result<T> {
    subject.host.fairly(&tenant, client).await
}

async fn times_of_client(subject: Arc<Subject>, tenant: Tenant, count: usize) -> Result<Vec<f64>> {
    let mut times = Vec::with_capacity(count);
    for number in 0..count {
        let began = Instant::now();
        let run = start(&subject.host, &tenant, "waiter", json!(null)).await?;
        subject.host.signal(&tenant, &run, "go", Json::from(&json!(number)), None).await?;
        let row = subject.host.result(&tenant, &run, PATIENCE).await?;
        ensure!(row.status == RunStatus::Completed, "the run ended otherwise: {row:?}");
        times.push(began.elapsed().as_secs_f64() * 1e3);
    }
    Ok(times)
}

/// All that the noisy tenant does.
struct Noise {
    stop: Arc<AtomicBool>,
    steps: Arc<AtomicU64>,
    clients: JoinSet<Result<()>>,
}

impl Noise {
    fn begin(subject: &Arc<Subject>) -> Self {
        let (stop, steps) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let mut clients = JoinSet::new();
        for _ in 0..CALLERS {
            let client = makes_steps(subject.clone(), stop.clone(), steps.clone());
            clients.spawn(in_turn(subject.clone(), subject.tenant.clone(), client));
        }
        for _ in 0..COMPUTERS {
            clients.spawn(in_turn(subject.clone(), subject.tenant.clone(), computes(subject.clone(), stop.clone())));
        }
        Self { stop, steps, clients }
    }

    async fn end(self, subject: &Subject) -> Result<()> {
        let Self { stop, mut clients, .. } = self;
        stop.store(true, Ordering::Relaxed);
        while let Some(client) = clients.join_next().await {
            client??;
        }
        ensure!(subject.host.ready().is_ok(), "the host does not work any more");
        Ok(())
    }
}

async fn makes_steps(subject: Arc<Subject>, stop: Arc<AtomicBool>, steps: Arc<AtomicU64>) -> Result<()> {
    while !stop.load(Ordering::Relaxed) {
        steps_run(&subject.host, &subject.tenant, STEPS).await?;
        steps.fetch_add(STEPS, Ordering::Relaxed);
    }
    Ok(())
}

async fn computes(subject: Arc<Subject>, stop: Arc<AtomicBool>) -> Result<()> {
    while !stop.load(Ordering::Relaxed) {
        let run = start(&subject.host, &subject.tenant, "hostile", json!({ "do": "loop" })).await?;
        let ended = until_it_stops(&subject, &run, &stop).await;
        // One that is parked, or still computes, is ended: the next begins.
        drop(subject.host.terminate(&subject.tenant, &run, "the measure is over").await);
        ended?;
    }
    Ok(())
}

async fn until_it_stops(subject: &Subject, run: &RunRef, stop: &AtomicBool) -> Result<()> {
    while !stop.load(Ordering::Relaxed) {
        if subject.host.describe(&subject.tenant, run).await?.run.status != RunStatus::Running {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}
