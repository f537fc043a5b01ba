//! When a schedule is due. Nothing here knows how late it is or what was started: it is a function of the specification.

use std::str::FromStr;

use abide_model::{Digest, Error, ErrorCode, Interval, ScheduleId, ScheduleSpec};
use croner::Cron;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Cron expressions, and intervals, of one schedule.
const MAX_RULES: usize = 16;
/// The longest cron expression, in bytes.
const MAX_CRON_BYTES: usize = 256;
/// The longest name of a time zone, in bytes.
const MAX_ZONE_BYTES: usize = 64;
/// The longest interval: 10 years.
const MAX_EVERY_MS: u64 = 3650 * DAY_MS;
/// The most that a run may be put off.
const MAX_JITTER_MS: u64 = DAY_MS;
/// The shortest catch-up window: a busy host is late by a moment.
const MIN_WINDOW_MS: u64 = 10_000;
/// The longest one.
const MAX_WINDOW_MS: u64 = 366 * DAY_MS;
/// The longest name of a version, in bytes: a digest.
const MAX_VERSION_BYTES: usize = 80;
const DAY_MS: u64 = 86_400_000;
/// The last moment that the calendar knows in all time zones: 9999-12-30T22:00:00Z.
const END_OF_TIME_MS: u64 = 253_402_207_200_000;

/// The due times of a schedule. They are whole seconds.
pub(super) struct Times {
    id: ScheduleId,
    crons: Vec<Cron>,
    intervals: Vec<Interval>,
    zone: TimeZone,
    jitter_ms: u64,
    start_at_ms: u64,
    end_at_ms: u64,
}

impl Times {
    /// Checks a specification. It may search long for a due time of a strange cron expression, so not on a thread that others wait for.
    pub(super) fn of(id: &ScheduleId, spec: &ScheduleSpec) -> Result<Self, Error> {
        if spec.cron.len() > MAX_RULES || spec.intervals.len() > MAX_RULES {
            return Err(invalid(format!("a schedule has at most {MAX_RULES} cron expressions and as many intervals")));
        }
        if spec.cron.is_empty() && spec.intervals.is_empty() {
            return Err(invalid("the schedule is never due: give `cron` or `intervals`"));
        }
        check("jitter_ms", spec.jitter_ms, 0, MAX_JITTER_MS)?;
        check("catchup_window_ms", spec.catchup_window_ms, MIN_WINDOW_MS, MAX_WINDOW_MS)?;
        spec.intervals.iter().try_for_each(check_interval)?;
        if spec.version.as_ref().is_some_and(|version| version.len() > MAX_VERSION_BYTES) {
            return Err(invalid("`version` is too long: give a digest, or 8 or more of its first digits"));
        }
        let (start_at_ms, end_at_ms) = (spec.start_at_ms.unwrap_or(0), spec.end_at_ms.unwrap_or(END_OF_TIME_MS));
        if start_at_ms > end_at_ms {
            return Err(invalid("`start_at_ms` is after `end_at_ms`: the schedule is never due"));
        }
        Ok(Self {
            id: id.clone(),
            crons: spec.cron.iter().map(|text| cron(text)).collect::<Result<_, _>>()?,
            intervals: spec.intervals.clone(),
            zone: zone(&spec.time_zone)?,
            jitter_ms: spec.jitter_ms,
            start_at_ms,
            end_at_ms: end_at_ms.min(END_OF_TIME_MS),
        })
    }

    /// The first due time after `after_ms`.
    pub(super) fn next_after(&self, after_ms: u64) -> Option<u64> {
        let after_ms = after_ms.max(self.start_at_ms.saturating_sub(1));
        if after_ms >= self.end_at_ms {
            return None;
        }
        let by_cron = self.crons.iter().filter_map(|cron| self.next_of_cron(cron, after_ms));
        let by_interval = self.intervals.iter().map(|interval| next_of_interval(interval, after_ms));
        by_cron.chain(by_interval).min().filter(|due_ms| *due_ms <= self.end_at_ms)
    }

    fn next_of_cron(&self, cron: &Cron, after_ms: u64) -> Option<u64> {
        let mut from = Timestamp::from_millisecond(i64::try_from(after_ms).ok()?).ok()?;
        // At the edges of a change of the clock the search may give the second that it began with.
        for _ in 0..3 {
            let found = cron.find_next_occurrence(&from.to_zoned(self.zone.clone()), false).ok()?.timestamp();
            let found_ms = u64::try_from(found.as_millisecond()).ok()?;
            if found_ms > after_ms {
                return Some(found_ms);
            }
            from = Timestamp::from_second(from.as_second() + 1).ok()?;
        }
        None
    }

