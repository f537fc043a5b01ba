//! Numbers of payment cards: groups of digits that together have the beginning and the length of a brand, and Luhn's check digit.

use std::ops::Range;

/// The digits of the longest number.
const MAX_DIGITS: usize = 19;
/// And of the shortest.
const MIN_DIGITS: usize = 13;

/// A group of digits without anything in between.
struct Group {
    range: Range<usize>,
    digits: Vec<u8>,
}

pub(super) fn find(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for line in lines(text) {
        let mut first = 0;
        while first < line.len() {
            match longest(&line[first..]) {
                Some(groups) => {
                    found.push(line[first].range.start..line[first + groups - 1].range.end);
                    first += groups;
                }
                None => first += 1,
            }
        }
    }
    found
}

/// How many groups from the first on are a number, as many as can be.
fn longest(groups: &[Group]) -> Option<usize> {
    let mut digits = Vec::with_capacity(MAX_DIGITS);
    let mut longest = None;
    for (place, group) in groups.iter().enumerate() {
        digits.extend_from_slice(&group.digits);
        if digits.len() > MAX_DIGITS {
            break;
        }
        if is_number(&digits) {
            longest = Some(place + 1);
        }
    }
    longest
}

/// Groups that one separator stands between.
fn lines(text: &str) -> Vec<Vec<Group>> {
    let mut lines: Vec<Vec<Group>> = Vec::new();
    let mut separators = usize::MAX;
    let mut end = None;
    for (at, c) in text.char_indices() {
        match c.to_digit(10).and_then(|digit| u8::try_from(digit).ok()) {
            Some(digit) => {
                let after = at + c.len_utf8();
                match (lines.last_mut().filter(|_| separators <= 1), end == Some(at)) {
                    (Some(line), true) => {
                        if let Some(group) = line.last_mut() {
                            group.range.end = after;
                            group.digits.push(digit);
                        }
                    }
                    (Some(line), false) => line.push(Group { range: at..after, digits: vec![digit] }),
                    (None, _) => lines.push(vec![Group { range: at..after, digits: vec![digit] }]),
                }
                separators = 0;
                end = Some(after);
            }
            None if matches!(c, ' ' | '-' | '.' | '\u{a0}' | '\u{202f}' | '\u{2009}') => {
                separators = separators.saturating_add(1)
            }
            None => separators = usize::MAX,
        }
    }
    lines
}

fn is_number(digits: &[u8]) -> bool {
    (MIN_DIGITS..=MAX_DIGITS).contains(&digits.len()) && is_of_a_brand(digits) && passes_luhn(digits)
}

fn is_of_a_brand(digits: &[u8]) -> bool {
    let beginning = |count: usize| digits[..count].iter().fold(0u32, |number, digit| number * 10 + u32::from(*digit));
    let long = digits.len() >= 16;
    match (beginning(1), beginning(2), beginning(3), beginning(4)) {
        // Visa.
        (4, ..) => matches!(digits.len(), 13 | 16 | 19),
        // Mastercard.
        (_, 51..=55, ..) | (.., 2221..=2720) => digits.len() == 16,
        // American Express.
        (_, 34 | 37, ..) => digits.len() == 15,
        // Diners Club.
        (_, 36 | 38 | 39, ..) | (_, _, 300..=305 | 309, _) => digits.len() == 14 || long,
        // JCB, Discover, UnionPay.
        (.., 3528..=3589) | (.., 6011) | (_, _, 644..=649, _) | (_, 62 | 65 | 81, ..) => long,
        // Maestro.
        (_, 50 | 56..=58 | 60..=69, ..) => true,
        _ => false,
    }
}

fn passes_luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| match (place % 2, u32::from(*digit) * 2) {
            (0, _) => u32::from(*digit),
            (_, twice) if twice > 9 => twice - 9,
            (_, twice) => twice,
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_however_they_are_written() {
        for (text, expected) in [
            ("4111111111111111", &["4111111111111111"][..]),
            ("pay 4111 1111 1111 1111 12/27", &["4111 1111 1111 1111"]),
            ("5555-5555-5555-4444, 3782 822463 10005", &["5555-5555-5555-4444", "3782 822463 10005"]),
            ("no. 17 4111.1111.1111.1111 and 2223003122003222x", &["4111.1111.1111.1111", "2223003122003222"]),
            ("4111111111111112 1700000000000 12345678901234567890 0000000000000000", &[]),
            ("4111 1111  1111 1111", &[]),
            ("x4111111111111111", &["4111111111111111"]),
        ] {
            let found: Vec<_> = find(text).into_iter().map(|range| &text[range]).collect();
            assert_eq!(found, expected, "{text}");
        }
    }
}
