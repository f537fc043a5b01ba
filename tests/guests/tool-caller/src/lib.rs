//! Lists the tools of a provider, or calls one, and gives what came of it.

use abide::{Failure, tools};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Input {
    List(String),
    Call(String, String, Value),
}

#[abide::workflow]
async fn run(input: Input) -> Result<Value, Failure> {
    match input {
        Input::List(provider) => {
            let tools = tools::list_of(&provider).await?;
            let shown = tools.iter().map(|tool| {
                json!({
                    "name": tool.name,
                    "description": tool.description,
                    "input_schema": tool.input_schema,
                    "output_schema": tool.output_schema,
                })
            });
            Ok(shown.collect())
        }
        Input::Call(provider, name, arguments) => {
            let called = tools::call(&provider, &name, &arguments).await?;
            Ok(json!({ "structured": called.structured, "is_error": called.is_error, "text": called.text() }))
        }
    }
}
