//! Budgets of a tenant: what a run may use, and what all runs may use together in a day of UTC. Whoever would go past one is parked before its
//! next call, and told which budget it is.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{CallKind, Counters, Error, ErrorCode, Micros, Money, Setting, SettingKind, WorkflowName};

/// Workflows that can have a budget of their own.
const MAX_WORKFLOWS: usize = 1000;

/// The budgets of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Budgets {
    /// Of each run.
    pub run: Budget,
    /// Of each run of these workflows, in place of `run`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub workflows: BTreeMap<WorkflowName, Budget>,
    /// Of all runs together, each day of UTC.
    pub day: Budget,
    /// From this share on, in percent, operators are warned.
    pub warn_at_percent: u8,
}

impl Default for Budgets {
    fn default() -> Self {
        Self { run: Budget::default(), workflows: BTreeMap::new(), day: Budget::default(), warn_at_percent: 80 }
    }
}

/// What may be used. What is not given is not bounded.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Budget {
    /// For tokens of language models, in this currency. Prices in another one do not count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub money: Option<Money>,
    /// Tokens of language models, of requests and answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// Calls of every kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls: Option<u64>,
    /// Fuel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fuel: Option<u64>,
}

/// What a budget bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Budgeted {
    /// Money.
    Money,
    /// Tokens.
    Tokens,
    /// Calls.
    Calls,
    /// Fuel.
    Fuel,
}

impl Budgeted {
    /// Its text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Money => "money",
            Self::Tokens => "tokens",
            Self::Calls => "calls",
            Self::Fuel => "fuel",
        }
    }

    /// Whether a call of that kind may use some of it.
    pub fn is_used_by(self, kind: CallKind) -> bool {
        match self {
            Self::Money | Self::Tokens => kind == CallKind::LlmGenerate,
            Self::Calls | Self::Fuel => true,
        }
    }
}

/// How much of one part of a budget is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// Of what.
    pub of: Budgeted,
    /// So much; money in millionths.
    pub used: u64,
    /// Of so much.
    pub limit: u64,
}

impl Share {
    /// Whether nothing is left.
    pub fn is_used_up(self) -> bool {
        self.used >= self.limit
    }

    /// Whether so many percent are used.
    pub fn has_reached(self, percent: u8) -> bool {
        u128::from(self.used) * 100 >= u128::from(self.limit) * u128::from(percent)
    }
}

impl Budget {
    /// How much of each part that is bounded is used.
    pub fn shares(&self, used: &Counters) -> Vec<Share> {
        let money = self.money.as_ref().map(|money| {
            let spent = used.cost.get(&money.currency).copied().unwrap_or_default();
            Share { of: Budgeted::Money, used: spent.0, limit: money.amount.0 }
        });
        let share = |of, used, limit: Option<u64>| limit.map(|limit| Share { of, used, limit });
        [
            money,
            share(Budgeted::Tokens, used.tokens(), self.tokens),
            share(Budgeted::Calls, used.calls, self.calls),
            share(Budgeted::Fuel, used.fuel, self.fuel),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// A share in words, such as `1.5 of 2 USD` or `90 of 100 tokens`.
    pub fn describe(&self, share: Share) -> String {
        match &self.money {
            Some(money) if share.of == Budgeted::Money => {
                format!("{} of {} {}", Micros(share.used), Micros(share.limit), money.currency)
            }
            _ => format!("{} of {} {}", share.used, share.limit, share.of.as_str()),
        }
    }

    /// Whether nothing is bounded.
    pub fn is_unbounded(&self) -> bool {
        *self == Self::default()
    }
}

impl Budgets {
    /// The budget of a run of that workflow.
    pub fn of_run(&self, workflow: &WorkflowName) -> &Budget {
        self.workflows.get(workflow).unwrap_or(&self.run)
    }
}

impl Setting for Budgets {
    const KIND: SettingKind = SettingKind::Budgets;

    fn check(&self) -> Result<(), Error> {
        let invalid = |message: String| Err(Error::new(ErrorCode::InvalidArgument, message));
        if !(1..=100).contains(&self.warn_at_percent) {
            return invalid(format!("`warn_at_percent` is {}: give 1 to 100", self.warn_at_percent));
        }
        if self.workflows.len() > MAX_WORKFLOWS {
            return invalid(format!("`workflows` has {} entries: give at most {MAX_WORKFLOWS}", self.workflows.len()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Currency;

    fn budget(text: &str) -> Budget {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn shares_are_of_what_is_bounded() {
        let budget = budget(r#"{"money": {"amount": "2.50", "currency": "USD"}, "calls": 3}"#);
        let mut used = Counters { calls: 2, fuel: 1_000_000, input_tokens: 500, ..Counters::default() };
        used.cost.insert(Currency::parse("USD").unwrap(), Micros(2_000_000));
        used.cost.insert(Currency::parse("EUR").unwrap(), Micros(9_000_000));
        let shares = budget.shares(&used);
        let told: Vec<_> = shares.iter().map(|share| budget.describe(*share)).collect();
        assert_eq!(told, ["2 of 2.5 USD", "2 of 3 calls"]);
        assert!(shares[0].has_reached(80) && !shares[0].has_reached(81) && !shares[0].is_used_up());
        used.calls = 3;
        assert!(budget.shares(&used)[1].is_used_up());
    }

    #[test]
    fn an_empty_budget_is_used_up_at_once() {
        let budget = budget(r#"{"tokens": 0}"#);
        let shares = budget.shares(&Counters::default());
        assert!(shares[0].is_used_up() && shares[0].has_reached(100));
    }

    #[test]
    fn a_workflow_has_its_own_budget_in_place_of_the_usual_one() {
        let budgets: Budgets =
            serde_json::from_str(r#"{"run": {"calls": 5}, "workflows": {"researcher": {"tokens": 9}}}"#).unwrap();
        assert_eq!(budgets.of_run(&WorkflowName::parse("researcher").unwrap()), &budget(r#"{"tokens": 9}"#));
        assert_eq!(budgets.of_run(&WorkflowName::parse("desk").unwrap()), &budget(r#"{"calls": 5}"#));
        assert_eq!(budgets.warn_at_percent, 80);
        budgets.check().unwrap();
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for text in [
            r#"{"runs": {}}"#,
            r#"{"run": {"tokens": -1}}"#,
            r#"{"run": {"money": "2 USD"}}"#,
            r#"{"run": {"money": {"amount": 2.5, "currency": "USD"}}}"#,
            r#"{"run": {"money": {"amount": "2.5", "currency": "usd"}}}"#,
            r#"{"workflows": {"A": {}}}"#,
        ] {
            assert!(serde_json::from_str::<Budgets>(text).is_err(), "{text}");
        }
        for percent in [0, 101] {
            assert!(Budgets { warn_at_percent: percent, ..Budgets::default() }.check().is_err());
        }
    }
}
