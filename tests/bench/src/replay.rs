//! Replaying a history, beside what wasmtime can do.
//!
//! A run of `steps` is replayed by [`abide_runtime::Host::replay`], which compares each call with the recorded one; the time is the
//! report's, from the first event to the last, with the history in memory. A call is two events: it is requested, and it comes
//! back. `replay_over_bare_calls` is events a second over bare calls a second, `replay_calls_over_bare_calls` calls over calls.
//!
//! The bare calls are those of the very same guest, component and settings of the engine, with a host that does nothing but answer
//! (`bare_calls`). They come in two sorts. An outcome that is replayed comes when the guest waits for it, as it does in a live run, so
//! the bare calls that it is compared with do the same. `bare_ready_calls_per_s` is for calls whose answer is there at once:
//! the guest goes on without ever waiting, which no call to the world does.

use abide_runtime::view::ReplayVerdict;
use anyhow::{Result, ensure};

use crate::arguments::Arguments;
use crate::bare_calls::{Answers, BareGuest};
use crate::report::{Aim, Report, median};
use crate::subject::Subject;

pub(crate) async fn measure(arguments: &Arguments, report: &mut Report) -> Result<()> {
    let steps = arguments.pick(20_000, 5_000);
    let subject = Subject::new(arguments, "steps").await?;
    let run = subject.steps(steps).await?;
    let bare = BareGuest::load(arguments, "steps")?;

    let (mut waiting, mut ready, mut events, mut calls, mut ratios) = (vec![], vec![], vec![], vec![], vec![]);
    for _ in 0..arguments.pick(11, 5) {
        let bare_calls = bare.calls_per_s(steps, Answers::WhenWaitedFor).await?;
        ready.push(bare.calls_per_s(steps, Answers::AtOnce).await?);
        let replayed = subject.host.replay(&subject.tenant, &run, None).await?;
        ensure!(replayed.verdict == ReplayVerdict::Identical, "the replay differs: {:?}", replayed.reason);
        let seconds = replayed.micros as f64 / 1e6;
        waiting.push(bare_calls);
        events.push(replayed.events as f64 / seconds);
        calls.push(steps as f64 / seconds);
        ratios.push(replayed.events as f64 / seconds / bare_calls);
    }
    let (bare_calls, calls) = (median(waiting), median(calls));
    report.add("bare_calls_per_s", "async calls of a guest in bare wasmtime, a second", bare_calls);
    report.add("bare_ready_calls_per_s", "the same, when the guest never has to wait", median(ready));
    report.add("replay_events_per_s", "events replayed, a second", median(events));
    let ratio = median(ratios);
    report.add_with_aim("replay_over_bare_calls", "events replayed over bare calls", ratio, Aim::AtLeast(0.5));
    report.add("replay_calls_over_bare_calls", "calls replayed over bare calls", calls / bare_calls);
    subject.stop().await;
    Ok(())
}
