//! WASI 0.3 in Rust, generated from `wasi3/`.

wasmtime::component::bindgen!({
    path: "wasi3",
    world: "abide:wasi3-host/wasi",
    imports: {
        "wasi:cli/stdin": store | trappable,
        "wasi:cli/stdout": store | trappable,
        "wasi:cli/stderr": store | trappable,
        default: trappable,
    },
    with: {
        "wasi:cli/terminal-input.terminal-input": crate::wasi::cli::Terminal,
        "wasi:cli/terminal-output.terminal-output": crate::wasi::cli::Terminal,
    },
});
