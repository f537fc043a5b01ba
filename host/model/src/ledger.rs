//! The ledger: what runs used, counted. What an event adds to it is a function of the event, so the ledger is what the histories say, however
//! often they are replayed.
//!
//! Days are days of UTC, by the time of the event. The numbers of a day are kept by workflow and by *line*: the run itself, each kind of call
//! that was requested, and each provider (and model) whose outcomes came back.

use std::collections::BTreeMap;

use minicbor::{Decode, Encode};
use serde::de::IntoDeserializer;
use serde::{Deserialize, Serialize};

use crate::{CallKind, CallUsage, Currency, Event, Micros, Outcome, Recorded, Seq, WorkflowName};

/// Milliseconds of a day.
pub const DAY_MS: u64 = 86_400_000;

/// A day of UTC: days since 1970-01-01.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct Day(#[n(0)] pub u32);

impl Day {
    /// The day of a time.
    pub fn of(time_ms: u64) -> Self {
        Self(u32::try_from(time_ms / DAY_MS).unwrap_or(u32::MAX))
    }

    /// When it begins.
    pub fn begins_ms(self) -> u64 {
        u64::from(self.0) * DAY_MS
    }

    /// Reads `2026-11-23`.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 10 {
            return None;
        }
        crate::instant::parse_instant(text).map(Self::of)
    }
}

impl std::fmt::Display for Day {
    /// By Howard Hinnant's `civil_from_days`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let days = i64::from(self.0) + 719_468;
        let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let of_years = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * of_years + of_years / 4 - of_years / 100);
        let from_march = (5 * of_year + 2) / 153;
        let day = of_year - (153 * from_march + 2) / 5 + 1;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        let year = of_years + era * 400 + i64::from(month <= 2);
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

impl Serialize for Day {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("a day is written as in `2026-11-23`"))
    }
}

/// What was counted. Sums stay at the largest number where they would grow past it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(default)]
pub struct Counters {
    /// Runs that started.
    #[n(0)]
    #[cbor(default)]
    pub runs: u64,
    /// Fuel that guests used (about one unit a wasm instruction).
    #[n(1)]
    #[cbor(default)]
    pub fuel: u64,
    /// Time that guests were in memory.
    #[n(2)]
    #[cbor(default)]
    pub resident_ms: u64,
    /// Bytes of events, as they are before they are compressed.
    #[n(3)]
    #[cbor(default)]
    pub history_bytes: u64,
    /// Calls that were requested.
    #[n(4)]
    #[cbor(default)]
    pub calls: u64,
    /// Bytes of their requests, as JSON.
    #[n(5)]
    #[cbor(default)]
    pub request_bytes: u64,
    /// Outcomes that came back.
    #[n(6)]
    #[cbor(default)]
    pub outcomes: u64,
    /// Of those, failures.
    #[n(7)]
    #[cbor(default)]
    pub failures: u64,
    /// Attempts that were made for them.
    #[n(8)]
    #[cbor(default)]
    pub attempts: u64,
    /// Bytes of the outcomes.
    #[n(9)]
    #[cbor(default)]
    pub outcome_bytes: u64,
    /// Tokens of requests to language models, those that were cached included.
    #[n(10)]
    #[cbor(default)]
    pub input_tokens: u64,
    /// Of those, the ones that were cached.
    #[n(11)]
    #[cbor(default)]
    pub cached_input_tokens: u64,
    /// Tokens of their answers.
    #[n(12)]
    #[cbor(default)]
    pub output_tokens: u64,
    /// What the tokens cost, by currency.
    #[n(13)]
    #[cbor(default)]
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub cost: BTreeMap<Currency, Micros>,
    /// Calls whose tokens were counted, and have no known price: `cost` has nothing of them.
    #[n(14)]
    #[cbor(default)]
    pub unpriced_calls: u64,
    /// Attempts of models that came back without a count of tokens: neither tokens nor `cost` have anything of them.
    #[n(15)]
    #[cbor(default)]
    pub uncounted_attempts: u64,
}

impl Counters {
    /// All tokens.
    pub fn tokens(&self) -> u64 {
        self.input_tokens.saturating_add(self.output_tokens)
    }

    /// Adds what `other` counted.
    pub fn add(&mut self, other: &Self) {
        let Self {
            runs,
            fuel,
            resident_ms,
            history_bytes,
            calls,
            request_bytes,
            outcomes,
            failures,
            attempts,
            outcome_bytes,
            input_tokens,
            cached_input_tokens,
            output_tokens,
            cost,
            unpriced_calls,
            uncounted_attempts,
        } = self;
        for (sum, more) in [
            (runs, other.runs),
            (fuel, other.fuel),
            (resident_ms, other.resident_ms),
            (history_bytes, other.history_bytes),
            (calls, other.calls),
            (request_bytes, other.request_bytes),
            (outcomes, other.outcomes),
            (failures, other.failures),
            (attempts, other.attempts),
            (outcome_bytes, other.outcome_bytes),
            (input_tokens, other.input_tokens),
            (cached_input_tokens, other.cached_input_tokens),
            (output_tokens, other.output_tokens),
            (unpriced_calls, other.unpriced_calls),
            (uncounted_attempts, other.uncounted_attempts),
        ] {
            *sum = sum.saturating_add(more);
        }
        for (currency, more) in &other.cost {
            let sum = cost.entry(currency.clone()).or_default();
            sum.0 = sum.0.saturating_add(more.0);
        }
    }
}

