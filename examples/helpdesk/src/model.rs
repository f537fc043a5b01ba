//! What the language model is asked. The order of the questions is the business of `lib.rs`.

use abide::{Failure, llm};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What the model makes of a message.
#[derive(Serialize, Deserialize)]
pub(crate) struct Draft {
    pub(crate) category: String,
    pub(crate) urgency: String,
    pub(crate) title: String,
    pub(crate) action: String,
}

fn draft_schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "category": {"type": "string", "enum": ["access", "hardware", "software", "other"]},
            "urgency": {"type": "string", "enum": ["low", "normal", "high"]},
            "title": {"type": "string", "description": "One line for the ticket."},
            "action": {"type": "string", "description": "What has to be done, as an instruction."},
        },
        "required": ["category", "urgency", "title", "action"],
        "additionalProperties": false,
    })
}

/// Understands the message, and drafts a ticket.
pub(crate) async fn classify_and_draft(model: &str, message: &str) -> Result<Draft, Failure> {
    llm::Request::new(model)
        .system("You sort the messages to a company's help desk and draft a ticket for each.")
        .user(message)
        .generate_json("ticket", &draft_schema())
        .await
}

/// Tells the customer what was done.
pub(crate) async fn write_answer(model: &str, draft: &Draft, what_was_done: &str) -> Result<String, Failure> {
    write(model, format!("The request `{}` was granted. What was done: {what_was_done}", draft.title)).await
}

/// Tells the customer why not.
pub(crate) async fn write_refusal(model: &str, draft: &Draft, reason: &str) -> Result<String, Failure> {
    write(model, format!("The request `{}` was declined. The reason: {reason}", draft.title)).await
}

async fn write(model: &str, facts: String) -> Result<String, Failure> {
    let answer = llm::Request::new(model)
        .system("You write a help desk's answers to customers: two friendly sentences, no more than the facts.")
        .user(facts)
        .generate()
        .await?;
    Ok(answer.text().to_owned())
}
