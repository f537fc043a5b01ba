//! `cargo xtask demo`: an agent's run that outlives its host. Everything is real: the host is the built binary, the calls are HTTP, and
//! the kills are SIGKILL. The demo checks what it claims, and fails where that is not so.

mod desk;
mod ledger;
mod stage;
mod terminal;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use self::desk::Desk;
use self::ledger::Ledger;
use self::stage::Stage;
use self::terminal::{Terminal, heading, say};
use crate::guests;
use crate::places::{cargo, root, target_folder};
use crate::toolchain::run;

/// How long anything may take that takes a second or two.
const PATIENCE: Duration = Duration::from_secs(60);
/// When the person who does not answer is reminded.
const REMINDER_AFTER_MS: u64 = 5000;

/// Builds what is needed, and runs the demo.
pub(crate) fn command(arguments: &[String]) -> Result<()> {
    let (mut data, mut abide) = (None, None);
    let mut rest = arguments.iter();
    while let Some(option) = rest.next() {
        let place = match option.as_str() {
            "--data" => &mut data,
            "--abide" => &mut abide,
            _ => bail!("usage: cargo xtask demo [--data DIR] [--abide FILE]"),
        };
        *place = Some(std::path::absolute(rest.next().with_context(|| format!("`{option}` needs a path"))?)?);
    }
    let guests = guests::build(&["helpdesk".to_owned()])?;
    let abide = match abide {
        Some(abide) => abide,
        None => build_host()?,
    };
    play(&guests, abide, data.as_deref())
}

/// Builds the binary with the features of the whole workspace, so that the heavy dependencies are built once for it and the tests.
fn build_host() -> Result<PathBuf> {
    println!("building the host");
    run(cargo().args(["build", "--quiet", "--workspace", "--bin", "abide", "--target-dir"]).arg(target_folder()?))
        .context("the host does not build")?;
    built_host()
}

/// The binary that cargo built last.
pub(crate) fn built_host() -> Result<PathBuf> {
    let abide = target_folder()?.join("debug").join(format!("abide{}", std::env::consts::EXE_SUFFIX));
    if !abide.exists() {
        bail!("cargo built no {}", abide.display());
    }
    Ok(abide)
}

/// Runs the demo with what was built.
fn play(guests: &Path, abide: PathBuf, data: Option<&Path>) -> Result<()> {
    let began = Instant::now();
    let stage = Stage::new()?;
    let desk = Desk::open()?;
    set_up(stage.folder(), guests, &desk)?;
    let in_folder = data.map_or_else(|| "data".to_owned(), |data| data.display().to_string());
    let mut terminal = Terminal::new(stage, abide, &in_folder)?;
    let played = story(&mut terminal, &desk);
    if played.is_err() {
        println!("\nthe log of the host:\n{}", terminal.host_log());
    }
    played?;
    let left =
        data.map_or_else(|| "nothing behind".to_owned(), |data| format!("the host's data in {}", data.display()));
    println!("\nThe demo took {} seconds and leaves {left}.", began.elapsed().as_secs());
    Ok(())
}

/// Puts the example into the folder, with this desk instead of the one at a fixed port.
fn set_up(folder: &Path, guests: &Path, desk: &Desk) -> Result<()> {
    const USUAL_DESK: &str = "http://127.0.0.1:7410";
    let example = root().join("examples/helpdesk");
    let config = fs::read_to_string(example.join("abide.toml"))?;
    if !config.contains(USUAL_DESK) {
        bail!("the example's abide.toml has no desk at {USUAL_DESK} any more");
    }
    fs::write(folder.join("abide.toml"), config.replace(USUAL_DESK, desk.url()))?;
    fs::copy(example.join("answers.json"), folder.join("answers.json"))?;
    fs::copy(guests.join("helpdesk.wasm"), folder.join("helpdesk.wasm"))?;
    Ok(())
}

fn story(terminal: &mut Terminal, desk: &Desk) -> Result<()> {
    heading("A help desk with a language model, a ticket system and a person in the loop");
    say("The workflow is one async function (examples/helpdesk/src/lib.rs), compiled to WebAssembly.");
    say("The model is scripted, and is asked over HTTP like any other; the ticket desk is an HTTP server too.");
    terminal.start_host()?;
    terminal.abide(&["deploy", "helpdesk.wasm"])?;
    desk.hold("/tickets");
    let input = format!(
        r#"{{"customer": "ada@example.com", "message": "Our new office in Lisbon needs VPN access by Monday.", "reminder_after_ms": {REMINDER_AFTER_MS}}}"#
    );
    terminal.abide(&["start", "helpdesk", "--id", "lisbon", "--input", &input])?;
    let run = terminal.ask(&["describe", "lisbon"])?;
    let run_id = run["run"]["run_id"].as_str().context("a run has a run_id")?.to_owned();
    let mut ledger = Ledger::new(&run_id);

    heading("kill -9 while a call is in flight");
    desk.wait_for("/tickets", 1, PATIENCE)?;
    say("The model has answered. The desk has filed the ticket, and is slow to say so.");
    terminal.abide(&["history", "lisbon"])?;
    ledger.before_kill(&terminal.ask(&["history", "lisbon"])?, desk.calls())?;
    ledger.must_be_in_flight("/tickets")?;
    terminal.kill_host()?;
    say("The ticket is filed and the host does not know. It starts again on the same data:");
    terminal.start_host()?;
    desk.wait_for("/tickets", 2, PATIENCE)?;
    say("It ran the function again against the history. The model was not asked again, and not paid again;");
    say("the one call without an outcome was made again under the same Idempotency-Key, so there is one ticket.");

    heading("kill -9 while it waits for a person");
    terminal.ask_until(&["describe", "lisbon"], PATIENCE, |run| run["published"]["stage"] == "waiting for approval")?;
    terminal.abide(&["describe", "lisbon"])?;
    ledger.before_kill(&terminal.ask(&["history", "lisbon"])?, desk.calls())?;
    terminal.kill_host()?;
    say("Nothing runs now. What waits is a row in a file: for a signal, and for a timer.");
    terminal.start_host()?;
    desk.wait_for("/reminders", 1, PATIENCE)?;
    say("The timer rang when it was due, whatever happened in between: the desk was asked to remind somebody.");

    heading("A person decides");
    terminal.abide(&["signal", "lisbon", "approval", r#"{"approved": true, "by": "grace"}"#])?;
    let result = terminal.abide(&["result", "lisbon", "--wait"])?;
    if !result.contains("DESK-1") || !result.contains("grace") {
        bail!("this is not the result that was to be expected");
    }

    heading("What happened");
    terminal.abide(&["history", "lisbon"])?;
    let history = terminal.ask(&["history", "lisbon"])?;
    let replayed = terminal.abide(&["replay", "lisbon"])?;
    if !replayed.starts_with("identical") {
        bail!("the replay is not identical");
    }
    terminal.stop_host()?;
    println!();
    say("What the ticket desk counted:");
    print!("{}", ledger.check(&history, &desk.calls())?);
    println!();
    say(
        "Killed twice. No call whose outcome was durable was made again, no event was lost, and no ticket is there twice.",
    );
    Ok(())
}
