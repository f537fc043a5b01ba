//! Does what its input says: each mode is one thing that a run may do with other runs, or with its own history.

use std::time::Duration;

use abide::children::{self, ChildOptions, ParentClose};
use abide::{Failure, join_all, random, run, runs, signals, timer, versions};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Deserialize, Serialize)]
#[serde(tag = "do", rename_all = "snake_case")]
enum Mode {
    /// Fails with this code.
    Fail { code: String },
    /// Gives this back, after the signal `go`.
    Wait { then: Value },
    /// Starts a child in each mode, and gives their results.
    Start { children: Vec<Mode> },
    /// Starts one child with that id, and gives its result.
    StartAs { id: String, child: Box<Mode> },
    /// Starts a child with that id that gives a value at once, and looks at its result only after the signal `later`.
    StartEarly { id: String, value: Value },
    /// Starts many children that give their number.
    FanOut { count: u32 },
    /// Gives this.
    Give { value: Value },
    /// Starts a child that waits, then waits for the signal `end`.
    Leave { then: String },
    /// Signals a run, and gives what came of it.
    Signal { run: String, name: String },
    /// Asks a run to end.
    Cancel { run: String },
    /// Counts signals `add`; goes on as a new run after each two of them, until a 0 comes.
    Count { so_far: u64 },
    /// Sleeps for ever.
    Sleep,
    /// Records a random number, and gives it twice.
    Record,
}

#[abide::workflow]
async fn run(mode: Mode) -> Result<Value, Failure> {
    match mode {
        Mode::Fail { code } => Err(Failure::new(code, "as it was told")),
        Mode::Wait { then } => signals::receive::<Value>("go").await.map(|_| then),
        Mode::Give { value } => Ok(value),
        Mode::Start { children } => {
            let mut results = Vec::new();
            for child in children {
                results.push(children::run::<Value>("relations", &child).await?);
            }
            Ok(results.into())
        }
        Mode::StartAs { id, child } => {
            children::start_with("relations", &child, ChildOptions::new().id(id)).await?.result::<Value>().await
        }
        Mode::StartEarly { id, value } => {
            let options = ChildOptions::new().id(id);
            let child = children::start_with("relations", &Mode::Give { value }, options).await?;
            signals::receive::<Value>("later").await?;
            child.result::<Value>().await
        }
        Mode::FanOut { count } => {
            let children = (0..count)
                .map(async |number| children::run::<u64>("relations", &Mode::Give { value: number.into() }).await);
            let sum = join_all(children).await.into_iter().sum::<Result<u64, Failure>>()?;
            Ok(sum.into())
        }
        Mode::Leave { then } => {
            let parent_close = match then.as_str() {
                "terminate" => ParentClose::Terminate,
                "abandon" => ParentClose::Abandon,
                _ => ParentClose::Cancel,
            };
            let options = ChildOptions::new().id(format!("{}.child", run::info().id)).parent_close(parent_close);
            let child = children::start_with("relations", &Mode::Wait { then: json!("went") }, options).await?;
            signals::receive::<Value>("end").await?;
            Ok(json!(child.run_id))
        }
        Mode::Signal { run, name } => {
            runs::signal(&run, &name, &json!({ "from": run::info().id })).await.map(Value::from)
        }
        Mode::Cancel { run } => runs::cancel(&run, "another run says so").await.map(Value::from),
        Mode::Count { so_far } => count(so_far).await,
        Mode::Sleep => timer::sleep(Duration::from_secs(365 * 24 * 3600)).await.map(|_| Value::Null),
        Mode::Record => {
            let first: u64 = versions::record("number", random::u64)?;
            timer::sleep(Duration::from_millis(1)).await?;
            let second: u64 = versions::record("number", random::u64)?;
            Ok(json!([first == second, versions::patched("new"), versions::patched("new")]))
        }
    }
}

async fn count(mut so_far: u64) -> Result<Value, Failure> {
    for _ in 0..2 {
        let by: u64 = signals::receive("add").await?;
        if by == 0 {
            return Ok(so_far.into());
        }
        so_far += by;
    }
    Err(run::continue_as_new(&Mode::Count { so_far }))
}
