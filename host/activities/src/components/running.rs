//! One attempt of a call: the instance is polled until it waits, what it asked for is performed, and it is given what came of that.

use std::collections::HashMap;
use std::pin::Pin;
use std::task::{Context, Poll};

use abide_engine::{Ending, Guest, LogLevel, Output, Stop, ToolCall, ToolProgram, Turn};
use abide_fair::Slice;
use abide_model::{CallIndex, Failure, Outcome, ParkKind};

use super::own_calls::OwnCalls;
use crate::trouble::{Attempt, Trouble};

/// A call of the component's own that is under way.
type UnderWay<'a> = Pin<Box<dyn Future<Output = Outcome> + Send + 'a>>;

/// Runs one attempt to its end. Dropping the future ends the instance.
pub(super) async fn run(program: &ToolProgram, call: ToolCall, own: &OwnCalls<'_>) -> Attempt {
    let mut guest = Guest::of_tool(program, call);
    let mut under_way: HashMap<CallIndex, UnderWay<'_>> = HashMap::new();
    let mut slice = Slice::begin();
    loop {
        guest.advance(own.clock.now_ms(), 0, true);
        let turn = guest.poll();
        for output in guest.take_outputs() {
            match output {
                Output::Call(call) => {
                    under_way.insert(call.index, Box::pin(own.perform(call)));
                }
                Output::Cancelled(index) => drop(under_way.remove(&index)),
                Output::Log { level, message, fields } => own.log(level, &message, fields.as_ref()),
                // None of these can be imported by a tool component.
                Output::Answered { .. } | Output::Marker { .. } | Output::Published { .. } | Output::Attributes(_) => {}
            }
        }
        match turn {
            Turn::Yielded => drop(slice.yielded().await),
            Turn::Ended(Ending::Gave(Outcome::Ok(result))) => return Attempt::Done(result),
            Turn::Ended(Ending::Gave(Outcome::Failed(failure))) => {
                return Trouble { failure, retry_after_ms: None }.into();
            }
            Turn::Ended(Ending::Continues(_)) => return own.broken("it asked to go on as a new run").into(),
            Turn::Stopped(stop) => {
                own.log_stop(&stop);
                return own.stopped(&stop).into();
            }
            Turn::Quiescent if under_way.is_empty() => {
                return own.broken("it waits, and nothing is under way that could wake it").into();
            }
            Turn::Quiescent => {
                let (index, outcome) = first(&mut under_way).await;
                guest.resolve(index, outcome);
                slice = Slice::begin();
            }
        }
    }
}

/// The first of the calls that ends.
async fn first(under_way: &mut HashMap<CallIndex, UnderWay<'_>>) -> (CallIndex, Outcome) {
    let ended = std::future::poll_fn(|context: &mut Context<'_>| {
        let ended = under_way.iter_mut().find_map(|(index, call)| match call.as_mut().poll(context) {
            Poll::Ready(outcome) => Some((*index, outcome)),
            Poll::Pending => None,
        });
        ended.map_or(Poll::Pending, Poll::Ready)
    });
    let (index, outcome) = ended.await;
    under_way.remove(&index);
    (index, outcome)
}

impl OwnCalls<'_> {
    /// What the end of an instance means for the call. A trap may pass, since time, random numbers and answers differ between attempts; what
    /// met a limit would meet it again.
    fn stopped(&self, stop: &Stop) -> Trouble {
        let message = format!("the tool component `{}`: {}", self.component, stop.message);
        match stop.kind {
            ParkKind::Trap => Trouble::passing("trapped", message),
            ParkKind::FuelExhausted => Trouble::lasting("fuel-exhausted", message),
            ParkKind::MemoryExceeded => Trouble::lasting("memory-exceeded", message),
            ParkKind::StackExhausted => Trouble::lasting("stack-exhausted", message),
            _ => Trouble::lasting("component-error", message),
        }
    }

    fn broken(&self, problem: &str) -> Trouble {
        Trouble {
            failure: Failure::new("component-error", format!("the tool component `{}`: {problem}", self.component)),
            retry_after_ms: None,
        }
    }

    fn log_stop(&self, stop: &Stop) {
        self.log(LogLevel::Warn, &format!("{}\n{}", stop.message, stop.backtrace.join("\n")), None);
    }
}
