//! An agent that answers questions about a folder of files. It decides by itself which tools of an MCP server it uses, in which order and how often.

use std::collections::BTreeSet;

use abide::llm::Usage;
use abide::{Agent, Failure, info, tools};
use serde::{Deserialize, Serialize};

const INSTRUCTIONS: &str = "You answer questions about the files that your tools can reach. \
    Look before you answer: list folders, read what may matter, and read several files at once where you can. \
    Say which files your answer rests on. If the files do not hold the answer, say so.";

#[derive(Deserialize)]
struct Input {
    question: String,
    /// The model, by the names of the configuration; the default one if not said.
    #[serde(default)]
    model: String,
    #[serde(default = "twenty")]
    max_turns: u32,
}

fn twenty() -> u32 {
    20
}

#[derive(Serialize)]
struct Output {
    answer: String,
    turns: u32,
    tools_used: BTreeSet<String>,
    usage: Usage,
}

#[abide::workflow]
async fn run(input: Input) -> Result<Output, Failure> {
    // It may look, but not write: the names are those of @modelcontextprotocol/server-filesystem.
    let mut agent = Agent::new(input.model)
        .system(INSTRUCTIONS)
        .tools_of("files", &["list_allowed_directories", "list_directory", "read_text_file", "search_files"])
        .max_turns(input.max_turns)
        .publish_as("agent");
    // A memory is welcome, not needed.
    if has_provider("memory").await? {
        agent = agent.tools_of("memory", &[]);
    }
    let outcome = agent.run(input.question).await?;
    info!("answered after {} turns", outcome.turns; tokens = outcome.usage.input_tokens + outcome.usage.output_tokens);
    Ok(Output { answer: outcome.text, turns: outcome.turns, tools_used: outcome.tools_used, usage: outcome.usage })
}

/// Whether the configuration has this provider for us. That one is there but cannot be reached is no reason to do without it.
async fn has_provider(provider: &str) -> Result<bool, Failure> {
    match tools::list_of(provider).await {
        Ok(_) => Ok(true),
        Err(failure) if failure.is("unknown-provider") => Ok(false),
        Err(failure) => Err(failure),
    }
}