/// What numbers of a day and a workflow are about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Line {
    /// The runs themselves, and outcomes that nobody outside gave: timers, signals, other runs.
    Runs,
    /// Calls of a kind, as they were requested.
    Calls(CallLine),
    /// Outcomes of a provider.
    Provider(String),
    /// Outcomes of a model of a provider.
    Model(String, String),
}

/// A kind of call, ordered by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CallLine(pub CallKind);

impl PartialOrd for CallLine {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for CallLine {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.as_str().cmp(other.0.as_str())
    }
}

impl Line {
    /// Its text, for a key: a letter, and what it is about.
    pub fn to_text(&self) -> String {
        match self {
            Self::Runs => "r".to_owned(),
            Self::Calls(CallLine(kind)) => format!("c{kind}"),
            Self::Provider(provider) => format!("p{provider}"),
            Self::Model(provider, model) => format!("m{provider}/{model}"),
        }
    }

    /// Reads what [`Line::to_text`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let (letter, rest) = text.split_at_checked(1)?;
        match letter {
            "r" if rest.is_empty() => Some(Self::Runs),
            "c" => {
                let deserializer: serde::de::value::StrDeserializer<'_, serde::de::value::Error> =
                    rest.into_deserializer();
                CallKind::deserialize(deserializer).ok().map(|kind| Self::Calls(CallLine(kind)))
            }
            "p" => Some(Self::Provider(rest.to_owned())),
            // The name of a provider has no `/`, that of a model may have some.
            "m" => rest.split_once('/').map(|(provider, model)| Self::Model(provider.to_owned(), model.to_owned())),
            _ => None,
        }
    }

    fn of(usage: Option<&CallUsage>) -> Self {
        match usage {
            None => Self::Runs,
            Some(CallUsage { provider, model, .. }) => {
                // A provider of a configuration has no `/` in its name; the event may come from elsewhere.
                let provider = provider.replace('/', "_");
                match model {
                    Some(model) => Self::Model(provider, model.clone()),
                    None => Self::Provider(provider),
                }
            }
        }
    }
}

/// How large an event is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sizes {
    /// The event itself, encoded.
    pub event: u64,
    /// Of a requested call: the whole request, as JSON.
    pub request: u64,
}

/// What an event adds to the ledger, and where.
pub fn entries(recorded: &Recorded, sizes: Sizes) -> Vec<(Line, Counters)> {
    let mut runs = Counters { history_bytes: sizes.event, ..Counters::default() };
    let other = match &recorded.event {
        Event::RunStarted(_) => {
            runs.runs = 1;
            None
        }
        Event::CallRequested(requested) => {
            let counters = Counters { calls: 1, request_bytes: sizes.request, ..Counters::default() };
            Some((Line::Calls(CallLine(requested.kind)), counters))
        }
        Event::CallCompleted(completed) => {
            let usage = completed.usage.as_ref();
            Some((Line::of(usage), outcome(&completed.outcome, completed.attempts, usage)))
        }
        _ => None,
    };
    std::iter::once((Line::Runs, runs)).chain(other).collect()
}

/// What an outcome adds.
fn outcome(outcome: &Outcome, attempts: u32, usage: Option<&CallUsage>) -> Counters {
    let (failures, bytes) = match outcome {
        Outcome::Ok(value) => (0, value.len()),
        Outcome::Failed(failure) => {
            let details = failure.details.as_ref().map_or(0, crate::Json::len);
            (1, failure.code.len() + failure.message.len() + details)
        }
    };
    let mut counters = Counters {
        outcomes: 1,
        failures,
        attempts: attempts.into(),
        outcome_bytes: bytes as u64,
        ..Counters::default()
    };
    let Some(usage) = usage else { return counters };
    counters.uncounted_attempts = usage.uncounted_attempts.into();
    if let Some(tokens) = usage.tokens {
        counters.input_tokens = tokens.input;
        counters.cached_input_tokens = tokens.cached_input;
        counters.output_tokens = tokens.output;
        match &usage.cost {
            Some(cost) => {
                counters.cost.insert(cost.currency.clone(), cost.amount);
            }
            None => counters.unpriced_calls = 1,
        }
    }
    counters
}

/// What one run used so far. It goes with the run; the numbers of the days stay.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct RunLedger {
    /// Of which workflow.
    #[n(0)]
    pub workflow: WorkflowName,
    /// The last input whose fuel is counted: a replay of what comes before it counts nothing again.
    #[n(1)]
    pub settled: Option<Seq>,
    /// All that was counted.
    #[n(2)]
    pub counters: Counters,
}

#[cfg(test)]
mod tests;
