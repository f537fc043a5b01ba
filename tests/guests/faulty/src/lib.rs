//! Makes a number of calls and then fails in the way that its input names, or returns `ok`.

use std::hint::black_box;

use abide::{Failure, tools};
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
struct Input {
    mode: Mode,
    #[serde(default)]
    after: u32,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Mode {
    Panic,
    Loop,
    Memory,
    Overflow,
    Ok,
}

#[abide::workflow]
async fn run(input: Input) -> Result<&'static str, Failure> {
    for i in 0..input.after {
        tools::call("bench", "echo", &json!({ "i": i })).await?;
    }
    match input.mode {
        Mode::Panic => check_the_order(input.after),
        Mode::Loop => loop_for_ever(),
        Mode::Memory => allocate_without_end(),
        Mode::Overflow => drop(black_box(recurse_without_end(black_box(0)))),
        Mode::Ok => {}
    }
    Ok("ok")
}

// The functions keep their names in the component, so that a test can look for them in the backtrace.

#[inline(never)]
fn check_the_order(after: u32) {
    look_up_the_price(after);
    black_box(());
}

#[inline(never)]
fn look_up_the_price(after: u32) {
    panic!("no price after {after} calls");
}

#[inline(never)]
fn loop_for_ever() {
    let mut turns = 0_u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
}

#[inline(never)]
fn allocate_without_end() {
    let mut hoard = Vec::new();
    loop {
        // Touched, so that it is not only promised.
        hoard.push(black_box(vec![0xab_u8; 1 << 20]));
    }
}

#[inline(never)]
fn recurse_without_end(depth: u64) -> u64 {
    // What happens after the call keeps it from becoming a loop.
    let local = black_box([depth; 16]);
    if depth == u64::MAX { 0 } else { recurse_without_end(depth + 1).wrapping_add(local[7]) }
}
