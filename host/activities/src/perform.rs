//! What performs a call outside the guest, as the runtime sees it.

use std::pin::Pin;
use std::sync::Arc;

use abide_engine::TypedImport;
use abide_model::{CallIndex, CallKind, CallOptions, CallUsage, Error, GatewayNote, Outcome, Request, RunId, Tenant};

use crate::{Policy, Secrets, Share, ToolComponents, Workers};

/// A call that is to be performed.
#[derive(Debug, Clone, PartialEq)]
pub struct Activity {
    /// For whom.
    pub tenant: Tenant,
    /// For which run.
    pub run_id: RunId,
    /// For which of its calls.
    pub call: CallIndex,
    /// What it asks for.
    pub kind: CallKind,
    /// With what.
    pub request: Request,
    /// And how.
    pub options: CallOptions,
    /// When the call was recorded: the total timeout counts from here, across restarts of the host.
    pub requested_ms: u64,
    /// The attempt that was deferred before the host went down: its answer is waited for, and it is not begun again.
    pub deferred: Option<u32>,
    /// The secrets of the tenant that it may use.
    pub secrets: Secrets,
    /// What the run may do, and what happens to its calls on their way.
    pub policy: Arc<Policy>,
    /// The share of its tenant, by which it waits with the calls of others.
    pub share: Share,
}

impl Activity {
    /// What a provider sees as the key of the call: the same in every attempt, and after a crash. A provider knows the tenants of a host
    /// as one, so the key says whose it is: else a tenant could choose the key of another one's call.
    pub fn idempotency_key(&self) -> String {
        let key = self.options.idempotency_key.clone().unwrap_or_else(|| format!("{}:{}", self.run_id, self.call));
        if self.tenant == Tenant::default() { key } else { format!("{}/{key}", self.tenant) }
    }
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Performed {
    /// The outcome.
    pub outcome: Outcome,
    /// How often it was tried.
    pub attempts: u32,
    /// What it used.
    pub usage: Option<CallUsage>,
    /// The grant by which it was allowed, where it took one.
    pub grant: Option<String>,
    /// What the rules of the gateway did to it.
    pub gateway: Vec<GatewayNote>,
}

impl Performed {
    /// What came of it, of which nothing more is known.
    pub fn new(outcome: Outcome, attempts: u32) -> Self {
        Self { outcome, attempts, usage: None, grant: None, gateway: Vec::new() }
    }
}

/// Performs calls. Dropping the future cancels the call.
pub trait Performer: Send + Sync + 'static {
    /// Performs a call, with its retries and timeouts. It always comes to an outcome.
    fn perform(&self, activity: Activity) -> Pin<Box<dyn Future<Output = Performed> + Send + 'static>>;

    /// Whether an interface that a workflow imports is bound to somebody who performs it. A deploy asks, so that what is missing shows
    /// before the first call.
    fn check_import(&self, _tenant: &Tenant, _import: &TypedImport) -> Result<(), Error> {
        Ok(())
    }

    /// The tool components that were uploaded, where there can be any.
    fn tool_components(&self) -> Option<&ToolComponents> {
        None
    }

    /// The calls that somebody outside fetches or answers later, where there can be any. They are told what becomes durable.
    fn workers(&self) -> Option<&Workers> {
        None
    }
}
