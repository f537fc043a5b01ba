//! Money: whole millionths of a currency, so that sums are exact. As text it is a decimal number, read and written without a float.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Currency;

/// Millionths of one.
const MILLION: u64 = 1_000_000;

/// An amount in millionths. As JSON it is a decimal text such as `"2.5"`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct Micros(#[n(0)] pub u64);

impl Micros {
    /// Reads `2`, `2.5` or `0.000001`: digits, and after a point one to six more. `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = match text.split_once('.') {
            Some((_, "")) => return None,
            Some((whole, fraction)) => (whole, fraction),
            None => (text, ""),
        };
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || whole.len() > 12 || fraction.len() > 6 || !digits(whole) || !digits(fraction) {
            return None;
        }
        let whole: u64 = whole.parse().ok()?;
        let fraction: u64 = format!("{fraction:0<6}").parse().ok()?;
        whole.checked_mul(MILLION)?.checked_add(fraction).map(Self)
    }
}

impl std::fmt::Display for Micros {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (whole, fraction) = (self.0 / MILLION, self.0 % MILLION);
        if fraction == 0 {
            return write!(f, "{whole}");
        }
        let fraction = format!("{fraction:06}");
        write!(f, "{whole}.{}", fraction.trim_end_matches('0'))
    }
}

impl Serialize for Micros {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Micros {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            let shown: String = text.chars().take(40).flat_map(char::escape_debug).collect();
            serde::de::Error::custom(format!(
                "`{shown}` is no amount: give a decimal text such as \"2.50\", with at most six digits after the point"
            ))
        })
    }
}

/// An amount of a currency.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Money {
    /// How much.
    #[n(0)]
    pub amount: Micros,
    /// Of which currency.
    #[n(1)]
    pub currency: Currency,
}

impl std::fmt::Display for Money {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.amount, self.currency)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn amounts_are_read_exactly() {
        for (text, micros) in [
            ("0", 0),
            ("2", 2_000_000),
            ("1.25", 1_250_000),
            ("0.1", 100_000),
            ("0.000001", 1),
            ("007.50", 7_500_000),
            ("999999999999.999999", 999_999_999_999_999_999),
        ] {
            assert_eq!(Micros::parse(text), Some(Micros(micros)), "{text}");
        }
    }

    #[test]
    fn the_rest_is_refused() {
        for text in
            ["", ".", ".5", "1.", "-1", "+1", "1,5", "1e3", "0.0000001", "1000000000000", " 1", "1 ", "1_0", "١"]
        {
            assert_eq!(Micros::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn an_amount_reads_its_own_text(micros in 0..1_000_000_000_000_000_000u64) {
            prop_assert_eq!(Micros::parse(&Micros(micros).to_string()), Some(Micros(micros)));
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,30}", digits in "[0-9.]{0,30}") {
            let _ = (Micros::parse(&text), Micros::parse(&digits));
        }
    }
}
