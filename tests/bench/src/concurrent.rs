//! Many runs at the same time, and one at a time.
//!
//! `clients`: so many clients in this process each start a run of ten steps, wait for its result, and start the next. A step is
//! durable as in a chain; runs share disk syncs. The processor time a step says what the rate could be on a machine that nobody else
//! uses, where the disk is no limit: cores over that. `latency`: one client with runs of one step; from the start to the result are three
//! commits, one after the other: the start, the request of the call, and its outcome with the result.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::task::JoinSet;

use crate::arguments::Arguments;
use crate::report::{Aim, Report, median, percentile};
use crate::subject::{Subject, steps_run};

const CLIENTS: usize = 64;
const STEPS: u64 = 10;
const ROUND: Duration = Duration::from_secs(2);

pub(crate) async fn clients(arguments: &Arguments, report: &mut Report) -> Result<()> {
    let subject = Arc::new(Subject::new(arguments, "steps").await?);
    round(&subject, ROUND / 4).await?;
    let mut rates = Vec::new();
    let mut costs = Vec::new();
    for _ in 0..arguments.pick(7, 3) {
        let (before, began) = (processor_s()?, Instant::now());
        let rate = round(&subject, ROUND).await?;
        costs.push((processor_s()? - before) * 1e6 / (rate * began.elapsed().as_secs_f64()));
        rates.push(rate);
    }
    let rate = median(rates);
    let what = format!("durable steps of {CLIENTS} clients with runs of {STEPS}, a second");
    report.add_with_aim("concurrent_steps_per_s", what, rate, Aim::AtLeast(20_000.0));
    report.add("concurrent_runs_per_s", "the runs of that, started and ended, a second", rate / STEPS as f64);
    report.add("concurrent_cpu_us_per_step", "processor time of that a step, µs", median(costs));
    subject.host.shutdown().await;
    Ok(())
}

/// The processor time that this process had so far, in seconds.
fn processor_s() -> Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    // The name of the program, in parentheses, may have spaces. Behind it, the 12th and 13th fields are ticks of 10 ms.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: u64 = fields.skip(11).take(2).map(|ticks| ticks.parse().unwrap_or(0)).sum();
    Ok(ticks as f64 / 100.0)
}

/// Steps a second of all clients.
async fn round(subject: &Arc<Subject>, duration: Duration) -> Result<f64> {
    let began = Instant::now();
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        let (host, tenant) = (subject.host.clone(), subject.tenant.clone());
        clients.spawn(async move {
            let mut steps = 0;
            while began.elapsed() < duration {
                steps_run(&host, &tenant, STEPS).await?;
                steps += STEPS;
            }
            anyhow::Ok(steps)
        });
    }
    let mut steps = 0;
    while let Some(client) = clients.join_next().await {
        steps += client??;
    }
    Ok(steps as f64 / began.elapsed().as_secs_f64())
}

pub(crate) async fn latency(arguments: &Arguments, report: &mut Report) -> Result<()> {
    let subject = Subject::new(arguments, "steps").await?;
    let mut times = Vec::new();
    let (warm, count) = (50, arguments.pick(2000, 400));
    for number in 0..warm + count {
        let began = Instant::now();
        subject.steps(1).await?;
        if number >= warm {
            times.push(began.elapsed().as_secs_f64() * 1e3);
        }
    }
    report.add(
        "start_to_result_ms_p50",
        "start to result of a run of one step, ms, median",
        percentile(&mut times, 50),
    );
    report.add("start_to_result_ms_p99", "the same, 99 of 100 are faster", percentile(&mut times, 99));
    subject.stop().await;
    Ok(())
}
