//! Does everything that a host must survive: each mode is one attack, on the memory, the time or the disk of the host, or on its other guests.

use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

use abide::children::{self, ChildOptions, ParentClose};
use abide::{Failure, join_all, log, queries, random, run, signals, state, timer, tools, updates};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Clone, Deserialize, Serialize)]
#[serde(tag = "do", rename_all = "snake_case")]
enum Attack {
    /// Computes for ever.
    Loop,
    /// Lets the host work for it for ever, which costs it no fuel.
    Random,
    /// Takes memory until there is none.
    Memory,
    /// Calls itself for ever.
    Recurse,
    /// Sends requests of so many bytes.
    Arguments { bytes: usize },
    /// Gives a result of so many bytes.
    Result { bytes: usize },
    /// Fails with a message of so many bytes.
    Failure { bytes: usize },
    /// Logs for ever.
    Log,
    /// Logs a line of so many bytes after each of so many timers.
    LogOverTime { lines: u32, bytes: usize },
    /// Begins so many calls at once, and says how many were refused.
    Calls { count: usize },
    /// Begins calls of so many bytes for ever, and waits for none.
    DroppedCalls { bytes: usize },
    /// Begins so many timers at once.
    Timers { count: usize },
    /// Publishes large values for ever.
    Publish,
    /// Publishes under so many names, and says how many were refused.
    Names { count: usize },
    /// Changes its attributes for ever.
    Attributes,
    /// Starts as many children of its own kind as it can, which do the same.
    Children { width: usize },
    /// Goes on as a new run for ever.
    Continue { so_far: u64 },
    /// Makes one call after another for ever.
    Grow,
    /// Publishes that it waits, and waits for a signal.
    Wait,
    /// Panics where it is asked something.
    TrapInQuery,
    /// Panics where it is given an update.
    TrapInUpdate,
    /// Panics where what it holds is let go, after its result is there.
    TrapInCleanup,
    /// Begins calls, and panics while they are under way.
    TrapWithCalls,
}

#[abide::workflow]
async fn run(attack: Attack) -> Result<Value, Failure> {
    match attack {
        Attack::Loop => loop {
            black_box(0);
        },
        Attack::Random => loop {
            black_box(random::bytes(65_536));
        },
        Attack::Memory => {
            let mut hoard = Vec::new();
            loop {
                hoard.push(black_box(vec![0xab_u8; 1 << 20]));
            }
        }
        Attack::Recurse => Ok(black_box(recurse(black_box(0))).into()),
        Attack::Arguments { bytes } => {
            let large = "x".repeat(bytes);
            let refused = tools::call("bench", "echo", &json!({ "large": large })).await;
            Ok(json!(refused.err().map(|failure| failure.code.clone())))
        }
        Attack::Result { bytes } => Ok("x".repeat(bytes).into()),
        Attack::Failure { bytes } => Err(Failure::new("large", "x".repeat(bytes))),
        Attack::Log => {
            let line = "x".repeat(8000);
            loop {
                log::write(log::Level::Info, &line, &Value::Null);
            }
        }
        Attack::LogOverTime { lines, bytes } => {
            let line = "x".repeat(bytes);
            for _ in 0..lines {
                log::write(log::Level::Info, &line, &Value::Null);
                timer::sleep(Duration::from_millis(1)).await?;
            }
            Ok(lines.into())
        }
        Attack::Calls { count } => {
            let calls = (0..count).map(async |number| tools::call("bench", "echo", &json!({ "n": number })).await);
            let refused = join_all(calls).await.into_iter().filter(Result::is_err).count();
            Ok(refused.into())
        }
        Attack::DroppedCalls { bytes } => {
            let large = json!({ "large": "x".repeat(bytes) });
            loop {
                poll_once(tools::call("bench", "echo", &large));
            }
        }
        Attack::Timers { count } => {
            let timers = (0..count).map(async |_| timer::sleep(Duration::from_millis(1)).await);
            let refused = join_all(timers).await.into_iter().filter(Result::is_err).count();
            Ok(refused.into())
        }
        Attack::Publish => {
            let large = "x".repeat(200_000);
            for number in 0_u64.. {
                state::publish(&format!("value-{}", number % 64), &large)?;
            }
            Ok(Value::Null)
        }
        Attack::Names { count } => {
            let refused =
                (0..count).filter(|number| state::publish(&format!("name-{number}"), number).is_err()).count();
            Ok(refused.into())
        }
        Attack::Attributes => {
            for number in 0_u64.. {
                state::set_attributes(&json!({ "n": number, "text": "x".repeat(200) }))?;
                log::write(log::Level::Info, "changed", &Value::Null);
            }
            Ok(Value::Null)
        }
        Attack::Children { width } => {
            let mut refused = 0;
            for _ in 0..width {
                let options = ChildOptions::new().parent_close(ParentClose::Abandon);
                refused += usize::from(children::start_with("hostile", &attack, options).await.is_err());
            }
            signals::receive::<Value>("end").await?;
            Ok(refused.into())
        }
        Attack::Continue { so_far } => Err(run::continue_as_new(&Attack::Continue { so_far: so_far + 1 })),
        Attack::Grow => loop {
            tools::call("bench", "echo", &json!({ "text": "x".repeat(200) })).await?;
        },
        Attack::Wait => {
            state::publish("phase", "waiting")?;
            signals::receive::<Value>("go").await
        }
        Attack::TrapInQuery => {
            queries::on("trap", |_: Value| -> Result<Value, Failure> { panic!("asked") });
            queries::on("loop", |_: Value| -> Result<Value, Failure> {
                loop {
                    black_box(0);
                }
            });
            signals::receive::<Value>("go").await
        }
        Attack::TrapInUpdate => {
            let update = updates::receive("any").await?;
            update.accept();
            panic!("told {}", update.name());
        }
        Attack::TrapInCleanup => {
            let _last = PanicsAtTheEnd;
            timer::sleep(Duration::from_millis(1)).await?;
            Ok("done".into())
        }
        Attack::TrapWithCalls => {
            let call = pin!(tools::call("bench", "slow", &json!({})));
            let mut call = call;
            drop(call.as_mut().poll(&mut Context::from_waker(Waker::noop())));
            timer::sleep(Duration::from_millis(1)).await?;
            panic!("with a call under way");
        }
    }
}

struct PanicsAtTheEnd;

impl Drop for PanicsAtTheEnd {
    fn drop(&mut self) {
        panic!("in the cleanup");
    }
}

/// Begins a call, and waits for nothing.
fn poll_once(call: impl Future) {
    let mut call = pin!(call);
    drop(call.as_mut().poll(&mut Context::from_waker(Waker::noop())));
}

#[inline(never)]
fn recurse(depth: u64) -> u64 {
    let local = black_box([depth; 16]);
    if depth == u64::MAX { 0 } else { recurse(depth + 1).wrapping_add(local[7]) }
}
