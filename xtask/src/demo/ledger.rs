//! Whether the promise was kept: what was durable when the host was killed stays as it was, and was not done again.

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::desk::Call;

/// What was durable when the host was killed.
pub(crate) struct Durable {
    events: Vec<Value>,
    calls: Vec<Call>,
}

/// What became of a run.
pub(crate) struct Ledger {
    run_id: String,
    killed: Vec<Durable>,
}

impl Ledger {
    /// Of a run.
    pub(crate) fn new(run_id: &str) -> Self {
        Self { run_id: run_id.to_owned(), killed: Vec::new() }
    }

    /// Takes down what is durable just before the host is killed: the history that it shows, and the calls that the desk had.
    pub(crate) fn before_kill(&mut self, history: &Value, calls: Vec<Call>) -> Result<()> {
        let events = history.as_array().context("a history is a list")?.clone();
        self.killed.push(Durable { events, calls });
        Ok(())
    }

    /// Refuses to go on where the one call at `path` has an outcome already: then the kill would show nothing.
    pub(crate) fn must_be_in_flight(&self, path: &str) -> Result<()> {
        let durable = self.killed.last().context("nothing was taken down")?;
        let call = durable.calls.iter().find(|call| call.path == path).context("the call did not come")?;
        if durable.events.iter().any(|event| self.is_outcome_of(event, &call.key)) {
            bail!("the call at {path} has its outcome before the host could be killed");
        }
        Ok(())
    }

    /// Compares all that with what there is now. Gives a table.
    pub(crate) fn check(&self, history: &Value, calls: &[Call]) -> Result<String> {
        let events = history.as_array().context("a history is a list")?;
        let mut broken = Vec::new();
        for (kill, durable) in (1..).zip(&self.killed) {
            if events.get(..durable.events.len()) != Some(&durable.events[..]) {
                broken.push(format!("an event that was durable at kill {kill} is gone or changed"));
            }
            for before in &durable.calls {
                let after = calls.iter().find(|call| call.key == before.key);
                let again = after.map_or(0, |after| after.received.saturating_sub(before.received));
                let finished = durable.events.iter().any(|event| self.is_outcome_of(event, &before.key));
                if finished && again > 0 {
                    broken.push(format!(
                        "{} `{}` was durable at kill {kill} and was made again",
                        before.path, before.key
                    ));
                }
            }
        }
        let mut table = format!("{:<13} {:<36} {:>8} {:>5}\n", "TOOL", "IDEMPOTENCY-KEY", "RECEIVED", "DONE");
        for call in calls {
            let Call { path, key, received, done, .. } = call;
            table.push_str(&format!("{path:<13} {key:<36} {received:>8} {done:>5}{}\n", self.note(call)));
            if *done != 1 {
                broken.push(format!("{path} `{key}` was done {done} times"));
            }
        }
        if !broken.is_empty() {
            bail!("the promise is broken:\n  {}\n{table}", broken.join("\n  "));
        }
        Ok(table)
    }

    fn note(&self, call: &Call) -> &'static str {
        if call.received > 1 { "   in flight when the host was killed" } else { "" }
    }

    /// Whether an event is the outcome of the call with that key. The keys are those that the host makes: `RUN_ID:CALL`.
    fn is_outcome_of(&self, event: &Value, key: &str) -> bool {
        event["type"] == "call-completed" && format!("{}:{}", self.run_id, event["call"]) == key
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn call(received: u32, done: u32) -> Call {
        Call { path: "/tickets".to_owned(), key: "run_1:0".to_owned(), received, done, answer: Value::Null }
    }

    fn check(before: &[Value], after: &[Value], call_before: Call, call_after: Call) -> Result<String> {
        let mut ledger = Ledger::new("run_1");
        ledger.before_kill(&json!(before), vec![call_before])?;
        ledger.check(&json!(after), &[call_after])
    }

    #[test]
    fn a_finished_call_may_not_come_again_and_one_in_flight_may() {
        let requested = json!({"seq": 0, "type": "call-requested", "call": 0});
        let completed = json!({"seq": 1, "type": "call-completed", "call": 0});
        let all = [requested.clone(), completed.clone()];
        check(&all, &all, call(1, 1), call(1, 1)).unwrap();
        check(&all[..1], &all, call(1, 1), call(2, 1)).unwrap();
        assert!(check(&all, &all, call(1, 1), call(2, 1)).is_err(), "a finished call came again");
        assert!(check(&all[..1], &all, call(1, 1), call(2, 2)).is_err(), "a call was done twice");
        assert!(check(&all, &all[..1], call(1, 1), call(1, 1)).is_err(), "a durable event is gone");
    }
}
