//! Due times as a table, what is refused, and what is to be done next in states that are hard to bring about.

use abide_model::{
    Backfill, Interval, OpenRun, OverlapPolicy, RunId, Schedule, ScheduleId, ScheduleSpec, ScheduleState, WorkflowName,
};

use super::plan::{self, Step};
use super::times::{Times, format_time, parse_time};

fn id() -> ScheduleId {
    ScheduleId::parse("nightly").unwrap()
}

fn spec(cron: &[&str], time_zone: &str) -> ScheduleSpec {
    ScheduleSpec {
        cron: cron.iter().map(|&text| text.to_owned()).collect(),
        time_zone: time_zone.to_owned(),
        ..ScheduleSpec::new(WorkflowName::parse("helpdesk").unwrap())
    }
}

fn every(seconds: u64, offset_seconds: u64) -> Interval {
    Interval { every_ms: seconds * 1000, offset_ms: offset_seconds * 1000 }
}

fn intervals(intervals: &[Interval]) -> ScheduleSpec {
    ScheduleSpec { intervals: intervals.to_vec(), ..spec(&[], "UTC") }
}

fn times(spec: &ScheduleSpec) -> Times {
    Times::of(&id(), spec).unwrap()
}

#[track_caller]
fn due(spec: &ScheduleSpec, after: &str, expected: &[&str]) {
    let found = times(spec).upcoming(parse_time(after).unwrap(), expected.len());
    let found: Vec<_> = found.into_iter().map(format_time).collect();
    assert_eq!(found, expected, "{:?} in {} after {after}", spec.cron, spec.time_zone);
}

