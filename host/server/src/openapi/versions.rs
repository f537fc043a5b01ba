//! Tests: samples of all that is about versions, swaps and checks are as the document says.

use abide_model::{Digest, Label, Ramp, RunStatus, SwapPolicy};
use abide_runtime::view::{
    ChangeVersion, ChangeWorkflow, CheckSummary, CheckVerdict, CheckedRun, Deployed, PinRun, SetRamp, SwapReport,
    SwapRuns, SwapVerdict, SwappedRun, VersionDescription, Workflow,
};

use super::samples::{fits, reason, run, version};

fn digest() -> Digest {
    Digest::of(b"a")
}

#[test]
fn versions_are_as_documented() {
    fits("Version", &version());
    fits("Deployed", &Deployed { version: version(), created: true, active: true });
    for (swap, ramp) in
        [(SwapPolicy::Manual, None), (SwapPolicy::Automatic, Some(Ramp { version: digest(), percent: 5 }))]
    {
        let (active, previous) = (ramp.map(|ramp| ramp.version), vec![digest()]);
        fits("Workflow", &Workflow { name: run().workflow, active, previous, ramp, swap, versions: vec![version()] });
    }
    let runs = [("running".to_owned(), 3)].into();
    let description =
        VersionDescription { version: version(), active: false, ramp_percent: Some(5), runs, held_back: 1 };
    fits("VersionDescription", &description);
    let label = || vec![Label::parse("stable").unwrap()];
    let change = ChangeVersion { add_labels: label(), remove_labels: label(), deactivated: Some(true) };
    fits("ChangeVersion", &change);
    let ramp = SetRamp { version: "stable".to_owned(), percent: 5 };
    let change = ChangeWorkflow {
        activate: Some("v1".to_owned()),
        rollback: true,
        ramp: Some(ramp),
        swap: Some(SwapPolicy::Automatic),
    };
    fits("ChangeWorkflow", &change);
    fits("PinRun", &PinRun { pinned: true });
}

#[test]
fn swaps_are_as_documented() {
    let swap = SwapRuns {
        to: "stable".to_owned(),
        filter: Some("id = 'a'".to_owned()),
        dry_run: true,
        cursor: Some(run().run_id),
        limit: Some(5),
    };
    fits("SwapRuns", &swap);
    let runs = SwapVerdict::ALL.map(|verdict| SwappedRun {
        run_id: run().run_id,
        id: run().id,
        from: digest(),
        verdict,
        reason: Some(reason()),
    });
    let counts = [("swapped".to_owned(), 1)].into();
    fits("SwapReport", &SwapReport { version: digest(), counts, runs: runs.into(), next: Some(run().run_id) });
}

#[test]
fn checks_are_as_documented() {
    let mut summary = CheckSummary { version: digest(), total: 0, counts: Default::default() };
    for verdict in [CheckVerdict::Identical, CheckVerdict::Diverges, CheckVerdict::Stops, CheckVerdict::Unreadable] {
        let checked = CheckedRun {
            run_id: run().run_id,
            id: run().id,
            status: RunStatus::Completed,
            version: digest(),
            verdict,
            events: 3,
            reason: Some(reason()),
            micros: 5,
            fuel: Some(7),
            own_fuel: Some(8),
        };
        fits("CheckedRun", &checked);
        summary.add(&checked);
    }
    fits("CheckSummary", &summary);
    assert!(!summary.is_clean());
}
