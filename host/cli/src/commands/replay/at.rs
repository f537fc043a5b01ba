//! Where a run stood after one of its events, in words.

use std::collections::BTreeMap;

use abide_model::Json;
use abide_runtime::view::{CallAt, RunAt};

use crate::output;
use crate::timeline::{Look, Timeline};
use crate::when;

/// The log lines that are shown beside all else.
const LOG_LINES: usize = 10;

/// All of it.
pub(super) fn in_words(at: &RunAt) -> String {
    let mut text = summary(at);
    for part in [values(at), signals(at), calls(at)] {
        text.push_str(&part);
    }
    let skipped = at.log.len().saturating_sub(LOG_LINES);
    text.push_str(&lines("log", at.log.iter().skip(skipped).map(log_line)));
    text
}

/// The event, and what the guest did about it.
pub(super) fn summary(at: &RunAt) -> String {
    let mut text = Timeline::since(Look { width: None, color: output::wants_color() }, at.started_ms).show(&at.event);
    at.did.iter().for_each(|did| text.push_str(&format!("      {did}\n")));
    let fuel = at.fuel_used.map(|fuel| format!(", {fuel} units of fuel used")).unwrap_or_default();
    let (last, version) = (at.events.saturating_sub(1), at.version.short());
    text.push_str(&format!(
        "event {} of {last} on {version}, {}, {} of memory{fuel}\n",
        at.event.seq,
        when::date(at.now_ms),
        output::size(at.memory_bytes)
    ));
    if let Some(stopped) = &at.stopped {
        text.push_str(&format!("the replay did not get there: {}\n", stopped.message));
        stopped.backtrace.iter().for_each(|function| text.push_str(&format!("  {function}\n")));
    }
    text
}

/// What was published, and what the run could be found by.
pub(super) fn values(at: &RunAt) -> String {
    let attributes = at.attributes.iter().map(|(name, value)| {
        let value = Json::of(value).unwrap_or(Json::null());
        format!("{name}: {value}")
    });
    lines("published", at.published.iter().map(|(name, value)| format!("{name}: {value}")))
        + &lines("attributes", attributes)
}

/// The log.
pub(super) fn log(at: &RunAt) -> String {
    lines("log", at.log.iter().map(log_line))
}

/// The calls in flight, each with the functions that made it.
pub(super) fn calls(at: &RunAt) -> String {
    lines("waits for", at.calls.iter().map(|call| call_lines(call, at.now_ms)))
}

fn signals(at: &RunAt) -> String {
    let count = |names: &BTreeMap<String, u64>| {
        names.iter().map(|(name, count)| format!("{name}: {count} not received yet")).collect::<Vec<_>>()
    };
    lines("signals", count(&at.waiting_signals)) + &lines("updates", count(&at.waiting_updates))
}

fn call_lines(call: &CallAt, now_ms: u64) -> String {
    let since = match (call.event, call.since_ms) {
        (Some(event), Some(since_ms)) => {
            format!("(event {event}, for {})", when::span(now_ms.saturating_sub(since_ms)))
        }
        _ => "(new: the history does not have it)".to_owned(),
    };
    let mut text = format!("#{} {} {} {since}", call.call, call.kind, call.summary);
    own(&call.place).iter().for_each(|function| text.push_str(&format!("\n      {function}")));
    text
}

/// What functions of the SDKs, of their bindings and of Rust's library begin with.
const PLUMBING: [&str; 9] = [
    "wit_bindgen::",
    "abide::",
    "core::",
    "alloc::",
    "std::",
    "[async-lift]",
    "_export_run_cabi",
    "start_task",
    "<core::",
];
/// Where their files lie.
const PLUMBING_FILES: [&str; 4] = ["/wit-bindgen-", "/guest-sdk/src/", "/abide-sdk-", "/rustlib/src/"];

/// The functions that the author of the workflow wrote; all of them where there are none. `-o json` has all.
fn own(place: &[String]) -> Vec<&String> {
    let is_plumbing = |function: &str| {
        PLUMBING.iter().any(|beginning| function.starts_with(beginning))
            || PLUMBING_FILES.iter().any(|file| function.contains(file))
    };
    let own: Vec<_> = place.iter().filter(|function| !is_plumbing(function)).collect();
    if own.is_empty() { place.iter().collect() } else { own }
}

fn log_line(line: &abide_runtime::view::LoggedLine) -> String {
    format!("[{}] {}: {}", line.event, line.level, line.message.trim_end())
}

/// A heading with lines below, or nothing.
fn lines(heading: &str, lines: impl IntoIterator<Item = String>) -> String {
    let mut text = String::new();
    for line in lines {
        if text.is_empty() {
            text.push_str(&format!("{heading}\n"));
        }
        text.push_str(&format!("  {line}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_place_the_functions_of_the_workflow_are_shown() {
        let place = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
        let all = place(&[
            "{async_fn#0} at /home/ada/.cargo/registry/src/wit-bindgen-0.61.1/src/rt.rs:7",
            "order::step::{{closure}} at src/lib.rs:7",
            "abide::bindings::_export_run_cabi::{{closure}}",
            "wit_bindgen::rt::async_support::callback",
        ]);
        assert_eq!(own(&all), [&all[1]]);
        let none = place(&["function 5", "wit_bindgen::rt::async_support::callback"]);
        assert_eq!(own(&none), [&none[0]]);
        let plumbing = place(&["abide::tools::call", "[async-lift]run"]);
        assert_eq!(own(&plumbing).len(), 2);
    }
}
