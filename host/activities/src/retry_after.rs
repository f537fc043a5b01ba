//! How long a provider asks to wait.

use std::time::UNIX_EPOCH;

use reqwest::header::{HeaderMap, RETRY_AFTER};

/// Reads `Retry-After` (seconds or a date) and the finer `retry-after-ms` that some providers send. What cannot be read counts as absent.
pub(crate) fn retry_after_ms(headers: &HeaderMap, now_ms: u64) -> Option<u64> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    if let Some(wait) = text("retry-after-ms").and_then(|value| milliseconds(value, 1.0)) {
        return Some(wait);
    }
    text(RETRY_AFTER.as_str()).and_then(|value| parse(value, now_ms))
}

/// The wait that a `Retry-After` asks for.
pub(crate) fn parse(value: &str, now_ms: u64) -> Option<u64> {
    if let Some(wait) = milliseconds(value, 1000.0) {
        return Some(wait);
    }
    let until = httpdate::parse_http_date(value).ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(u64::try_from(until.as_millis()).unwrap_or(u64::MAX).saturating_sub(now_ms))
}

fn milliseconds(value: &str, unit_ms: f64) -> Option<u64> {
    // Digits first: `f64` would also read `inf` and `1e9`.
    let is_number = value.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let number: f64 = if is_number { value.parse().ok()? } else { return None };
    // The cast saturates.
    Some((number * unit_ms).ceil() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_seconds_and_dates() {
        assert_eq!(parse("2", 0), Some(2000));
        assert_eq!(parse("0.5", 0), Some(500));
        assert_eq!(parse("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777_000 - 3000), Some(3000));
        assert_eq!(parse("Sun, 06 Nov 1994 08:49:37 GMT", u64::MAX), Some(0), "a time that has passed");
        assert_eq!(parse("99999999999999999999999999", 0), Some(u64::MAX));
        for bad in ["", "-1", "soon", "inf", "NaN", "1e3", "1.2.3", "Sun, 06 Nov"] {
            assert_eq!(parse(bad, 0), None, "{bad}");
        }
    }

    #[test]
    fn the_finer_header_comes_first() {
        let mut headers = HeaderMap::new();
        headers.insert("retry-after", "3".parse().unwrap());
        assert_eq!(retry_after_ms(&headers, 0), Some(3000));
        headers.insert("retry-after-ms", "120".parse().unwrap());
        assert_eq!(retry_after_ms(&headers, 0), Some(120));
        headers.insert("retry-after-ms", "x".parse().unwrap());
        assert_eq!(retry_after_ms(&headers, 0), Some(3000));
    }
}
