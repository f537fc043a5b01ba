//! What a provider's refusal means: from its status and the error in its body to the failure that the guest sees.

use serde_json::Value;

use crate::quote::Redactor;
use crate::trouble::Trouble;

/// How providers say that a conversation is too long for the model.
const TOO_LONG: [&str; 9] = [
    "context_length_exceeded",
    "exceed_context_size",
    "context length",
    "context window",
    "maximum context",
    "available context size",
    "prompt is too long",
    "too many tokens",
    "input is too long",
];

/// How providers say that no money is left: waiting does not help.
const NO_MONEY: [&str; 4] = ["insufficient_quota", "billing_hard_limit", "billing_not_active", "insufficient_credits"];

/// What an answer with a status that is no success means.
pub(crate) fn of_status(
    status: u16,
    body: &[u8],
    retry_after_ms: Option<u64>,
    provider: &str,
    redactor: &Redactor,
) -> Trouble {
    let value: Option<Value> = serde_json::from_slice(body).ok();
    let error = value.as_ref().map(|value| value.get("error").unwrap_or(value));
    let said = Said::of(error, body, redactor);
    said.meaning(status, provider).with_status(status, retry_after_ms)
}

/// What an error in the body of a successful answer means.
pub(crate) fn within_answer(error: &Value, provider: &str, redactor: &Redactor) -> Trouble {
    let said = Said::of(Some(error), b"", redactor);
    let status = error.get("code").and_then(Value::as_u64).and_then(|code| u16::try_from(code).ok());
    match status.filter(|status| (400..600).contains(status)) {
        Some(status) => said.meaning(status, provider),
        None => said.meaning(200, provider),
    }
}

/// What a provider said about its refusal.
struct Said {
    /// To quote.
    message: String,
    /// To look for words in.
    all: String,
}

impl Said {
    fn of(error: Option<&Value>, body: &[u8], redactor: &Redactor) -> Self {
        let text = |name: &str| error.and_then(|error| error.get(name)).and_then(Value::as_str);
        let message = text("message").or_else(|| text("detail")).or_else(|| error.and_then(Value::as_str));
        let raw = String::from_utf8_lossy(&body[..body.len().min(2000)]);
        let message = match message {
            Some(message) => message,
            None if raw.trim_start().starts_with('<') => "an HTML page",
            None => raw.trim(),
        };
        let all = [text("code"), text("type"), Some(message)].into_iter().flatten().collect::<Vec<_>>().join(" ");
        Self { message: redactor.quote(message), all: all.to_ascii_lowercase() }
    }

    fn has(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.all.contains(word))
    }

    fn meaning(&self, status: u16, provider: &str) -> Trouble {
        let said = if self.message.is_empty() { String::new() } else { format!(": {}", self.message) };
        let passing = |code, what: &str| Trouble::passing(code, format!("`{provider}` {what} ({status}){said}"));
        let lasting = |code, what: &str| Trouble::lasting(code, format!("`{provider}` {what} ({status}){said}"));
        match status {
            // What it says is not quoted: it tends to repeat a part of the key.
            401 => Trouble::lasting(
                "denied",
                format!("`{provider}` refuses the key (401): check `api_key_env` or `api_key` of `[{provider}]`"),
            ),
            402 => lasting("denied", "wants to be paid"),
            403 => lasting("denied", "does not allow this"),
            408 | 504 => passing("timeout", "ran out of time"),
            409 | 425 => passing("unavailable", "is not ready"),
            429 if self.has(&NO_MONEY) => lasting("rate-limited", "has no quota left"),
            429 => passing("rate-limited", "takes no more requests now"),
            400 | 413 | 422 if self.has(&TOO_LONG) => lasting("context-too-long", "cannot take so long a conversation"),
            400 | 413 | 422 => lasting("invalid-request", "refuses the request"),
            300..400 => lasting("provider-error", "answers with a redirect: set `base_url` to where it leads"),
            501 | 505 => lasting("provider-error", "cannot do this"),
            500.. => passing("unavailable", "is out of order"),
            _ => lasting("provider-error", "answers with an error"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_meaning_of_a_refusal() {
        for (status, body, code, retryable) in [
            (401, r#"{"error":{"message":"Incorrect API key provided: sk-abc"}}"#, "denied", false),
            (403, r#"{"error":{"message":"no"}}"#, "denied", false),
            (404, r#"{"error":{"message":"no such model"}}"#, "provider-error", false),
            (400, r#"{"error":{"code":"context_length_exceeded","message":"x"}}"#, "context-too-long", false),
            (400, r#"{"error":{"message":"This model's maximum context length is 8"}}"#, "context-too-long", false),
            (400, r#"{"error":{"type":"exceed_context_size_error","message":"x"}}"#, "context-too-long", false),
            (400, r#"{"object":"error","message":"bad"}"#, "invalid-request", false),
            (422, r#"{"detail":"bad"}"#, "invalid-request", false),
            (429, r#"{"error":{"code":"insufficient_quota","message":"pay"}}"#, "rate-limited", false),
            (429, r#"{"error":{"type":"insufficient_quota"}}"#, "rate-limited", false),
            (429, r#"{"error":{"code":429,"message":"slow"}}"#, "rate-limited", true),
            (429, "", "rate-limited", true),
            (302, "", "provider-error", false),
            (408, "", "timeout", true),
            (500, "<html>", "unavailable", true),
            (503, "{", "unavailable", true),
            (529, "{}", "unavailable", true),
        ] {
            let trouble = of_status(status, body.as_bytes(), None, "llm.x", &Redactor::default());
            let failure = trouble.failure;
            assert_eq!((failure.code.as_str(), failure.retryable), (code, retryable), "{status} {body}");
            assert!(failure.message.contains(&status.to_string()), "{}", failure.message);
            assert!(!failure.message.contains("sk-abc"));
        }
    }
}
