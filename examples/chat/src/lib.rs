//! A chat that goes on for years: one run for a person. Each thing that they say is an update, answered by a model. The memory is a
//! variable. When the history has grown long, the run goes on as a new one, with what it remembers as its input; who writes just then does
//! not notice.

use abide::llm::{Message, Request};
use abide::{Failure, cancellation, run, select, state, updates};
use serde::{Deserialize, Serialize};

#[derive(Default, Deserialize, Serialize)]
struct Memory {
    /// What was said, in turns, the newest last.
    #[serde(default)]
    said: Vec<(String, String)>,
    /// How many turns there were in all.
    #[serde(default)]
    turns: u64,
    /// How many turns are remembered.
    #[serde(default = "twenty")]
    keep: usize,
    /// The run goes on as a new one after so many turns, or when its history is long.
    #[serde(default = "hundred")]
    turns_a_run: u64,
}

fn twenty() -> usize {
    20
}

fn hundred() -> u64 {
    100
}

#[abide::workflow(cancellation = "manual")]
async fn run(memory: Option<Memory>) -> Result<u64, Failure> {
    let mut memory = memory.unwrap_or(Memory { keep: twenty(), turns_a_run: hundred(), ..Memory::default() });
    for _ in 0..memory.turns_a_run {
        let update = select! {
            update = updates::receive("say") => update?,
            _ = cancellation::requested() => return Ok(memory.turns),
        };
        match update.arguments::<String>() {
            Ok(text) => {
                update.accept();
                update.respond(answer(&mut memory, text).await);
            }
            Err(misfit) => update.reject(misfit),
        }
        state::publish("turns", &memory.turns)?;
        if run::info().should_continue {
            break;
        }
    }
    Err(run::continue_as_new(&memory))
}

async fn answer(memory: &mut Memory, text: String) -> Result<String, Failure> {
    let mut request = Request::new("").system("You are a friend who listens. Answer in a sentence or two.");
    for (question, answer) in &memory.said {
        request = request.user(question).message(Message::assistant(answer));
    }
    let answer = request.user(&text).generate().await?.text().to_owned();
    memory.said.push((text, answer.clone()));
    memory.turns += 1;
    let forget = memory.said.len().saturating_sub(memory.keep);
    memory.said.drain(..forget);
    Ok(answer)
}
