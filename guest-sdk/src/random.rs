//! Randomness that replays: it comes from a seed in the history. Whoever reads the history can compute it, so it makes no secrets.

use crate::bindings::abide::workflow::random as wire;

/// Random bytes.
pub fn bytes(length: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(length);
    // One call of the host gives at most 65536.
    while bytes.len() < length {
        let missing = u32::try_from(length - bytes.len()).unwrap_or(u32::MAX);
        bytes.extend(wire::bytes(missing.min(65_536)));
    }
    bytes
}

/// A random number.
pub fn u64() -> u64 {
    wire::u64()
}

/// A random number from 0 to `limit` - 1, each as likely as any other; 0 where `limit` is 0.
///
/// ```no_run
/// let colours = ["red", "green", "blue"];
/// let colour = colours[abide::random::below(3) as usize];
/// ```
pub fn below(limit: u64) -> u64 {
    below_with(limit, wire::u64)
}

/// A random number from 0 up to and without 1.
pub fn f64() -> f64 {
    // 53 bits are what a float can hold.
    (wire::u64() >> 11) as f64 / (1_u64 << 53) as f64
}

/// A random UUID (version 4) as text, for ids.
///
/// ```no_run
/// let ticket_id = abide::random::uuid();
/// ```
pub fn uuid() -> String {
    uuid_of(wire::u64(), wire::u64())
}

fn uuid_of(high: u64, low: u64) -> String {
    let high = high & !0xf000 | 0x4000;
    let low = low & !(0b11 << 62) | 0b10 << 62;
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    )
}

fn below_with(limit: u64, mut next: impl FnMut() -> u64) -> u64 {
    if limit == 0 {
        return 0;
    }
    // The numbers that do not divide evenly would make small results likelier, so they are drawn again.
    let uneven = (u64::MAX % limit + 1) % limit;
    loop {
        let number = next();
        if number <= u64::MAX - uneven {
            return number % limit;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uneven_numbers_are_drawn_again() {
        let mut numbers = [u64::MAX, 7].into_iter();
        assert_eq!(below_with(3, || numbers.next().unwrap()), 1);
        assert_eq!(below_with(1, || u64::MAX), 0);
        assert_eq!(below_with(0, || unreachable!()), 0);
    }

    #[test]
    fn a_uuid_says_its_version() {
        assert_eq!(uuid_of(0, 0), "00000000-0000-4000-8000-000000000000");
        assert_eq!(uuid_of(u64::MAX, u64::MAX), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }
}
