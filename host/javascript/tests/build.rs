//! What becomes of programs when they are built: the same bytes each time, and errors that say where and what to do.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::Path;

use abide_javascript::{Error, build};
use tempfile::TempDir;

/// Builds a program of several files, of which the first is the entry.
fn built(files: &[(&str, &str)]) -> Result<Vec<u8>, Error> {
    let folder = TempDir::new().unwrap();
    built_in(folder.path(), files)
}

fn built_in(folder: &Path, files: &[(&str, &str)]) -> Result<Vec<u8>, Error> {
    for (name, text) in files {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    build(&folder.join(files[0].0))
}

fn error(files: &[(&str, &str)]) -> String {
    built(files).unwrap_err().to_string()
}

const RUN: &str = "export async function run() {}\n";

#[test]
fn the_same_program_gives_the_same_bytes_in_another_folder() {
    let files = [
        ("a.ts", "import { b } from './b.js';\nexport async function run(): Promise<number> { return b; }"),
        ("b.ts", "export const b: number = 1;"),
    ];
    let first = built(&files).unwrap();
    assert_eq!(&first[..8], b"\0asm\x0d\0\x01\0");
    assert!(first == built(&files).unwrap(), "another build gave other bytes");
    let other = [files[0], ("b.ts", "export const b: number = 2;")];
    assert!(first != built(&other).unwrap(), "another program gave the same bytes");
}

#[test]
fn the_component_imports_nothing_but_the_guests_world() {
    let component = built(&[("a.js", RUN)]).unwrap();
    let wit_parser::decoding::DecodedWasm::Component(resolve, world) =
        wit_parser::decoding::decode(&component).unwrap()
    else {
        panic!("it is no component")
    };
    let world = &resolve.worlds[world];
    for key in world.imports.keys() {
        let name = resolve.name_world_key(key);
        assert!(
            name.starts_with("abide:workflow/") || matches!(name.as_str(), "json" | "failure"),
            "it imports `{name}`"
        );
    }
    let exports: Vec<String> = world.exports.keys().map(|key| resolve.name_world_key(key)).collect();
    assert_eq!(exports, ["run", "query"]);
}

#[test]
fn a_syntax_error_names_file_line_and_column() {
    let text = error(&[
        ("a.ts", "import './lib/b.ts';\nexport async function run() {}"),
        ("lib/b.ts", "const a = 1;\nlet b: = 2;\n"),
    ]);
    assert!(text.starts_with("lib/b.ts:2:8: "), "{text}");
}

#[test]
fn an_import_that_leads_nowhere_says_what_to_do() {
    let text = error(&[("a.js", &format!("import 'left-pad';\n{RUN}"))]);
    assert!(text.starts_with("`a.js` imports `left-pad`: packages are not looked up: bundle"), "{text}");
    let text = error(&[("a.js", &format!("import fs from 'node:fs';\n{RUN}"))]);
    assert!(text.contains("workflows have no Node"), "{text}");
    let text = error(&[("a.js", &format!("import './b.js';\n{RUN}"))]);
    assert_eq!(text, "`a.js` imports `./b.js`: there is no such file");
    let text = error(&[("a.js", &format!("import {{ nothing }} from 'abide';\n{RUN}"))]);
    assert!(text.contains("nothing"), "{text}");
}

#[test]
fn no_path_leads_out_of_the_programs_folder() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("secret.js"), "export default 1;").unwrap();
    let inner = folder.path().join("inner");
    for specifier in ["../secret.js", "./x/../../secret.js", "./..//../secret.js"] {
        let text = built_in(&inner, &[("a.js", &format!("import '{specifier}';\n{RUN}"))]).unwrap_err().to_string();
        assert!(text.contains("outside of the program's folder"), "{text}");
    }
    let text = built_in(&inner, &[("a.js", &format!("import '/etc/passwd';\n{RUN}"))]).unwrap_err().to_string();
    assert!(text.contains("`./`"), "{text}");
    // A package's folder counts as a whole.
    std::fs::write(folder.path().join("package.json"), "{}").unwrap();
    built_in(&inner, &[("a.js", &format!("import '../secret.js';\n{RUN}"))]).unwrap();
}

#[cfg(unix)]
#[test]
fn a_link_does_not_lead_out_of_the_programs_folder() {
    let (outside, inside) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    std::fs::write(outside.path().join("secret.js"), "export default 1;").unwrap();
    std::os::unix::fs::symlink(outside.path().join("secret.js"), inside.path().join("b.js")).unwrap();
    let text = built_in(inside.path(), &[("a.js", &format!("import './b.js';\n{RUN}"))]).unwrap_err().to_string();
    assert_eq!(text, "`b.js` is a link that leads out of the program's folder");
}

#[test]
fn a_program_without_run_is_told_what_to_export() {
    let text = error(&[("a.js", "export const go = 1;")]);
    assert!(text.contains("exports no function `run`"), "{text}");
    let text = error(&[("a.js", &format!("export const cancellation = 'never';\n{RUN}"))]);
    assert!(text.contains("\"automatic\" or \"manual\""), "{text}");
}

#[test]
fn what_a_module_throws_while_it_loads_is_told_with_its_place() {
    let text = error(&[("a.js", &format!("{RUN}\nthrow new Error('no luck');"))]);
    assert!(text.contains("no luck") && text.contains("a.js:3:"), "{text}");
}

#[test]
fn calls_while_modules_load_are_refused() {
    for (code, place) in [
        ("import { timer } from 'abide';\nawait timer.sleep(1);", "(a.js:2:"),
        ("import { tools } from 'abide';\ntools.list();", "(a.js:2:"),
        ("import { timer } from 'abide';\ntimer.now();", "`timer.now`"),
        ("import wire from 'abide:workflow/random@0.1.0';\nwire.u64();", "`random.u64`"),
        ("const now = Date.now();", "(a.js:1:"),
        ("const now = new Date();", "(a.js:1:"),
        ("const chance = Math.random();", "(a.js:1:"),
        ("await fetch('https://example.com');", "fetch"),
        ("setTimeout(() => {}, 1);", "(a.js:1:"),
    ] {
        let text = error(&[("a.js", &format!("{code}\n{RUN}"))]);
        assert!(text.contains(place) && text.contains("in `run`"), "{code}: {text}");
    }
    // What needs no run is there.
    built(&[("a.js", &format!("console.log('loading', new Date(0), crypto);\n{RUN}"))]).unwrap();
}

#[test]
fn modules_that_do_not_stop_loading_are_stopped() {
    let text = error(&[("a.js", &format!("{RUN}\nfor (;;) {{}}"))]);
    assert!(text.contains("computes for too long while its modules load"), "{text}");
    let text = error(&[("a.js", &format!("{RUN}\nconst hoard = []; for (;;) hoard.push(new Uint8Array(1 << 20));"))]);
    assert!(!text.is_empty(), "{text}");
}

#[test]
fn an_entry_that_is_not_there_is_named() {
    let text = build(Path::new("nowhere/agent.ts")).unwrap_err().to_string();
    assert!(text.starts_with("cannot read `nowhere/agent.ts`: "), "{text}");
}

#[test]
fn the_engine_is_the_one_that_its_readme_names() {
    use sha2::{Digest as _, Sha256};
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("runtime");
    let digest = Sha256::digest(std::fs::read(folder.join("quickjs-0.5.0.wasm")).unwrap());
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let readme = std::fs::read_to_string(folder.join("README.md")).unwrap();
    assert!(readme.contains(&format!("`{digest}`")), "the file's digest is {digest}");
}
