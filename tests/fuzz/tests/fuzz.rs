//! Each target reads its corpus, and mutations of it. `ABIDE_SEED=n` gives other ones, `ABIDE_FUZZ_SECONDS=n` goes on for so long.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use abide_fuzz::mutate::{Random, mutate};
use abide_fuzz::{TARGETS, Target, corpus, target};

macro_rules! targets {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            fuzz(target(stringify!($name)));
        })*

        #[test]
        fn every_target_is_a_test() {
            let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
            assert_eq!(names, [$(stringify!($name)),*]);
        }
    };
}

targets! { filter values store capsule component http }

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn fuzz(target: &Target) {
    let seed = number("ABIDE_SEED").unwrap_or(1);
    let until = number("ABIDE_FUZZ_SECONDS").map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let inputs = corpus::read(target.name);
    assert!(!inputs.is_empty(), "`{}` has no corpus", target.name);
    for (name, input) in &inputs {
        attempt(target, input, name);
    }
    let others: Vec<_> = inputs.iter().map(|(_, input)| input.as_slice()).collect();
    let mut random = Random(seed);
    let mut executions = 0;
    while executions < target.executions || until.is_some_and(|until| Instant::now() < until) {
        let mut input = others[random.below(others.len())].to_vec();
        mutate(&mut random, &mut input, &others, target.words);
        attempt(target, &input, &format!("execution {executions} of ABIDE_SEED={seed}"));
        executions += 1;
    }
    println!("{}: {} inputs of the corpus, {executions} executions, ABIDE_SEED={seed}", target.name, inputs.len());
}

/// Reads an input. One that panics is kept in a file, so that it can become part of the corpus.
fn attempt(target: &Target, input: &[u8], what: &str) {
    if catch_unwind(AssertUnwindSafe(|| (target.run)(input))).is_err() {
        let file = std::env::temp_dir().join(format!("abide-fuzz-{}-{}", target.name, std::process::id()));
        std::fs::write(&file, input).unwrap();
        panic!("`{}` fails on {what}: the input is kept in {}", target.name, file.display());
    }
}
