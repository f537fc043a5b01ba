//! Uses every import at least once and returns a summary of what it saw.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use abide::llm::{self, ToolChoice, ToolDefinition};
use abide::{
    CallOptions, Failure, RetryPolicy, cancellation, http, info, join, queries, random, run, select, signals, state,
    timer, tools,
};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Input {
    #[serde(default)]
    model: String,
    /// Fetched with `GET`.
    url: String,
    provider: String,
    tool: String,
    #[serde(default)]
    arguments: Value,
}

#[abide::workflow(cancellation = "manual")]
async fn run(input: Input) -> Result<Value, Failure> {
    let stage = Rc::new(Cell::new("started"));
    let seen = Rc::clone(&stage);
    queries::on("stage", move |()| Ok(seen.get()));
    queries::on("double", |number: i64| Ok(number * 2));

    let about = run::info();
    info!("cooking for {}", about.tenant; workflow = about.workflow, id = about.id);
    abide::debug!("seeded with {}", random::u64());
    let options = CallOptions::new()
        .attempt_timeout(Duration::from_secs(30))
        .total_timeout(Duration::from_secs(60))
        .retry(RetryPolicy::new().max_attempts(3).initial_interval(Duration::from_millis(50)).jitter(0.0))
        .idempotency_key(format!("{}-kitchen", about.run_id));

    stage.set("tools");
    let (all, of_provider) = join!(tools::list(), tools::list_of(&input.provider));
    let called = tools::call_with(&input.provider, &input.tool, &input.arguments, options.clone()).await?;
    let unknown = tools::call(&input.provider, "no-such-tool", &json!({})).await.err().map(|failure| failure.code);

    stage.set("model");
    let schema = json!({"type": "object", "properties": {"dish": {"type": "string"}}, "required": ["dish"]});
    let asked = llm::Request::new(&*input.model)
        .system("You are a cook.")
        .user("What is for dinner?")
        .tool(ToolDefinition::new("taste", "Tastes a dish.", &schema))
        .tool_choice(ToolChoice::Auto)
        .temperature(0.5)
        .max_output_tokens(200)
        .seed(7)
        .options(options)
        .generate()
        .await?;
    let dish: Value =
        llm::Request::new(&*input.model).user("Name a dish as JSON.").generate_json("dish", &schema).await?;

    stage.set("web");
    let page = http::get(&*input.url).header("accept", "*/*").send().await?;

    stage.set("waiting");
    let slept = timer::sleep(Duration::from_millis(20)).await?;
    let slept_until = timer::sleep_until(slept + Duration::from_millis(20)).await?;
    state::publish("stage", stage.get())?;
    let ended_by = select! {
        signal = signals::receive::<Value>("serve") => json!({ "signal": signal? }),
        reason = cancellation::requested() => json!({ "cancelled": reason? }),
    };

    stage.set("served");
    state::publish("stage", stage.get())?;
    Ok(json!({
        "tenant": about.tenant,
        "workflow": about.workflow,
        "version": about.version,
        "tools": all?.len(),
        "tools_of_provider": of_provider?.iter().map(|tool| tool.name.clone()).collect::<Vec<_>>(),
        "tool": {"text": called.text(), "structured": called.structured, "is_error": called.is_error},
        "unknown_tool": unknown,
        "model": {"text": asked.text(), "tool_calls": asked.message.tool_calls.len(), "usage": asked.usage, "name": asked.model},
        "dish": dish,
        "page": {"status": page.status, "bytes": page.body.len(), "type": page.header("content-type")},
        "slept_ms": (slept_until - slept).as_millis() as u64,
        "history_length": run::info().history_length,
        "random_bytes": random::bytes(16).len(),
        "ended_by": ended_by,
    }))
}
