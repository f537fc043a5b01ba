//! The handlers, by resource. Each extracts, calls the host and renders.

pub(crate) mod check;
pub(crate) mod control;
pub(crate) mod forks;
pub(crate) mod health;
pub(crate) mod history;
pub(crate) mod identity;
pub(crate) mod inspect;
pub(crate) mod ledger;
pub(crate) mod missing;
pub(crate) mod replay;
pub(crate) mod runs;
pub(crate) mod schedules;
pub(crate) mod search;
pub(crate) mod secrets;
pub(crate) mod signals;
pub(crate) mod tasks;
pub(crate) mod tenants;
pub(crate) mod tools;
pub(crate) mod updates;
pub(crate) mod versions;
pub(crate) mod workflows;

pub(crate) use history::failure;

use axum::Json;

use crate::problem::Problem;

/// What most handlers give.
pub(crate) type Answer<T> = Result<Json<T>, Problem>;
