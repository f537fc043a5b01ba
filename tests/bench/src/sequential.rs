//! A chain of durable steps, beside what the disk can do.
//!
//! One run of `steps` makes one call after the other; each is durable before it is performed, and its outcome before the guest
//! sees it. Short turns of that and of a bare write and `fdatasync` of one page in the same folder alternate. 1 would mean that a step costs
//! one disk sync and nothing else.
//!
//! Where others use the processor, a thread that waited for the disk waits for its turn as well, for up to a hundred times as long as
//! for the disk. That says nothing of either side, and hits the one thread of the bare syncs harder than a host; so what is
//! compared are the rates of the least disturbed turns (the 90th percentile of each side), and, as a second ratio, the times of the
//! least disturbed syncs and steps (the 10th percentile). On a machine with nothing else to do it makes no difference.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::arguments::Arguments;
use crate::disk::BareDisk;
use crate::report::{Aim, Report, percentile};
use crate::subject::Subject;

const TURN: Duration = Duration::from_millis(100);

pub(crate) async fn measure(arguments: &Arguments, report: &mut Report) -> Result<()> {
    let subject = Subject::new(arguments, "steps").await?;
    let mut disk = BareDisk::open(subject.folder())?;
    subject.steps(100).await?;
    disk.syncs_per_s(TURN / 4)?;

    subject.step_times();
    disk.sync_times();
    let (mut syncs, mut steps) = (Vec::new(), Vec::new());
    for _ in 0..arguments.pick(80, 25) {
        let before = tokio::task::block_in_place(|| disk.syncs_per_s(TURN / 2))?;
        let count = (before * TURN.as_secs_f64()).clamp(20.0, 5_000.0).round();
        let began = Instant::now();
        subject.steps(count as u64).await?;
        let rate = count / began.elapsed().as_secs_f64();
        let after = tokio::task::block_in_place(|| disk.syncs_per_s(TURN / 2))?;
        syncs.extend([before, after]);
        steps.push(rate);
    }
    let (sync_rate, step_rate) = (percentile(&mut syncs, 90), percentile(&mut steps, 90));
    let (sync_us, step_us) = (percentile(&mut disk.sync_times(), 10), percentile(&mut subject.step_times(), 10));
    report.add("fdatasync_per_s", "bare write and fdatasync of a 4 KiB page, a second", sync_rate);
    report.add("sequential_steps_per_s", "durable steps of one run, a second", step_rate);
    let ratio = step_rate / sync_rate;
    report.add_with_aim(
        "sequential_over_fdatasync",
        "steps a second over fdatasyncs a second",
        ratio,
        Aim::AtLeast(0.8),
    );
    report.add("fdatasync_us", "an undisturbed write and fdatasync, µs", sync_us);
    report.add("sequential_step_us", "an undisturbed step, µs", step_us);
    report.add("fdatasync_us_over_step_us", "the one over the other", sync_us / step_us);
    subject.stop().await;

    disk_size(arguments, report).await
}

/// How much larger the database is for each step of one long run. The store is stopped before each look, so that nothing is in its log
/// only; a store that holds one short run has the size that all have.
async fn disk_size(arguments: &Arguments, report: &mut Report) -> Result<()> {
    let steps = arguments.pick(20_000, 4_000);
    let mut sizes = Vec::new();
    for steps in [1, steps] {
        let subject = Subject::new(arguments, "steps").await?;
        subject.steps(steps).await?;
        sizes.push(subject.stop_and_measure().await? as f64);
    }
    let what = format!("bytes on disk a step, of a run of {steps}");
    report.add("disk_bytes_per_step", what, (sizes[1] - sizes[0]) / (steps - 1) as f64);
    Ok(())
}