    /// When the run of a due time starts: with its part of the jitter, and before the next one is due.
    pub(super) fn starts_at(&self, due_ms: u64) -> u64 {
        if self.jitter_ms == 0 {
            return due_ms;
        }
        let room_ms = self.next_after(due_ms).map_or(u64::MAX, |next_ms| next_ms - due_ms);
        let digest = Digest::of(format!("{}\0{due_ms}", self.id).as_bytes());
        let chance = digest.as_bytes().first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
        due_ms + chance % self.jitter_ms.min(room_ms)
    }

    /// Some due times after `after_ms`, for people.
    pub(super) fn upcoming(&self, after_ms: u64, count: usize) -> Vec<u64> {
        std::iter::successors(self.next_after(after_ms), |due_ms| self.next_after(*due_ms)).take(count).collect()
    }
}

fn next_of_interval(interval: &Interval, after_ms: u64) -> u64 {
    let Interval { every_ms, offset_ms } = *interval;
    match after_ms.checked_sub(offset_ms) {
        Some(since_ms) => (since_ms / every_ms + 1).saturating_mul(every_ms).saturating_add(offset_ms),
        None => offset_ms,
    }
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorCode::InvalidArgument, message)
}

fn check(name: &str, given: u64, least: u64, most: u64) -> Result<(), Error> {
    if (least..=most).contains(&given) {
        return Ok(());
    }
    Err(invalid(format!("`{name}` is {given}: give {least} to {most} milliseconds")))
}

fn check_interval(interval: &Interval) -> Result<(), Error> {
    let Interval { every_ms, offset_ms } = *interval;
    check("every_ms", every_ms, 1000, MAX_EVERY_MS)?;
    check("offset_ms", offset_ms, 0, every_ms - 1)?;
    if every_ms % 1000 != 0 || offset_ms % 1000 != 0 {
        return Err(invalid("`every_ms` and `offset_ms` are whole seconds: give multiples of 1000"));
    }
    Ok(())
}

fn cron(text: &str) -> Result<Cron, Error> {
    let shown: String = text.chars().take(80).flat_map(char::escape_debug).collect();
    let bad = |why: &str| {
        invalid(format!(
            "`{shown}` is no cron expression: {why}; give `minute hour day month weekday`, as in `0 3 * * MON-FRI`"
        ))
    };
    if text.len() > MAX_CRON_BYTES {
        return Err(bad(&format!("it has more than {MAX_CRON_BYTES} bytes")));
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') {
        return Err(bad("it has other characters than visible ASCII and spaces"));
    }
    let cron = Cron::from_str(text).map_err(|error| bad(error.to_string().trim_end_matches('.')))?;
    // One that is due at no date of the calendar costs a search through all of it: once, here.
    let epoch = Timestamp::UNIX_EPOCH.to_zoned(TimeZone::UTC);
    cron.find_next_occurrence(&epoch, true).map_err(|_| bad("it is never due"))?;
    Ok(cron)
}

fn zone(name: &str) -> Result<TimeZone, Error> {
    let known = (name.len() <= MAX_ZONE_BYTES).then(|| TimeZone::get(name).ok()).flatten();
    known.ok_or_else(|| {
        let shown: String = name.chars().take(80).flat_map(char::escape_debug).collect();
        invalid(format!("`{shown}` is no time zone: give an IANA name such as `UTC` or `Europe/Zurich`"))
    })
}

/// A moment as ids and people have it: `2026-11-22T10:00:00Z`, with milliseconds where they are not zero.
pub fn format_time(time_ms: u64) -> String {
    let time_ms = i64::try_from(time_ms.min(END_OF_TIME_MS)).unwrap_or(0);
    let time = Timestamp::from_millisecond(time_ms).unwrap_or(Timestamp::UNIX_EPOCH);
    if time_ms % 1000 == 0 { format!("{time:.0}") } else { format!("{time:.3}") }
}

/// Reads a moment (RFC 3339), such as `2026-11-22T10:00:00Z` or `2026-11-22T11:00:00+01:00`.
pub fn parse_time(text: &str) -> Result<u64, Error> {
    let parsed = Timestamp::from_str(text).ok().and_then(|time| u64::try_from(time.as_millisecond()).ok());
    parsed.ok_or_else(|| {
        let shown: String = text.chars().take(80).flat_map(char::escape_debug).collect();
        invalid(format!("`{shown}` is no time: give one such as `2026-11-22T10:00:00Z`, of 1970 or later"))
    })
}
