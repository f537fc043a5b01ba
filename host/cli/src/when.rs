//! Times and spans as people read them.

/// `2026-11-22 20:30:14 UTC`.
pub(crate) fn date(time_ms: u64) -> String {
    let seconds = time_ms / 1000;
    let (days, of_day) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

/// Year, month and day from the days since 1970-01-01, by Howard Hinnant's `civil_from_days`: years that begin in March, in eras
/// of 400 years.
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

/// A span in two units at most: `12ms`, `3.4s`, `2m05s`, `7h30m`, `3d04h`.
pub(crate) fn span(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms}ms"),
        1_000..60_000 => format!("{}.{:02}s", ms / 1000, ms % 1000 / 10),
        60_000..3_600_000 => format!("{}m{:02}s", ms / 60_000, ms / 1000 % 60),
        3_600_000..86_400_000 => format!("{}h{:02}m", ms / 3_600_000, ms / 60_000 % 60),
        _ => format!("{}d{:02}h", ms / 86_400_000, ms / 3_600_000 % 24),
    }
}

/// How long ago something was.
pub(crate) fn ago(time_ms: u64, now_ms: u64) -> String {
    match now_ms.checked_sub(time_ms) {
        Some(0..1000) | None => "now".to_owned(),
        Some(ms @ 1_000..60_000) => format!("{}s ago", ms / 1000),
        Some(ms @ 60_000..3_600_000) => format!("{}m ago", ms / 60_000),
        Some(ms @ 3_600_000..86_400_000) => format!("{}h ago", ms / 3_600_000),
        Some(ms) => format!("{}d ago", ms / 86_400_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        for (ms, text) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (951_782_399_999, "2000-02-28 23:59:59 UTC"),
            (951_782_400_000, "2000-02-29 00:00:00 UTC"),
            (1_795_379_414_000, "2026-11-22 20:30:14 UTC"),
            (4_102_444_800_000, "2100-01-01 00:00:00 UTC"),
            (u64::MAX, "584556019-04-03 14:25:51 UTC"),
        ] {
            assert_eq!(date(ms), text);
        }
    }

    #[test]
    fn spans() {
        for (ms, text) in [
            (0, "0ms"),
            (999, "999ms"),
            (1_234, "1.23s"),
            (59_999, "59.99s"),
            (125_000, "2m05s"),
            (27_000_000, "7h30m"),
            (273_600_000, "3d04h"),
        ] {
            assert_eq!(span(ms), text);
        }
    }

    #[test]
    fn how_long_ago() {
        assert_eq!(ago(1_000, 1_500), "now");
        assert_eq!(ago(2_000, 1_500), "now", "clocks differ");
        assert_eq!(ago(0, 7_200_000), "2h ago");
    }
}
