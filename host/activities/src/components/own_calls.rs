//! What a tool component asks for while it works. It is performed at once and recorded nowhere: the result of the whole call is what is kept.

use std::sync::Arc;
use std::time::Duration;

use abide_engine::LogLevel;
use abide_model::{Call, CallKind, Clock, Digest, Failure, Json, Outcome};
use serde::Deserialize;

use crate::fetch::Fetcher;
use crate::{Activity, Policy};

/// The longest idempotency key, in bytes.
const MAX_KEY_BYTES: usize = 256;

/// Performs the calls of one attempt.
pub(super) struct OwnCalls<'a> {
    /// The component, by its name in the configuration.
    pub(super) component: &'a str,
    pub(super) fetcher: &'a Fetcher,
    pub(super) clock: &'a dyn Clock,
    /// The call that the component works on.
    pub(super) activity: &'a Activity,
    /// What holds for its own calls.
    pub(super) policy: Arc<Policy>,
}

/// The request of a timer.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Timer {
    DurationMs(u64),
    UntilMs(u64),
}

impl OwnCalls<'_> {
    /// Performs a call.
    pub(super) async fn perform(&self, call: Call) -> Outcome {
        match call.kind {
            CallKind::HttpFetch => self.fetch(call).await,
            CallKind::TimerSleep => self.sleep(&call).await,
            kind => Outcome::Failed(Failure::new("invalid-request", format!("a tool component cannot call `{kind}`"))),
        }
    }

    async fn fetch(&self, call: Call) -> Outcome {
        let Activity { tenant, run_id, call: of, share, .. } = self.activity;
        let mut options = call.options;
        options.idempotency_key.get_or_insert_with(|| self.key(call.index));
        let activity = Activity {
            tenant: tenant.clone(),
            run_id: *run_id,
            call: *of,
            kind: call.kind,
            request: call.request,
            options,
            requested_ms: self.clock.now_ms(),
            deferred: None,
            secrets: self.activity.secrets.clone(),
            policy: self.policy.clone(),
            share: share.clone(),
        };
        let performed = self.fetcher.fetch(self.clock, &activity).await;
        self.activity.secrets.scrub(performed).outcome
    }

    /// The key of a request: that of the whole call, and which request it is. A component that asks for the same in the same order sends the
    /// same keys in every attempt.
    fn key(&self, index: u32) -> String {
        let key = format!("{}:{index}", self.activity.idempotency_key());
        if key.len() <= MAX_KEY_BYTES { key } else { Digest::of(key.as_bytes()).hex() }
    }

    async fn sleep(&self, call: &Call) -> Outcome {
        let now_ms = self.clock.now_ms();
        let wait_ms = match call.request.head.read() {
            Ok(Timer::DurationMs(wait_ms)) => wait_ms,
            Ok(Timer::UntilMs(until_ms)) => until_ms.saturating_sub(now_ms),
            Err(error) => return Outcome::Failed(Failure::new("invalid-request", error.to_string())),
        };
        tokio::time::sleep(Duration::from_millis(wait_ms)).await;
        Outcome::Ok(Json::from(&self.clock.now_ms().into()))
    }

    /// Writes a log line of the component's.
    pub(super) fn log(&self, level: LogLevel, message: &str, fields: Option<&Json>) {
        let Self { component, activity, .. } = self;
        let (run_id, call) = (activity.run_id, activity.call);
        let fields = activity.secrets.scrub_text(fields.map(Json::as_str).unwrap_or_default());
        let message = activity.secrets.scrub_text(message);
        match level {
            LogLevel::Trace => tracing::trace!(component, %run_id, call, %fields, "{message}"),
            LogLevel::Debug => tracing::debug!(component, %run_id, call, %fields, "{message}"),
            LogLevel::Info => tracing::info!(component, %run_id, call, %fields, "{message}"),
            LogLevel::Warn => tracing::warn!(component, %run_id, call, %fields, "{message}"),
            LogLevel::Error => tracing::error!(component, %run_id, call, %fields, "{message}"),
        }
    }
}
