//! Points in time as people and programs write them: dates and times of RFC 3339.

/// The last day of the year 9999, in days since 1970-01-01.
const LAST_DAY: i64 = 2_932_896;

/// Milliseconds since 1970 of `2026-11-01T09:30:00Z`, `2026-11-01T09:30:00.5+01:00` or `2026-11-01` (its beginning in UTC). `None`
/// for anything else, and for times before 1970. Parts of a millisecond are cut off; a leap second is the second after it.
pub(crate) fn parse_instant(text: &str) -> Option<u64> {
    let bytes = text.as_bytes();
    if !bytes.is_ascii() {
        return None;
    }
    let (date, rest) = bytes.split_at_checked(10)?;
    if date[4] != b'-' || date[7] != b'-' {
        return None;
    }
    let days = days(number(&date[..4])?, number(&date[5..7])?, number(&date[8..])?)?;
    let of_day_ms = match rest.split_first() {
        None => 0,
        Some((b'T' | b't' | b' ', time)) => time_of_day_ms(time)?,
        Some(_) => return None,
    };
    u64::try_from(days * 86_400_000 + of_day_ms).ok()
}

/// `09:30:00Z` in milliseconds; less than 0 or more than a day where the offset makes it so.
fn time_of_day_ms(time: &[u8]) -> Option<i64> {
    let (clock, mut rest) = time.split_at_checked(8)?;
    if clock[2] != b':' || clock[5] != b':' {
        return None;
    }
    let (hour, minute, second) = (number(&clock[..2])?, number(&clock[3..5])?, number(&clock[6..])?);
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let mut ms = ((hour * 60 + minute) * 60 + second) * 1000;
    if let Some((b'.', fraction)) = rest.split_first() {
        let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 {
            return None;
        }
        let places = fraction[..digits].iter().zip([100, 10, 1]);
        ms += places.map(|(digit, place)| i64::from(digit - b'0') * place).sum::<i64>();
        rest = &fraction[digits..];
    }
    match rest {
        [b'Z' | b'z'] => Some(ms),
        [sign @ (b'+' | b'-'), offset @ ..] if offset.len() == 5 && offset[2] == b':' => {
            let (hours, minutes) = (number(&offset[..2])?, number(&offset[3..])?);
            let offset_ms = (hours * 60 + minutes) * 60_000;
            (hours < 24 && minutes < 60).then_some(if *sign == b'+' { ms - offset_ms } else { ms + offset_ms })
        }
        _ => None,
    }
}

fn number(digits: &[u8]) -> Option<i64> {
    let digit = |byte: &u8| byte.is_ascii_digit().then(|| i64::from(byte - b'0'));
    digits.iter().try_fold(0, |number, byte| Some(number * 10 + digit(byte)?))
}

/// Days since 1970-01-01, by Howard Hinnant's `days_from_civil`: years that begin in March, in eras of 400 years.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=length).contains(&day) {
        return None;
    }
    let from_march = if month > 2 { month - 3 } else { month + 9 };
    let year = year - i64::from(month <= 2);
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * from_march + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    (days <= LAST_DAY).then_some(days)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_dates_and_times() {
        for (text, ms) in [
            ("1970-01-01", 0),
            ("2000-02-29", 951_782_400_000),
            ("2026-11-22T20:30:14Z", 1_795_379_414_000),
            ("2026-11-22t20:30:14.5z", 1_795_379_414_500),
            ("2026-11-22 20:30:14.123999Z", 1_795_379_414_123),
            ("2026-11-22T21:30:14+01:00", 1_795_379_414_000),
            ("2026-11-22T16:00:14-04:30", 1_795_379_414_000),
            ("2100-01-01", 4_102_444_800_000),
            ("9999-12-31T23:59:59Z", 253_402_300_799_000),
        ] {
            assert_eq!(parse_instant(text), Some(ms), "{text}");
        }
    }

    #[test]
    fn refuses_the_rest() {
        for text in [
            "",
            "2026",
            "2026-13-01",
            "2026-02-29",
            "2026-00-01",
            "2026-01-00",
            "2026-1-01",
            "1969-12-31",
            "2026-11-22T20:30",
            "2026-11-22T20:30:14",
            "2026-11-22T24:00:00Z",
            "2026-11-22T20:30:14.Z",
            "2026-11-22T20:30:14+1:00",
            "2026-11-22T20:30:14+24:00",
            "2026-11-22x",
            "2026-11-2é",
            "+026-11-22",
        ] {
            assert_eq!(parse_instant(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,40}", digits in "[0-9TZ:+. -]{0,40}") {
            let _ = (parse_instant(&text), parse_instant(&digits));
        }
    }
}
