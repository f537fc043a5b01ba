//! Extractors: they parse what a request carries into words of the model, once. All refuse with a problem.

mod caller;
mod component;
mod header;
mod json;
mod path;
mod query;

pub(crate) use caller::Caller;
pub(crate) use component::{CapsuleFile, Component};
pub(crate) use header::{IdempotencyKey, LastEventId, WantsStream};
pub(crate) use json::{Body, OptionalBody, Value};
pub(crate) use path::{
    NamePath, QueuePath, RunEventPath, RunNamePath, RunPath, SchedulePath, SecretPath, SettingPath, TenantPath,
    TokenPath, ToolPath, VersionPath,
};
pub(crate) use query::{Given, Parameters, Query};
