//! Durations as people write them: `500ms`, `30s`, `5m`, `1h`, `30d`.

use std::time::Duration;

use abide_model::Error;

use crate::problem::{invalid, shown};

/// Reads a whole number and one of `ms`, `s`, `m`, `h` and `d`.
pub fn parse_duration(text: &str) -> Result<Duration, Error> {
    let bad = || {
        invalid(format!(
            "`{}` is no duration: write a whole number and a unit, such as `500ms`, `30s` or `5m`",
            shown(text)
        ))
    };
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let unit_ms = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(bad()),
    };
    let number: u64 = number.parse().map_err(|_| bad())?;
    number.checked_mul(unit_ms).map(Duration::from_millis).ok_or_else(bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        for (text, ms) in
            [("0s", 0), ("500ms", 500), ("30s", 30_000), ("5m", 300_000), ("1h", 3_600_000), ("30d", 2_592_000_000)]
        {
            assert_eq!(parse_duration(text).unwrap().as_millis(), ms, "{text}");
        }
    }

    #[test]
    fn refuses_the_rest() {
        for bad in [
            "",
            "5",
            "s",
            "-1s",
            "+1s",
            "1.5s",
            "1 s",
            "1S",
            "1s1",
            "99999999999999999999s",
            "18446744073709551615h",
            "١s",
        ] {
            assert!(parse_duration(bad).is_err(), "{bad:?}");
        }
    }
}
