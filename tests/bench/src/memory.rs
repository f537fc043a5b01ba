//! Memory: of a guest that waits, and of a run that waits and whose guest was dropped.
//!
//! Both are the growth of the resident set of this process (`VmRSS`), over the number of runs. A waiting guest has its linear memory, its
//! stack, its share of the engine and the task of its run; a dropped run should have nothing. What the store keeps in
//! memory of its file is bounded and no matter of runs: it is given little here, and is full before the count begins.

use std::time::Duration;

use abide_history::RedbOptions;
use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::arguments::Arguments;
use crate::report::{Aim, Report};
use crate::subject::Subject;

const STORE_CACHE_BYTES: usize = 1 << 20;
/// Runs that are started at the same time.
const STARTS: usize = 64;

/// Bytes a waiting guest.
pub(crate) async fn waiting(arguments: &Arguments, report: &mut Report) -> Result<()> {
    let (warm, count) = (100, arguments.pick(800, 400));
    let options = RedbOptions { cache_bytes: STORE_CACHE_BYTES, ..RedbOptions::default() };
    let subject = Subject::with(arguments, "waiter", &options, |config| config.max_resident = warm + count + 1).await?;
    start(&subject, warm).await?;
    let before = settled_bytes().await?;
    start(&subject, count).await?;
    ensure!(subject.host.resident() == warm + count, "{} guests are in memory", subject.host.resident());
    let after = settled_bytes().await?;
    let bytes = after.saturating_sub(before) as f64 / count as f64;
    report.add("resident_bytes_waiting_guest", format!("resident bytes a waiting guest, of {count}"), bytes);
    subject.stop().await;
    Ok(())
}

/// Bytes a dropped run.
pub(crate) async fn dropped(arguments: &Arguments, report: &mut Report) -> Result<()> {
    let (warm, count) = (arguments.pick(20_000, 4_000), arguments.pick(50_000, 10_000));
    let seats = 64;
    let options = RedbOptions { cache_bytes: STORE_CACHE_BYTES, ..RedbOptions::default() };
    let subject = Subject::with(arguments, "waiter", &options, |config| config.max_resident = seats).await?;
    start(&subject, warm).await?;
    let before = settled_bytes().await?;
    start(&subject, count).await?;
    ensure!(subject.host.resident() <= seats, "{} guests are in memory", subject.host.resident());
    let after = settled_bytes().await?;
    let bytes = after as f64 - before as f64;
    let what = format!("resident bytes a dropped run, of {count}");
    report.add_with_aim("dropped_run_bytes", what, bytes / count as f64, Aim::Under(300.0));
    subject.stop().await;
    Ok(())
}

/// Starts runs, and waits until each waits for its signal.
async fn start(subject: &Subject, count: usize) -> Result<()> {
    let mut left = count;
    while left > 0 {
        let now = left.min(STARTS);
        let mut runs = Vec::with_capacity(now);
        for _ in 0..now {
            runs.push(subject.start("waiter", Value::Null).await?);
        }
        for run in runs {
            // `run-started`, and the two calls that it waits for.
            while subject.host.history(&subject.tenant, &run, 1, 10, Duration::from_secs(60)).await?.events.len() < 2 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        left -= now;
    }
    Ok(())
}

/// The resident set of this process, when it has come to rest.
pub(crate) async fn settled_bytes() -> Result<u64> {
    tokio::time::sleep(Duration::from_millis(500)).await;
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line =
        status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no `VmRSS` in /proc/self/status")?;
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kib << 10)
}
