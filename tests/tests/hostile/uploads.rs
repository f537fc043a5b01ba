//! Uploads that are no workflows, whatever they claim to be: each is refused with a reason, and the host works on.

use abide_model::{Error, ErrorCode};
use bytes::Bytes;

use crate::support::{Arena, name};

/// A component that imports an instance and exports a `run` of the right type, made of a module that is never reached.
fn importing(import: &str, functions: &str) -> String {
    format!(
        r#"(component
          (import "{import}" (instance {functions}))
          (core module $m
            (memory (export "memory") 1)
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) unreachable)
            (func (export "run") (param i32 i32) (result i32) unreachable))
          (core instance $i (instantiate $m))
          (func (export "run") (param "input" string) (result (result string (error string)))
            (canon lift (core func $i "run") (memory $i "memory") (realloc (func $i "realloc")))))"#
    )
}

async fn refused(arena: &Arena, file: impl Into<Bytes>) -> Error {
    let local = &arena.local;
    match local.host.deploy(&local.tenant, &name("forged"), file.into()).await {
        Err(error) => error,
        Ok(deployed) => panic!("it was taken: {:?}", deployed.version),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn imports_that_imitate_ours_are_refused_by_name() {
    let arena = Arena::new().await;
    for import in [
        "abide:workflow/llm2@0.1.0",
        "abide:workflow/llm@0.2.0",
        "abide:workflow/llm@1.0.0",
        "abide:workflow/host@0.1.0",
        "abide:workflow-blocking/secrets@0.1.0",
        "abide:workflow-blocking/llm@0.2.0",
        "abide:host/store@0.1.0",
        "wasi:cli/exec@0.2.0",
        "wasi:io/poll@9.0.0",
        "wasi:evil/anything@0.2.0",
    ] {
        let file = wat::parse_str(importing(import, r#"(export "f" (func))"#)).unwrap();
        let error = refused(&arena, file).await;
        assert_eq!(error.code, ErrorCode::InvalidComponent, "{import}: {error}");
        let interface = import.rsplit_once('@').unwrap().0;
        assert!(error.message.contains(interface), "{import}: {error}");
    }
    arena.contained(256 << 20).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forged_types_of_our_own_imports_are_refused() {
    let arena = Arena::new().await;
    for (import, functions) in [
        ("abide:workflow/timer@0.1.0", r#"(export "now" (func (result string)))"#),
        ("abide:workflow/random@0.1.0", r#"(export "bytes" (func (param "length" u64) (result (list u8))))"#),
        ("abide:workflow/timer@0.1.0", r#"(export "never" (func))"#),
        ("wasi:random/random@0.2.0", r#"(export "get-random-u64" (func (result string)))"#),
    ] {
        let file = wat::parse_str(importing(import, functions)).unwrap();
        let error = refused(&arena, file).await;
        assert_eq!(error.code, ErrorCode::InvalidComponent, "{import}: {error}");
    }
    // `run` of other types.
    for ty in ["(param \"input\" u32)", "(param \"input\" string)", "(param \"a\" string) (param \"b\" string)"] {
        let text = format!(
            r#"(component
              (core module $m (memory (export "memory") 1)
                (func (export "realloc") (param i32 i32 i32 i32) (result i32) unreachable)
                (func (export "one") (param i32)) (func (export "two") (param i32 i32)) (func (export "four") (param i32 i32 i32 i32)))
              (core instance $i (instantiate $m))
              (func (export "run") {ty}
                (canon lift (core func $i "{}") (memory $i "memory") (realloc (func $i "realloc")))))"#,
            match ty.matches("string").count() {
                0 => "one",
                1 => "two",
                _ => "four",
            }
        );
        let error = refused(&arena, wat::parse_str(text).unwrap()).await;
        assert!(error.message.contains("run"), "{ty}: {error}");
    }
    arena.contained(256 << 20).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_nested_too_deeply_is_refused() {
    let arena = Arena::new().await;
    // Components in components, and a type of lists of lists.
    let nested = "(component ".repeat(2000) + &")".repeat(2000);
    let lists: String = (1..20_000).map(|number| format!("(type $t{number} (list $t{}))", number - 1)).collect();
    let deep_type = importing(
        "acme:deep/types",
        &format!(r#"(type $t0 (list u8)) {lists} (export "f" (func (param "a" $t19999)))"#),
    );
    for text in [nested, deep_type] {
        // What the text format refuses cannot be uploaded either; the bytes are what counts.
        if let Ok(file) = wat::parse_str(&text) {
            let error = refused(&arena, file).await;
            assert_eq!(error.code, ErrorCode::InvalidComponent, "{error}");
        }
    }
    let mut bytes = b"\0asm\x0d\0\x01\0".to_vec();
    for _ in 0..5000 {
        // A section of a component in a component, each of which claims to be as large as can be.
        bytes.extend([4, 0xff, 0xff, 0xff, 0xff, 0x0f]);
        bytes.extend(b"\0asm\x0d\0\x01\0");
    }
    assert_eq!(refused(&arena, bytes).await.code, ErrorCode::InvalidComponent);
    arena.contained(384 << 20).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_instances_memories_and_tables_than_there_may_be_are_refused() {
    let arena = Arena::new().await;
    let with = |module: &str, instances: usize| {
        let made: String = (0..instances).map(|_| "(core instance (instantiate $extra))").collect();
        importing("abide:workflow/timer@0.1.0", "")
            .replace("(core module $m", &format!("(core module $extra {module}) {made} (core module $m"))
    };
    let tables: String = "(table 10 funcref)".repeat(150);
    for (module, instances) in [("", 500), ("(memory 1)", 10), (tables.as_str(), 1), ("(memory 65536)", 1)] {
        let file = wat::parse_str(with(module, instances)).unwrap();
        let local = &arena.local;
        // Refused at upload, or the run is parked: it never takes what others need.
        match local.host.deploy(&local.tenant, &name("many"), file.into()).await {
            Err(error) => assert_eq!(error.code, ErrorCode::InvalidComponent, "{error}"),
            Ok(_) => {
                let run = local.start("many", "many", serde_json::json!(null)).await;
                local.until(&run, abide_model::RunStatus::Parked).await;
                local.host.terminate(&local.tenant, &run, "enough").await.unwrap();
            }
        }
    }
    arena.contained(384 << 20).await;
}