#[test]
fn cron_expressions_are_due() {
    for (cron, zone, after, expected) in [
        ("0 3 * * *", "UTC", "2026-11-22T10:00:00Z", &["2026-11-23T03:00:00Z", "2026-11-24T03:00:00Z"][..]),
        // The moment itself is over; the millisecond before it is not.
        ("0 10 * * *", "UTC", "2026-11-22T10:00:00Z", &["2026-11-23T10:00:00Z"]),
        ("0 10 * * *", "UTC", "2026-11-22T09:59:59.999Z", &["2026-11-22T10:00:00Z", "2026-11-23T10:00:00Z"]),
        ("*/20 8-9 * * *", "UTC", "2026-11-22T08:30:00Z", &["2026-11-22T08:40:00Z", "2026-11-22T09:00:00Z"]),
        ("15,45 * * * * *", "UTC", "2026-11-22T08:30:20Z", &["2026-11-22T08:30:45Z", "2026-11-22T08:31:15Z"]),
        ("0 9 * * MON-FRI", "America/New_York", "2026-11-20T20:00:00Z", &["2026-11-23T14:00:00Z"]),
        ("0 0 29 2 *", "UTC", "2026-01-01T00:00:00Z", &["2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"]),
        ("0 0 L * *", "UTC", "2026-02-01T00:00:00Z", &["2026-02-28T00:00:00Z", "2026-03-31T00:00:00Z"]),
        ("@daily", "Asia/Kolkata", "2026-02-01T00:00:00Z", &["2026-02-01T18:30:00Z", "2026-02-02T18:30:00Z"]),
        ("0 0 12 1 1 * 2027", "UTC", "2026-02-01T00:00:00Z", &["2027-01-01T12:00:00Z"]),
        // Clocks go forward: three o'clock is an hour earlier, and half past two is the moment after the gap.
        ("0 3 * * *", "Europe/Zurich", "2026-03-27T12:00:00Z", &["2026-03-28T02:00:00Z", "2026-03-29T01:00:00Z"]),
        ("30 2 * * *", "Europe/Zurich", "2026-03-28T12:00:00Z", &["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]),
        // Clocks go back: what has one time a day is due once, the first time;
        ("30 2 * * *", "Europe/Zurich", "2026-10-24T12:00:00Z", &["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]),
        ("30 1 * * *", "America/New_York", "2026-10-31T12:00:00Z", &["2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"]),
        // what goes on all day goes on.
        (
            "*/30 * * * *",
            "Europe/Zurich",
            "2026-10-25T00:10:00Z",
            &["2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:00:00Z"],
        ),
        (
            "*/30 * * * *",
            "Europe/Zurich",
            "2026-03-29T00:10:00Z",
            &["2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z"],
        ),
    ] {
        due(&spec(&[cron], zone), after, expected);
    }
}

/// Every minute of the days on which clocks change is due, once.
#[test]
fn no_minute_is_lost_or_doubled_where_clocks_change() {
    for (zone, day) in [
        ("Europe/Zurich", "2026-03-29T00:00:00Z"),
        ("Europe/Zurich", "2026-10-25T00:00:00Z"),
        ("America/New_York", "2026-11-01T03:00:00Z"),
        ("Australia/Lord_Howe", "2026-04-04T12:00:00Z"),
        ("Australia/Lord_Howe", "2026-10-03T12:00:00Z"),
    ] {
        let begin = parse_time(day).unwrap();
        let found = times(&spec(&["* * * * *"], zone)).upcoming(begin, 8 * 60);
        let expected: Vec<_> = (1..=8 * 60).map(|minute| begin + minute * 60_000).collect();
        assert_eq!(found, expected, "{zone} {day}");
    }
}

#[test]
fn intervals_are_due() {
    let after = "2026-11-22T10:00:07Z";
    due(&intervals(&[every(30, 0)]), after, &["2026-11-22T10:00:30Z", "2026-11-22T10:01:00Z"]);
    due(&intervals(&[every(30, 5)]), after, &["2026-11-22T10:00:35Z", "2026-11-22T10:01:05Z"]);
    due(&intervals(&[every(30, 7)]), after, &["2026-11-22T10:00:37Z"]);
    // A time of two rules is due once.
    let both = ScheduleSpec { intervals: vec![every(3600, 0), every(5400, 0)], ..spec(&["0 12 * * *"], "UTC") };
    due(
        &both,
        after,
        &["2026-11-22T10:30:00Z", "2026-11-22T11:00:00Z", "2026-11-22T12:00:00Z", "2026-11-22T13:00:00Z"],
    );
}

#[test]
fn a_schedule_begins_and_ends() {
    let at = |text| Some(parse_time(text).unwrap());
    let bounded = ScheduleSpec {
        start_at_ms: at("2026-11-22T10:00:00Z"),
        end_at_ms: at("2026-11-22T12:00:00Z"),
        ..spec(&["0 * * * *"], "UTC")
    };
    let all = ["2026-11-22T10:00:00Z", "2026-11-22T11:00:00Z", "2026-11-22T12:00:00Z"];
    due(&bounded, "2026-01-01T00:00:00Z", &all);
    assert_eq!(times(&bounded).upcoming(0, 10).len(), 3);
    assert_eq!(times(&bounded).next_after(u64::MAX), None);
}

#[test]
fn jitter_is_the_same_each_time_and_ends_before_the_next() {
    let jittered = |jitter_ms| times(&ScheduleSpec { jitter_ms, ..intervals(&[every(10, 0)]) });
    let mut starts = Vec::new();
    for due_ms in jittered(3_600_000).upcoming(1_800_000_000_000, 200) {
        let start_ms = jittered(3_600_000).starts_at(due_ms);
        assert_eq!(start_ms, jittered(3_600_000).starts_at(due_ms));
        assert!((due_ms..due_ms + 10_000).contains(&start_ms));
        assert!(jittered(50).starts_at(due_ms) < due_ms + 50);
        assert_eq!(jittered(0).starts_at(due_ms), due_ms);
        starts.push(start_ms - due_ms);
    }
    starts.sort_unstable();
    starts.dedup();
    assert!(starts.len() > 150, "they spread");
}

#[test]
fn what_cannot_be_kept_is_refused() {
    let changed = |change: fn(&mut ScheduleSpec)| {
        let mut spec = intervals(&[every(10, 0)]);
        change(&mut spec);
        spec
    };
    for (spec, words) in [
        (spec(&[], "UTC"), "never due"),
        (spec(&["61 * * * *"], "UTC"), "`61 * * * *` is no cron expression"),
        (spec(&[""], "UTC"), "no cron expression"),
        (spec(&["0 0 30 2 *"], "UTC"), "it is never due"),
        (spec(&["* * * *"], "UTC"), "no cron expression"),
        (spec(&["* * * * \u{1f600}"], "UTC"), "visible ASCII"),
        (spec(&["1,".repeat(500).as_str()], "UTC"), "256 bytes"),
        (spec(&["* * * * *"; 17], "UTC"), "at most 16"),
        (spec(&["* * * * *"], "Europe/Atlantis"), "`Europe/Atlantis` is no time zone"),
        (spec(&["* * * * *"], "../../etc/passwd"), "no time zone"),
        (intervals(&[every(0, 0)]), "`every_ms` is 0"),
        (intervals(&[every(10, 10)]), "`offset_ms` is 10000: give 0 to 9999"),
        (intervals(&[Interval { every_ms: 1500, offset_ms: 0 }]), "whole seconds"),
        (intervals(&[Interval { every_ms: u64::MAX, offset_ms: 0 }]), "`every_ms`"),
        (changed(|spec| spec.jitter_ms = u64::MAX), "`jitter_ms`"),
        (changed(|spec| spec.catchup_window_ms = 0), "`catchup_window_ms`"),
        (changed(|spec| (spec.start_at_ms, spec.end_at_ms) = (Some(2), Some(1))), "never due"),
        (changed(|spec| spec.version = Some("a".repeat(100))), "`version` is too long"),
    ] {
        let error = Times::of(&id(), &spec).map(|_| ()).unwrap_err();
        assert!(error.message.contains(words), "{words}: {error}");
    }
}

#[test]
fn times_are_read_as_they_are_written() {
    for (text, ms) in [
        ("1970-01-01T00:00:00Z", 0),
        ("2026-11-22T10:00:00Z", 1_795_341_600_000),
        ("2026-11-22T10:00:00.007Z", 1_795_341_600_007),
    ] {
        assert_eq!((parse_time(text), format_time(ms).as_str()), (Ok(ms), text));
    }
    assert_eq!(parse_time("2026-11-22T11:00:00+01:00"), Ok(1_795_341_600_000));
    for bad in ["", "now", "2026-11-22", "2026-11-22T10:00:00", "1969-12-31T00:00:00Z", "9e9"] {
        assert!(parse_time(bad).is_err(), "{bad}");
    }
    assert_eq!(format_time(u64::MAX), "9999-12-30T22:00:00Z", "the end of what the calendar can show");
}

/// A schedule that is due every ten seconds and dealt with up to 100 seconds.
fn schedule(overlap: OverlapPolicy) -> Schedule {
    let spec = ScheduleSpec { overlap, catchup_window_ms: 10_000, ..intervals(&[every(10, 0)]) };
    let state = ScheduleState { done_until_ms: 100_000, wake_ms: Some(110_000), ..ScheduleState::default() };
    Schedule { id: id(), revision: 1, spec, state }
}

fn next(schedule: &Schedule, now_ms: u64) -> Step {
    plan::next(schedule, schedule.state.clone(), &times(&schedule.spec), now_ms)
}

#[test]
fn a_schedule_rests_until_it_is_due() {
    let schedule = schedule(OverlapPolicy::Skip);
    assert_eq!(next(&schedule, 109_999), Step::Rest);
    let Step::Start { state, due_ms } = next(&schedule, 110_000) else { panic!("it is due") };
    assert_eq!((due_ms, state.done_until_ms), (110_000, 110_000));
}

/// However many there are, a step is bounded, and leads on.
#[test]
fn a_long_time_of_missed_runs_is_passed_over() {
    let mut schedule = schedule(OverlapPolicy::Skip);
    schedule.spec.intervals = vec![every(1, 0)];
    let year_ms = 365 * 86_400_000;
    let Step::Write(state) = next(&schedule, year_ms) else { panic!("they are missed") };
    assert_eq!((state.counts.missed, state.done_until_ms), (10_000, year_ms - 10_001));
    schedule.state = *state;
    let Step::Start { due_ms, .. } = next(&schedule, year_ms) else { panic!("the window begins here") };
    assert_eq!(due_ms, year_ms - 10_000);
}

#[test]
fn a_backfill_with_buffer_one_waits_and_the_schedule_does_not() {
    let mut schedule = schedule(OverlapPolicy::AllowAll);
    schedule.state.backfills = vec![Backfill { from_ms: 20_000, to_ms: 30_000, overlap: OverlapPolicy::BufferOne }];
    schedule.state.wake_ms = Some(0);
    let Step::Start { state, due_ms } = next(&schedule, 105_000) else { panic!("the first of the range starts") };
    assert_eq!((due_ms, state.backfills[0].from_ms), (20_000, 20_001));
    schedule.state = *state;
    schedule.state.open = vec![OpenRun { run_id: RunId::from_bytes([1; 16]), end: None }];
    assert_eq!(next(&schedule, 105_000), Step::Rest);
    let Step::Start { due_ms, .. } = next(&schedule, 110_000) else { panic!("the schedule is due") };
    assert_eq!(due_ms, 110_000);
    schedule.state.open.clear();
    schedule.state.backfills[0].from_ms = 30_001;
    let Step::Write(state) = next(&schedule, 105_000) else { panic!("the range is done") };
    assert_eq!((state.backfills, state.counts.started), (Vec::new(), 0));
}
