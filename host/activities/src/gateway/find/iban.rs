//! International bank account numbers (ISO 13616): a country, its length, and a remainder of 1 by 97.

use std::ops::Range;

/// Countries with the lengths of their numbers, by the registry.
const LENGTHS: &str = "\
    AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 ES24 FI18 \
    FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 \
    LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 \
    SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30";

pub(super) fn find(text: &str) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at + 4 <= bytes.len() {
        let is_beginning = bytes[at].is_ascii_alphabetic() && (at == 0 || !bytes[at - 1].is_ascii_alphanumeric());
        match is_beginning.then(|| end(text, at)).flatten() {
            Some(end) => {
                found.push(at..end);
                at = end;
            }
            None => at += 1,
        }
    }
    found
}

fn length(country: &str) -> Option<usize> {
    LENGTHS.split(' ').find_map(|entry| entry.strip_prefix(country)?.parse().ok())
}

/// Where the number ends that begins at `start`.
fn end(text: &str, start: usize) -> Option<usize> {
    let head = text.as_bytes().get(start..start + 4)?;
    if !(head[1].is_ascii_alphabetic() && head[2].is_ascii_digit() && head[3].is_ascii_digit()) {
        return None;
    }
    let country: String = head[..2].iter().map(|letter| char::from(letter.to_ascii_uppercase())).collect();
    let length = length(&country)?;
    let mut number = Vec::with_capacity(length);
    let mut separated = false;
    for (at, c) in text[start..].char_indices() {
        match c {
            c if c.is_ascii_alphanumeric() => {
                if number.len() == length {
                    // It goes on: another one, unless a separator stands between.
                    return (separated && is_valid(&number)).then(|| start + trimmed(&text[start..start + at]));
                }
                number.push(u8::try_from(c.to_ascii_uppercase()).ok()?);
                separated = false;
            }
            ' ' | '-' | '\u{a0}' | '\u{202f}' if !separated => separated = true,
            _ => {
                let whole = number.len() == length && is_valid(&number);
                return whole.then(|| start + trimmed(&text[start..start + at]));
            }
        }
    }
    (number.len() == length && is_valid(&number)).then(|| start + trimmed(&text[start..]))
}

/// The length without separators at the end.
fn trimmed(text: &str) -> usize {
    text.trim_end_matches([' ', '-', '\u{a0}', '\u{202f}']).len()
}

fn is_valid(number: &[u8]) -> bool {
    let turned = number[4..].iter().chain(&number[..4]);
    let remainder = turned.fold(0u32, |remainder, byte| match byte {
        b'0'..=b'9' => (remainder * 10 + u32::from(byte - b'0')) % 97,
        letter => (remainder * 100 + u32::from(letter - b'A') + 10) % 97,
    });
    remainder == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_however_they_are_written() {
        for (text, expected) in [
            ("DE89370400440532013000", &["DE89370400440532013000"][..]),
            ("to DE89 3704 0044 0532 0130 00 and more", &["DE89 3704 0044 0532 0130 00"]),
            ("gb82 west 1234 5698 7654 32.", &["gb82 west 1234 5698 7654 32"]),
            ("IBAN:NO9386011117947, BE68-5390-0754-7034", &["NO9386011117947", "BE68-5390-0754-7034"]),
            ("DE89370400440532013001 DE8937040044053201300 XX82WEST12345698765432", &[]),
            ("DE893704004405320130001 ADE89370400440532013000", &[]),
            ("äDE89 3704 0044 0532 0130 00ä", &["DE89 3704 0044 0532 0130 00"]),
        ] {
            let found: Vec<_> = find(text).into_iter().map(|range| &text[range]).collect();
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn every_country_has_its_length() {
        for (country, expected) in
            [("AD", Some(24)), ("NO", Some(15)), ("RU", Some(33)), ("YE", Some(30)), ("XX", None)]
        {
            assert_eq!(length(country), expected);
        }
        assert!(LENGTHS.split(' ').all(|entry| length(&entry[..2]).is_some_and(|length| (15..=34).contains(&length))));
    }
}
