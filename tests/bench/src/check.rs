//! The fleet check and the swap, beside the bare replay.
//!
//! `check_events_per_s` is the events of all histories over the time that [`abide_runtime::Host::check`] took for them: reading them from
//! the store, replaying each on a component that is not its own, a few at the same time. `check_over_replay` compares that with replaying
//! one long history that is in memory, on one thread (`replay_events_per_s`, taken in the same turn); with more than one core it may be
//! above 1, and with short histories it is below it, since each needs a guest of its own. `swaps_per_s` is runs that wait and are
//! swapped, each with its replay and one durable commit; the histories of these have 2 events.

use std::time::Instant;

use abide_model::WorkflowName;
use abide_runtime::Check;
use abide_runtime::view::{CheckVerdict, SwapRuns, Upload};
use anyhow::{Result, ensure};
use bytes::Bytes;
use serde_json::json;

use crate::arguments::Arguments;
use crate::report::{Report, median};
use crate::subject::{Subject, read_guest};

pub(crate) async fn measure(arguments: &Arguments, report: &mut Report) -> Result<()> {
    histories(arguments, report).await?;
    swaps(arguments, report).await
}

/// The same code as another version: with one more custom section.
fn again(arguments: &Arguments, guest: &str, mark: u8) -> Result<Bytes> {
    let mut file = read_guest(arguments, guest)?;
    file.extend([0, 4, 2, b'i', b'd', mark]);
    Ok(file.into())
}

async fn histories(arguments: &Arguments, report: &mut Report) -> Result<()> {
    let (runs, steps) = (arguments.pick(400, 50), 100);
    let subject = Subject::new(arguments, "steps").await?;
    for _ in 0..runs {
        subject.steps(steps).await?;
    }
    let long = subject.steps(arguments.pick(20_000, 5_000)).await?;
    let component = again(arguments, "steps", 1)?;
    let (mut checked, mut replayed, mut ratios) = (vec![], vec![], vec![]);
    for _ in 0..arguments.pick(7, 3) {
        let alone = subject.host.replay(&subject.tenant, &long, None).await?;
        let alone = alone.events as f64 / (alone.micros as f64 / 1e6);
        let check = Check {
            workflow: WorkflowName::parse("steps")?,
            // The long one is another measure.
            filter: Some("status = 'completed'".to_owned()),
            component: Some(component.clone()),
            version: None,
            fuel: false,
        };
        let mut checking = subject.host.check(&subject.tenant, check).await?;
        let (began, mut events) = (Instant::now(), 0);
        while let Some(page) = checking.next().await? {
            for run in page {
                ensure!(run.verdict == CheckVerdict::Identical, "a history differs: {:?}", run.reason);
                events += run.events;
            }
        }
        let each = events as f64 / began.elapsed().as_secs_f64();
        checked.push(each);
        replayed.push(alone);
        ratios.push(each / alone);
    }
    report.add(
        "check_events_per_s",
        "events of many histories checked on another component, a second",
        median(checked),
    );
    report.add("check_beside_replay_events_per_s", "events of one history replayed, a second", median(replayed));
    report.add("check_over_replay", "events checked over events replayed", median(ratios));
    subject.stop().await;
    Ok(())
}

async fn swaps(arguments: &Arguments, report: &mut Report) -> Result<()> {
    let runs: usize = arguments.pick(1000, 100);
    let subject = Subject::new(arguments, "waiter").await?;
    let name = WorkflowName::parse("waiter")?;
    for _ in 0..runs {
        subject.start("waiter", json!(null)).await?;
    }
    let mut swapped = vec![];
    for mark in 0..arguments.pick(5u8, 3) {
        let upload = Upload { activate: false, ..Upload::default() };
        let deployed = subject.host.upload(&subject.tenant, &name, again(arguments, "waiter", mark)?, upload).await?;
        let to = deployed.version.version.to_string();
        let began = Instant::now();
        let swap = SwapRuns { to, filter: None, dry_run: false, cursor: None, limit: Some(1000) };
        let done = subject.host.swap(&subject.tenant, &name, swap).await?;
        ensure!(done.counts.get("swapped") == Some(&(runs as u64)), "not all were swapped: {:?}", done.counts);
        swapped.push(runs as f64 / began.elapsed().as_secs_f64());
    }
    report.add("swaps_per_s", "waiting runs swapped to another version, a second", median(swapped));
    subject.stop().await;
    Ok(())
}
