//! Scenarios: files that say what is asked of a host, with the histories that come of it in a file beside. The same scenario is played
//! on a host that lives, and on one that dies at each of its commits.

mod play;
mod told;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use abide_activities::Activity;
use abide_model::{CallKind, Failure, IdReuse, Json, Outcome};
use abide_runtime::view::IfRunning;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{ScriptedPerformer, echo};

pub use play::Player;
pub use told::{ends, told};

/// A scenario.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it shows.
    pub about: String,
    /// The guests that it needs, each a workflow of its own name.
    pub guests: Vec<String>,
    /// What tools answer, by name. Those that are not named give their arguments back.
    #[serde(default)]
    pub tools: BTreeMap<String, Answer>,
    /// What is asked of the host, one after the other.
    pub steps: Vec<Step>,
}

/// What a tool answers.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// This value.
    Gives(Value),
    /// A failure of this code.
    Fails(String),
    /// Nothing, ever.
    Hangs(bool),
}

/// Something that is asked of a host.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Step {
    /// Uploads a guest as the active version of another workflow.
    Deploy {
        /// The guest.
        guest: String,
        /// The workflow.
        workflow: String,
    },
    /// Starts a run.
    Start(Box<Start>),
    /// Sends a signal, under a key that follows from the place of the step.
    Signal {
        /// The run.
        run: String,
        /// The signal's name.
        name: String,
        /// What it says.
        #[serde(default)]
        payload: Value,
        /// The code of the error, where it is refused.
        refused: Option<String>,
    },
    /// Sends an update, and waits for its answer.
    Update {
        /// The run.
        run: String,
        /// What is asked for.
        name: String,
        /// With what.
        #[serde(default)]
        arguments: Value,
        /// What its sender calls it; else that follows from the place of the step.
        id: Option<String>,
        /// What the run responds.
        answer: Option<Value>,
        /// The code of its failure or refusal.
        failure: Option<String>,
        /// The code of the error, where the host refuses it.
        refused: Option<String>,
    },
    /// Asks a run something.
    Query {
        /// The run.
        run: String,
        /// What.
        name: String,
        /// The answer.
        answer: Value,
    },
    /// Asks a run to end.
    Cancel {
        /// The run.
        run: String,
    },
    /// Ends a run.
    Terminate {
        /// The run.
        run: String,
    },
    /// Lets a run go on from an event.
    Reset {
        /// The run.
        run: String,
        /// The event.
        event: u64,
        /// On the active version, instead of its own.
        #[serde(default)]
        on_active: bool,
    },
    /// Lets a parked run go on, on the active version.
    Resume {
        /// The run.
        run: String,
    },
    /// Keeps a run on its version.
    Pin {
        /// The run.
        run: String,
    },
    /// Lets the open runs of a workflow go on with its active version.
    Swap {
        /// The workflow.
        workflow: String,
        /// How many of them there are of each verdict.
        counts: BTreeMap<String, u64>,
    },
    /// Waits until the history of a run has so many events.
    Until {
        /// The run.
        run: String,
        /// How many.
        events: usize,
    },
    /// Waits until a run is in a status.
    Status {
        /// The run.
        run: String,
        /// The status.
        is: String,
    },
    /// Stops the host and starts it again: no guest is in memory then.
    Restart {},
    /// Lists runs.
    List {
        /// By this filter.
        filter: String,
        /// Their ids, the newest first.
        ids: Vec<String>,
    },
}

/// See [`Step::Start`].
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Start {
    /// The workflow.
    pub workflow: String,
    /// What to call the run.
    pub id: String,
    /// With what.
    #[serde(default)]
    pub input: Value,
    /// How long it may take.
    pub run_timeout_ms: Option<u64>,
    /// The name of a signal that comes with it.
    pub signal: Option<String>,
    /// What it can be found by.
    pub attributes: Option<Value>,
    /// While a run of that id is open.
    pub if_running: Option<IfRunning>,
    /// After one has ended.
    pub id_reuse: Option<IdReuse>,
    /// The code of the error, where it is refused.
    pub refused: Option<String>,
}

impl Scenario {
    /// The scenario of that name.
    pub fn read(name: &str) -> Self {
        let path = file(name, "toml");
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// Answers calls as the scenario says. A model says how many messages it was sent.
    pub fn performer(&self) -> ScriptedPerformer {
        let tools = self.tools.clone();
        ScriptedPerformer::new(move |activity: Activity| {
            let request: Value = activity.request.to_json().read().unwrap_or_default();
            let answer = request["name"].as_str().and_then(|name| tools.get(name)).cloned();
            async move {
                match answer {
                    Some(Answer::Gives(value)) => Outcome::Ok(Json::from(&json!({ "structured": value }))),
                    Some(Answer::Fails(code)) => Outcome::Failed(Failure::new(code, "as the scenario says")),
                    Some(Answer::Hangs(_)) => std::future::pending().await,
                    None => match (request["messages"].as_array(), request["body"]["text"].as_str()) {
                        (Some(messages), _) => said(messages.len()),
                        (None, Some(body)) if activity.kind == CallKind::HttpFetch => fetched(body.len()),
                        (None, _) => echo(&activity),
                    },
                }
            }
        })
    }
}

fn said(messages: usize) -> Outcome {
    let message = json!({ "text": format!("{messages} messages"), "tool_calls": [] });
    Outcome::Ok(Json::from(&json!({ "message": message, "finish_reason": "stop", "model": "m" })))
}

/// What an endpoint of a model answers to a body of so many bytes.
fn fetched(bytes: usize) -> Outcome {
    let message = json!({ "role": "assistant", "content": format!("the request had {bytes} bytes") });
    let text = json!({ "choices": [{ "message": message }] }).to_string();
    let headers = json!([["content-type", "application/json"]]);
    Outcome::Ok(Json::from(&json!({ "status": 200, "headers": headers, "body": { "text": text } })))
}

/// The file of a scenario.
pub fn file(name: &str, extension: &str) -> PathBuf {
    folder().join(format!("{name}.{extension}"))
}

/// Where the scenarios are.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}
