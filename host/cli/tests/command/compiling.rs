//! Components that are bombs for the compiler: refused in time, while the host works on.

use std::fmt::Write as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::support::{Host, told};

/// A workflow with functions that take the compiler long: many values that live at the same time, over many branches. Its text is what is uploaded
/// once it is bytes.
fn bomb() -> Vec<u8> {
    let (locals, blocks) = (2000, 1500);
    let mut body = String::new();
    for block in 0..blocks {
        let (one, other) = (block * 7 % locals, (block * 13 + 5) % locals);
        writeln!(
            body,
            "(if (i64.eqz (local.get {one})) (then (local.set {other} (i64.add (local.get {one}) (local.get {other})))) \
             (else (local.set {one} (i64.mul (local.get {other}) (i64.const {block})))))"
        )
        .unwrap();
    }
    let sum: String =
        (0..locals).map(|local| format!("(local.set 0 (i64.xor (local.get 0) (local.get {local})))")).collect();
    let function = |number| {
        format!(
            "(func (export \"f{number}\") (result i64) (local {}) (loop {body}) {sum} (local.get 0))",
            "i64 ".repeat(locals)
        )
    };
    let functions: String = (0..12).map(function).collect();
    let text = format!(
        r#"(component
          (core module $m
            {functions}
            (memory (export "memory") 1)
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) unreachable)
            (func (export "run") (param i32 i32) (result i32) unreachable))
          (core instance $i (instantiate $m))
          (func (export "run") (param "input" string) (result (result string (error string)))
            (canon lift (core func $i "run") (memory $i "memory") (realloc (func $i "realloc")))))"#
    );
    wat::parse_str(text).unwrap()
}

#[test]
fn a_bomb_for_the_compiler_is_refused_in_time() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("abide.toml"), "[host]\ncompile_timeout_ms = 1500\n").unwrap();
    let file = folder.path().join("bomb.wasm");
    std::fs::write(&file, bomb()).unwrap();
    let host = Host::start(folder.path());
    host.deploy("waiter");
    let began = Instant::now();
    let mut deploy = host.client(["deploy", "--name", "bomb"]);
    let deploy = deploy.arg(&file).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // The host answers meanwhile.
    let mut rounds = 0;
    while began.elapsed() < Duration::from_secs(1) {
        let id = format!("w-{rounds}");
        host.run(["start", "waiter", "--id", &id]);
        host.run(["signal", &id, "go", "1"]);
        rounds += 1;
    }
    let (status, _, words) = told(&deploy.wait_with_output().unwrap());
    assert_eq!(status, 4, "{words}");
    assert!(words.contains("compile_timeout_ms"), "{words}");
    assert!(began.elapsed() < Duration::from_secs(20), "it took {:?}", began.elapsed());
    assert!(rounds > 1, "the host answered {rounds} times");
    // What is no component for the compiler is refused as ever, with the reason of the compiler.
    host.deploy("steps");
}
