//! Asks models, tools and HTTP servers what its input says, step by step, and gives what came of each.

use abide::{Failure, http, llm, signals, tools};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Step {
    /// A model.
    Ask {
        #[serde(default)]
        model: String,
        text: String,
        #[serde(default)]
        temperature: Option<f64>,
        #[serde(default)]
        extra: Option<Value>,
    },
    /// The default model, with a text that is put together here. Gives the answer, or its length.
    Join { parts: Vec<String>, quiet: bool },
    /// A tool: the provider, the name, the arguments.
    Tool(String, String, Value),
    /// The names of tools: of a provider, or of all.
    List(Option<String>),
    /// The text at a URL.
    Fetch(String),
    /// A text that is posted to a URL.
    Post(String, String),
    /// A signal, which comes before the next step.
    Wait(String),
}

#[abide::workflow]
async fn run(steps: Vec<Step>) -> Result<Vec<Value>, Failure> {
    let mut outcomes = Vec::new();
    for step in steps {
        outcomes.push(match perform(step).await {
            Ok(value) => json!({ "ok": value }),
            Err(failure) => json!({ "failed": failure.code, "message": failure.message }),
        });
    }
    Ok(outcomes)
}

async fn perform(step: Step) -> Result<Value, Failure> {
    Ok(match step {
        Step::Ask { model, text, temperature, extra } => {
            let mut request = llm::Request::new(model).user(text);
            if let Some(temperature) = temperature {
                request = request.temperature(temperature);
            }
            if let Some(extra) = &extra {
                request = request.extra(extra);
            }
            request.generate().await?.text().into()
        }
        Step::Join { parts, quiet } => {
            let answer = llm::Request::new("").user(parts.concat()).generate().await?;
            if quiet { answer.text().len().into() } else { answer.text().into() }
        }
        Step::Tool(provider, name, arguments) => {
            let called = tools::call(&provider, &name, &arguments).await?;
            json!({ "text": called.text(), "is_error": called.is_error })
        }
        Step::List(provider) => {
            let tools = match provider {
                Some(provider) => tools::list_of(&provider).await?,
                None => tools::list().await?,
            };
            tools.iter().map(|tool| format!("{}/{}", tool.provider, tool.name)).collect()
        }
        Step::Fetch(url) => http::get(url).send().await?.text()?.into(),
        Step::Post(url, body) => http::post(url).body(body).send().await?.text()?.into(),
        Step::Wait(name) => signals::receive::<Value>(&name).await?,
    })
}
