//! Components of every size and language: how long one takes to compile, to be found compiled, and to start, and what a guest of it has in memory
//! while it waits.
//!
//! - `compile_s`: all cores, once; a host does it at the upload and keeps the machine code.
//! - `load_ms`: the machine code is mapped, as at the start of a host. Median.
//! - `start_us`: from nothing to where the guest first waits: an instance, and its own code up to its first call. Median.
//! - `start_ratio`: that over what wasmtime itself takes for a bare instance with the same settings, without running any code of it.
//! - `waiting_bytes`: the growth of the resident set of this process over guests that wait.

use std::collections::HashMap;
use std::path::Path;
use std::time::Instant;

use abide_engine::{CompiledCache, Engine, EngineConfig, Guest, GuestSpec, Program, Turn, inspect, wasmtime_config};
use abide_model::{Attributes, CallerId, Digest, Json, Limits, RunId, RunStarted, Tenant, WorkflowName};
use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use tempfile::TempDir;
use wasmtime::Store;
use wasmtime::component::{Component, Linker};

use crate::arguments::Arguments;
use crate::memory::settled_bytes;
use crate::report::{Report, median};
use crate::subject::read_guest;

/// A guest, by the name of its file, and what it waits for something with.
struct Case {
    guest: &'static str,
    language: &'static str,
    input: fn() -> Value,
}

const CASES: [Case; 4] = [
    Case { guest: "waiter", language: "Rust", input: || Value::Null },
    Case { guest: "js-waiter", language: "JavaScript (QuickJS)", input: || json!({}) },
    Case { guest: "python-kitchen", language: "Python", input: || json!({ "part": "deadline", "patience_s": 3600 }) },
    Case {
        guest: "program-javascript",
        language: "JavaScript (StarlingMonkey)",
        input: || json!({ "question": "why", "url": "http://models.example/v1/chat/completions", "pause_ms": 20 }),
    },
];

/// Measures those whose files are there.
pub(crate) async fn measure(arguments: &Arguments, report: &mut Report) -> Result<()> {
    for case in CASES {
        match file_of(&case, arguments) {
            Ok(file) => of(&case, &file, arguments, report).await.with_context(|| case.guest.to_owned())?,
            Err(error) => println!("left out: {} ({error:#})", case.guest),
        }
    }
    Ok(())
}

/// A guest in TypeScript is built here: that takes no other tools.
fn file_of(case: &Case, arguments: &Arguments) -> Result<Vec<u8>> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../guests-js").join(format!("{}.ts", case.guest));
    match source.is_file() {
        true => Ok(abide_javascript::build(&source)?),
        false => read_guest(arguments, case.guest),
    }
}

async fn of(case: &Case, file: &[u8], arguments: &Arguments, report: &mut Report) -> Result<()> {
    let Case { guest, language, input } = case;
    let (turns, waiting) = (arguments.pick(50, 10), arguments.pick(100, 20));
    let mut add = |figure: &str, what: &str, value: f64| {
        report.add_named(format!("{guest}_{figure}"), format!("{language}: {what}"), value);
    };
    let component = inspect(file)?.component;
    add("component_mb", "component, MB", component.len() as f64 / 1e6);
    let engine = Engine::new(&EngineConfig::default())?;
    let folder = TempDir::with_prefix_in("bench-", &arguments.folder)?;
    let cache = CompiledCache::open(folder.path(), CompiledCache::MOST_BYTES)?;
    let digest = Digest::of(&component);
    let began = Instant::now();
    let program = cache.load(&engine, digest, || Ok(component.clone()))?;
    add("compile_s", "compile, s", began.elapsed().as_secs_f64());
    let code = std::fs::read_dir(folder.path())?.map(|entry| Ok(entry?.metadata()?.len())).sum::<Result<u64>>()?;
    add("code_mb", "machine code, MB", code as f64 / 1e6);

    let load = || -> Result<f64> {
        let began = Instant::now();
        cache.load(&engine, digest, not_kept)?;
        Ok(began.elapsed().as_secs_f64() * 1e3)
    };
    add("load_ms", "found compiled, ms", median((0..turns).map(|_| load()).collect::<Result<_>>()?));

    // The first ones fault the pages in that all share.
    for _ in 0..3 {
        start(&program, input())?;
    }
    let started = (0..turns).map(|_| {
        let began = Instant::now();
        let guest = start(&program, input())?;
        let took = began.elapsed().as_secs_f64() * 1e6;
        drop(guest);
        Ok(took)
    });
    let start_us = median(started.collect::<Result<_>>()?);
    add("start_us", "start to the first wait, µs", start_us);
    let bare_us = bare_instance_us(&component, turns).await?;
    add("bare_instance_us", "bare instance in wasmtime, µs", bare_us);
    add("start_ratio", "start over bare instance", start_us / bare_us);

    let before = settled_bytes().await?;
    let guests = (0..waiting).map(|_| start(&program, input())).collect::<Result<Vec<_>>>()?;
    let grown = settled_bytes().await?.saturating_sub(before);
    add("waiting_bytes", &format!("resident bytes a waiting guest, of {waiting}"), grown as f64 / guests.len() as f64);
    Ok(())
}

fn not_kept() -> Result<Vec<u8>, abide_model::Error> {
    Err(abide_model::Error::new(abide_model::ErrorCode::Internal, "the machine code is not in the cache"))
}

/// A guest that waits.
fn start(program: &Program, input: Value) -> Result<Guest> {
    let run_id = RunId::new(1, 1);
    let workflow = WorkflowName::parse("bench")?;
    let started = RunStarted {
        tenant: Tenant::default(),
        id: CallerId::for_run(&workflow, run_id),
        workflow,
        version: Digest::of(b""),
        input: Json::from(&input),
        seed: [7; 32],
        limits: Limits::default(),
        parent: None,
        continued_from: None,
        run_timeout_ms: None,
        attributes: Attributes::default(),
        configuration: None,
        veil: None,
    };
    let mut guest = Guest::new(program, GuestSpec { run_id, started_ms: 1, started, markers: HashMap::new() });
    loop {
        match guest.poll() {
            Turn::Quiescent => return Ok(guest),
            Turn::Yielded => {}
            turn @ (Turn::Ended(_) | Turn::Stopped(_)) => bail!("the guest does not wait: {turn:?}"),
        }
    }
}

/// What wasmtime takes for an instance with the same settings, with imports that do nothing.
async fn bare_instance_us(component: &[u8], turns: usize) -> Result<f64> {
    let engine = wasmtime::Engine::new(&wasmtime_config(&EngineConfig::default())).map_err(anyhow::Error::msg)?;
    let pre = (|| {
        let component = Component::new(&engine, component)?;
        let mut linker = Linker::<()>::new(&engine);
        linker.define_unknown_imports_as_traps(&component)?;
        linker.instantiate_pre(&component)
    })()
    .map_err(anyhow::Error::msg)?;
    let mut times = Vec::with_capacity(turns);
    for turn in 0..turns + 3 {
        let began = Instant::now();
        let mut store = Store::new(&engine, ());
        store.set_epoch_deadline(u64::MAX / 2);
        store.set_fuel(u64::MAX).map_err(anyhow::Error::msg)?;
        pre.instantiate_async(&mut store).await.map_err(anyhow::Error::msg)?;
        drop(store);
        if turn >= 3 {
            times.push(began.elapsed().as_secs_f64() * 1e6);
        }
    }
    Ok(median(times))
}
