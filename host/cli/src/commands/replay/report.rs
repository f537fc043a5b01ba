//! What a replay found, in words.

use abide_model::ParkKind;
use abide_runtime::view::{Difference, DifferenceKind, Proof, ReplayReport, ReplayVerdict};

use crate::output;
use crate::when;

pub(super) fn in_words(report: &ReplayReport, with_log: bool) -> String {
    let verdict = match report.verdict {
        ReplayVerdict::Identical => "identical",
        ReplayVerdict::Diverged => "diverged",
        ReplayVerdict::Stopped => "stopped",
    };
    let took = when::span(report.micros.div_ceil(1000));
    let mut text = String::new();
    if with_log {
        report.log.iter().for_each(|line| text.push_str(&format!("{line}\n")));
    }
    text.push_str(&format!("{verdict}: {} events on {} in {took}\n", report.events, report.version.short()));
    if let Some(reason) = &report.reason {
        // The sentence of a divergence names the event itself.
        let place = reason.event.filter(|_| reason.kind != ParkKind::Divergence);
        let place = place.map(|event| format!("after event {event}: ")).unwrap_or_default();
        text.push_str(&format!("{place}{}\n", reason.message));
        reason.backtrace.iter().for_each(|function| text.push_str(&format!("  {function}\n")));
    }
    if let Some(proof) = &report.proof {
        text.push_str(&proved(proof));
    }
    text
}

fn proved(proof: &Proof) -> String {
    let rows: Vec<_> = proof
        .engines
        .iter()
        .map(|engine| {
            let fuel = engine.fuel_used.map(|fuel| fuel.to_string()).unwrap_or_default();
            let memory = engine.memory.map(|memory| memory.short()).unwrap_or_default();
            let took = when::span(engine.micros.div_ceil(1000));
            [engine.engine.clone(), engine.trace.short(), fuel, memory, took]
        })
        .collect();
    let mut text = output::table(["ENGINE", "CALLS", "FUEL", "MEMORY", "TOOK"], &rows);
    text.push_str(&match &proof.difference {
        None => format!("equal: the engines did the same after each of {} events\n", proof.compared_events),
        Some(difference) => differs(difference),
    });
    text
}

fn differs(difference: &Difference) -> String {
    let what = match difference.kind {
        DifferenceKind::Output => "in what the guest did",
        DifferenceKind::Stop => "in why the guest stopped",
        DifferenceKind::Fuel => "in the fuel that the guest used",
        DifferenceKind::Memory => "in the guest's memory",
    };
    let [first, second] = &difference.between;
    format!(
        "not equal: after event {} they differ {what}\n  {first}: {}\n  {second}: {}\n",
        difference.event, difference.first, difference.second
    )
}
