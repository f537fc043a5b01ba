//! An ordinary program: it reads its standard input, asks a language model over HTTP, waits, asks again, and prints what it found. There is
//! nothing of abide in it. Run by abide, it survives the death of the host at any moment: requests, waiting, time and random numbers are
//! recorded, and nothing that has an answer is asked again.
//!
//! The input is `{"question": "…", "url": "http://…/v1/chat/completions", "pause_ms": 1000}`.

use std::collections::HashSet;
use std::io::Read as _;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use serde_json::{Value, json};
use wstd::http::{Body, Client, Request};

#[derive(Deserialize)]
struct Input {
    question: String,
    url: String,
    pause_ms: u64,
}

#[expect(
    clippy::disallowed_methods,
    reason = "an ordinary program asks its own clock, which the host answers with the time of the run"
)]
fn main() -> Result<()> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    let input: Input = serde_json::from_str(&text).context("the input")?;
    let tone = std::env::var("TONE").unwrap_or_else(|_| "plain".to_owned());

    let began = Instant::now();
    let started = SystemTime::now().duration_since(UNIX_EPOCH)?;
    eprintln!("asked: {}", input.question);
    let first = ask(&input.url, &format!("Answer in a {tone} tone: {}", input.question), "first")?;
    sleep(Duration::from_millis(input.pause_ms));

    // The order of a hash set is random, and the same in every replay: a request that differed from the recorded one would be noticed.
    let words: HashSet<&str> = first.split_whitespace().collect();
    let order = words.iter().copied().collect::<Vec<_>>().join(" ");
    let trace = format!("{} {order}", started.as_millis());
    let second = ask(&input.url, &format!("Say it shorter: {first}"), &trace)?;
    let report = json!({
        "answer": second,
        "words": words.len(),
        "waited": began.elapsed() >= Duration::from_millis(input.pause_ms),
        "arguments": std::env::args().skip(1).collect::<Vec<_>>(),
    });
    println!("{report}");
    Ok(())
}

/// Asks the model. Anything that speaks HTTP would do.
fn ask(url: &str, question: &str, trace: &str) -> Result<String> {
    let body = json!({ "model": "small", "messages": [{ "role": "user", "content": question }] });
    let request = Request::post(url)
        .header("content-type", "application/json")
        .header("x-trace", trace)
        // Not sent: it tells the host how often to try.
        .header("abide-max-attempts", "5")
        .body(Body::from(body.to_string()))?;
    wstd::runtime::block_on(async {
        let response = Client::new().send(request).await.map_err(|error| anyhow::anyhow!("{error:?}"))?;
        let status = response.status();
        let mut body = response.into_body();
        let bytes = body.contents().await.map_err(|error| anyhow::anyhow!("{error:?}"))?;
        ensure!(status.is_success(), "the model answered {status}: {}", String::from_utf8_lossy(bytes));
        let answer: Value = serde_json::from_slice(bytes)?;
        let text = answer["choices"][0]["message"]["content"].as_str();
        Ok(text.context("an answer without text")?.to_owned())
    })
}
