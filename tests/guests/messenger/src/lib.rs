//! Sends what its input says: requests, calls of tools, questions to a model. Tells and publishes what came back; then it ends, fails or traps.

use abide::{Failure, http, info, llm, queries, state, tools};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Input {
    #[serde(default)]
    send: Vec<Message>,
    /// What it ends with: `fail` and `trap` are other ends than a result.
    #[serde(default)]
    then: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Message {
    Fetch { url: String, headers: Vec<(String, String)> },
    Tool { provider: String, tool: String, arguments: Value },
    Ask { model: String, question: String },
}

#[abide::workflow(cancellation = "manual")]
async fn run(input: Input) -> Result<Value, Failure> {
    let mut came = Vec::new();
    for message in input.send {
        let answer =
            send(message).await.unwrap_or_else(|failure| json!({"failed": failure.code, "message": failure.message}));
        info!("an answer came: {answer}");
        came.push(answer);
        state::publish("came", &came)?;
    }
    let told = came.clone();
    queries::on("came", move |()| Ok(told.clone()));
    match input.then.as_str() {
        "fail" => Err(Failure::new("as-asked", format!("it came to this: {came:?}")).with_details(json!(came))),
        "trap" => panic!("it came to this: {came:?}"),
        _ => Ok(json!(came)),
    }
}

async fn send(message: Message) -> Result<Value, Failure> {
    match message {
        Message::Fetch { url, headers } => {
            let request =
                headers.into_iter().fold(http::get(url), |request, (name, value)| request.header(name, value));
            let response = request.send().await?;
            let headers: Vec<_> =
                response.headers.iter().map(|header| format!("{}: {}", header.name, header.value)).collect();
            Ok(json!({"status": response.status, "headers": headers, "body": String::from_utf8_lossy(&response.body)}))
        }
        Message::Tool { provider, tool, arguments } => {
            let called = tools::call(&provider, &tool, &arguments).await?;
            Ok(json!({"text": called.text(), "is_error": called.is_error}))
        }
        Message::Ask { model, question } => {
            let answer = llm::Request::new(model).user(question).generate().await?;
            Ok(json!({"text": answer.text()}))
        }
    }
}
