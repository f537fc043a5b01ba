//! What the tokens of a call cost. Sums are exact, and rounded up once, to a millionth of the currency.

use std::collections::BTreeMap;

use abide_model::{CallUsage, Error, Micros, Money};

use crate::config::{ModelPrice, wrong};

/// The prices that are known.
#[derive(Debug, Default)]
pub(super) struct Prices(BTreeMap<String, ModelPrice>);

impl Prices {
    pub(super) fn new(config: &BTreeMap<String, ModelPrice>) -> Result<Self, Error> {
        for name in config.keys() {
            if !name.split_once('/').is_some_and(|(provider, model)| !provider.is_empty() && !model.is_empty()) {
                let shown: String = name.chars().take(80).flat_map(char::escape_debug).collect();
                return Err(wrong("prices", format_args!("has `{shown}`: name a model as `<provider>/<model>`")));
            }
        }
        // Usage names providers as the configuration does.
        Ok(Self(config.iter().map(|(name, price)| (format!("llm.{name}"), price.clone())).collect()))
    }

    /// What a call cost. `None` where nothing was counted, or the price is not known.
    pub(super) fn of(&self, usage: &CallUsage) -> Option<Money> {
        let (tokens, model) = (usage.tokens?, usage.model.as_ref()?);
        let price = self.0.get(&format!("{}/{model}", usage.provider))?;
        let cached_price = price.cached_input_per_million.unwrap_or(price.input_per_million);
        let part = |tokens: u64, per_million: Micros| u128::from(tokens) * u128::from(per_million.0);
        let cached = tokens.cached_input.min(tokens.input);
        let sum = part(tokens.input - cached, price.input_per_million)
            + part(cached, cached_price)
            + part(tokens.output, price.output_per_million);
        let amount = Micros(u64::try_from(sum.div_ceil(1_000_000)).unwrap_or(u64::MAX));
        Some(Money { amount, currency: price.currency.clone() })
    }
}

#[cfg(test)]
mod tests {
    use abide_model::Tokens;

    use super::*;

    fn prices(text: &str) -> Result<Prices, Error> {
        #[derive(serde::Deserialize)]
        struct File {
            prices: BTreeMap<String, ModelPrice>,
        }
        Prices::new(&toml::from_str::<File>(text).unwrap().prices)
    }

    const GPT: &str = r#"
        [prices."openai/gpt-5"]
        input_per_million = "1.25"
        cached_input_per_million = "0.125"
        output_per_million = "10"
        currency = "USD"
        [prices."local/org/small"]
        input_per_million = "0.000001"
        output_per_million = "0"
        currency = "EUR"
    "#;

    fn cost(model: &str, input: u64, cached_input: u64, output: u64) -> Option<String> {
        let (provider, model) = model.split_once('/').unwrap();
        let usage = CallUsage {
            model: Some(model.to_owned()),
            tokens: Some(Tokens { input, cached_input, output }),
            ..CallUsage::of(&format!("llm.{provider}"))
        };
        prices(GPT).unwrap().of(&usage).map(|money| money.to_string())
    }

    #[test]
    fn sums_are_exact_and_rounded_up_once() {
        assert_eq!(cost("openai/gpt-5", 1_000_000, 0, 0).unwrap(), "1.25 USD");
        assert_eq!(cost("openai/gpt-5", 1_000_000, 1_000_000, 0).unwrap(), "0.125 USD");
        // 1000 x 1.25 + 200 x 0.125 + 30 x 10 millionths.
        assert_eq!(cost("openai/gpt-5", 1200, 200, 30).unwrap(), "0.001575 USD");
        assert_eq!(cost("openai/gpt-5", 1, 1, 0).unwrap(), "0.000001 USD", "an eighth of a millionth is rounded up");
        assert_eq!(cost("openai/gpt-5", 0, 0, 0).unwrap(), "0 USD");
        assert_eq!(cost("local/org/small", 3_000_000, 0, 5).unwrap(), "0.000003 EUR");
        assert_eq!(cost("openai/gpt-5", u64::MAX, 9, u64::MAX).unwrap(), format!("{} USD", Micros(u64::MAX)));
    }

    #[test]
    fn what_is_not_known_is_not_free() {
        assert_eq!(cost("openai/gpt-6", 1, 0, 0), None);
        assert_eq!(prices(GPT).unwrap().of(&CallUsage::of("llm.openai")), None);
    }

    #[test]
    fn a_price_is_of_a_model_of_a_provider() {
        for name in ["gpt-5", "/gpt-5", "openai/"] {
            let text = GPT.replace("openai/gpt-5", name);
            assert!(prices(&text).unwrap_err().message.contains("<provider>/<model>"), "{name}");
        }
    }
}
