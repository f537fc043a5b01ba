//! Files that others made, or that were damaged on their way: each is taken, or refused with a reason that says what to do. None is a panic.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use abide_engine::inspect;
use abide_engine::report::{Bounds, report};
use abide_model::{Error, ErrorCode, RunRef, RunStatus, WorkflowName};
use abide_tests::{LocalHost, ScriptedPerformer, compiled_dir, guest};
use bytes::Bytes;
use serde_json::json;
use wasi_preview1_component_adapter_provider as adapters;

const PATIENCE: Duration = Duration::from_secs(60);
const BOUNDS: Bounds = Bounds { component_bytes: 64 << 20, memory_bytes: 256 << 20 };
/// So many damaged files are made of each guest; so many of those are uploaded, which compiles them.
const DAMAGES: u64 = 150;
const UPLOADS: u64 = 12;

/// Packages whose files are looked at, of those that the parts of the tests have.
const PACKAGES: [&str; 3] = ["componentize-js/lib", "jco-transpile/vendor", "jco/lib"];

/// The modules and components of these packages, and the adapters of WASI. What was built for debugging is the same again, and large.
fn public_files() -> Vec<(String, Vec<u8>)> {
    let parts = std::env::var_os("ABIDE_TEST_PARTS").expect("run `cargo xtask test`, which says where the parts are");
    let mut paths = Vec::new();
    let scope = PathBuf::from(parts).join("components/node_modules/@bytecodealliance");
    PACKAGES.iter().for_each(|package| gather(&scope.join(package), &mut paths));
    paths.retain(|path| !path.to_string_lossy().ends_with(".debug.wasm"));
    paths.sort();
    let named = |path: PathBuf| (path.display().to_string(), std::fs::read(&path).unwrap());
    let mut files: Vec<_> = paths.into_iter().map(named).collect();
    for (name, bytes) in [
        (adapters::WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, adapters::WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER),
        ("reactor", adapters::WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER),
        ("proxy", adapters::WASI_SNAPSHOT_PREVIEW1_PROXY_ADAPTER),
    ] {
        files.push((name.to_owned(), bytes.to_vec()));
    }
    files
}

fn gather(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in folder.read_dir().unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            gather(&entry.path(), paths);
        } else if entry.path().extension().is_some_and(|extension| extension == "wasm") {
            paths.push(entry.path());
        }
    }
}

/// Looks at a file in both ways, which have to agree.
fn look(name: &str, file: &[u8]) -> Result<(), Error> {
    let inspected = inspect(file).map(drop);
    let report = report(file, BOUNDS);
    if let Err(error) = &inspected {
        assert_eq!(error.code, ErrorCode::InvalidComponent, "{name}: {error}");
        assert!(error.message.len() > 20, "{name}: {error}");
        assert!(!report.accepted && !report.refusals.is_empty(), "{name}: {error}, but the report says {report:?}");
    }
    // It is shown to people and to programs.
    serde_json::to_string(&report).unwrap();
    inspected
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn public_modules_and_components_run_or_are_refused_with_a_reason() {
    let files = public_files();
    assert!(files.len() > 8, "there are only {}", files.len());
    let local = LocalHost::with(ScriptedPerformer::echoing(), |config| config.cache_dir = compiled_dir()).await;
    let name = WorkflowName::parse("elsewhere").unwrap();
    for (path, file) in files {
        let inspected = look(&path, &file);
        let deployed = local.host.deploy(&local.tenant, &name, Bytes::from(file)).await;
        println!("{path}: {inspected:?}");
        match (inspected, deployed) {
            (Ok(()), Ok(_)) => {
                let run = local.start("elsewhere", "taken", json!(null)).await;
                ends(&local, &run).await;
            }
            (Ok(()), Err(error)) => assert_eq!(error.code, ErrorCode::InvalidComponent, "{path}: {error}"),
            (Err(expected), Err(error)) if error.code == ErrorCode::InvalidComponent => {
                assert_eq!(error.message, expected.message, "{path}");
            }
            // Too large to be looked at.
            (Err(_), Err(error)) => assert!(error.message.contains("max_component_bytes"), "{path}: {error}"),
            (Err(error), Ok(_)) => panic!("{path} was taken, though {error}"),
        }
    }
}

/// Waits until a run came to an end, or says why it cannot go on.
async fn ends(local: &LocalHost, run: &RunRef) {
    let began = std::time::Instant::now();
    loop {
        let row = local.host.describe(&local.tenant, run).await.unwrap().run;
        match row.status {
            RunStatus::Parked => {
                println!("    parked: {:?}", row.parked);
                assert!(!row.parked.unwrap().message.is_empty());
                return;
            }
            status if !status.is_open() => return,
            status => assert!(began.elapsed() < PATIENCE, "the run is {status}"),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Numbers that follow from a seed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).unwrap()
    }
}

/// A file that was cut off, or of which some bits were turned.
fn damaged(file: &[u8], seed: u64) -> Vec<u8> {
    let mut chance = Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut damaged = file.to_vec();
    if seed.is_multiple_of(3) {
        damaged.truncate(chance.below(file.len()));
        return damaged;
    }
    // Damage near the begin and the end meets the types and the custom sections, which are few bytes.
    let (from, width) = match seed % 4 {
        0 => (0, file.len().min(4096)),
        1 => (file.len().saturating_sub(4096), file.len().min(4096)),
        _ => (0, file.len()),
    };
    for _ in 0..=chance.below(8) {
        damaged[from + chance.below(width)] ^= 1 << chance.below(8);
    }
    damaged
}

#[test]
fn a_damaged_file_is_refused_or_is_another_file_but_never_a_panic() {
    let seed = std::env::var("ABIDE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1_u64);
    println!("the first seed is {seed}: set ABIDE_SEED for another one");
    for name in ["waiter", "ordinary", "js-waiter"] {
        let file = guest(name);
        look(name, &file).unwrap();
        let mut refused = 0;
        for seed in seed..seed + DAMAGES {
            refused += u64::from(look(&format!("{name}, seed {seed}"), &damaged(&file, seed)).is_err());
        }
        // Code is full of constants that may be any number.
        assert!(refused > DAMAGES / 4, "{name}: only {refused} of {DAMAGES} were refused");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_of_a_damaged_file_is_answered_and_the_host_goes_on() {
    let local = LocalHost::new(ScriptedPerformer::echoing()).await;
    let file = guest("waiter");
    let name = WorkflowName::parse("damaged").unwrap();
    for seed in 1..=UPLOADS {
        if let Err(error) = local.host.deploy(&local.tenant, &name, Bytes::from(damaged(&file, seed))).await {
            assert_eq!(error.code, ErrorCode::InvalidComponent, "seed {seed}: {error}");
        }
    }
    local.deploy("waiter").await;
}
