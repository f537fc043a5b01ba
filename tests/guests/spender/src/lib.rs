//! Asks a model N times, one after the other, and computes a little in between. Each answer is the start of the next question.

use abide::{Failure, llm, signals};
use serde::Deserialize;

#[derive(Deserialize)]
struct Input {
    asks: u64,
    #[serde(default)]
    model: String,
    /// Turns of a loop before each question.
    #[serde(default)]
    work: u64,
    /// Whether it waits for the signal `go` first.
    #[serde(default)]
    waits: bool,
}

#[abide::workflow(cancellation = "manual")]
async fn run(input: Input) -> Result<u64, Failure> {
    if input.waits {
        signals::receive::<bool>("go").await?;
    }
    let mut said = "hello".to_owned();
    for ask in 0..input.asks {
        let sum = (0..input.work).fold(ask, |sum, turn| std::hint::black_box(sum.wrapping_mul(31) ^ turn));
        let question = format!("{said}, and {sum}?");
        said = llm::Request::new(&*input.model).user(question).generate().await?.text().to_owned();
    }
    Ok(input.asks)
}
