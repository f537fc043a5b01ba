//! The ledger as users see it.

use abide_model::{Budgeted, Counters, Day, RunId, WorkflowName};
use serde::{Deserialize, Serialize};

/// What is told apart in a report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LedgerGroup {
    /// Days.
    #[default]
    Day,
    /// Workflows.
    Workflow,
    /// Kinds of calls, providers and models.
    Model,
}

/// Which part of the ledger.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LedgerQuery {
    /// The first day. Without one, the last.
    pub from: Option<Day>,
    /// The last day. Without one, today.
    pub to: Option<Day>,
    /// Of this workflow.
    pub workflow: Option<WorkflowName>,
    /// What is told apart.
    pub group: LedgerGroup,
}

/// What the runs of a tenant used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LedgerReport {
    /// The first day, of UTC.
    pub from: Day,
    /// The last day.
    pub to: Day,
    /// What is told apart.
    pub group: LedgerGroup,
    /// The parts.
    pub rows: Vec<LedgerEntry>,
    /// All together.
    pub total: Counters,
    /// How much is used today of the budgets of a day.
    pub budgets: Vec<BudgetShare>,
}

/// A part of a report. What it is about depends on what is told apart.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LedgerEntry {
    /// The day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day: Option<Day>,
    /// The workflow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<WorkflowName>,
    /// The kind of the calls that were requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_kind: Option<String>,
    /// The provider whose outcomes came back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The model whose outcomes came back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The numbers.
    #[serde(flatten)]
    pub counters: Counters,
}

/// What one run used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunLedgerReport {
    /// The run.
    pub run_id: RunId,
    /// Its workflow.
    pub workflow: WorkflowName,
    /// All that it used.
    pub total: Counters,
    /// The same by kind of call, provider and model, but for the bytes of requests, as its history says.
    pub rows: Vec<LedgerEntry>,
    /// How much of its budget is used.
    pub budgets: Vec<BudgetShare>,
}

/// How much of a part of a budget is used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetShare {
    /// What is bounded.
    pub of: Budgeted,
    /// In words, such as `1.5 of 2 USD`.
    pub used: String,
    /// In percent of what may be used.
    pub percent: u64,
    /// What that means.
    pub state: BudgetState,
}

/// What it means that so much of a budget is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BudgetState {
    /// Enough is left.
    Open,
    /// Little is left.
    Warning,
    /// Nothing is left.
    UsedUp,
}
