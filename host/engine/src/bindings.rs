//! The guest's world in Rust, generated from `wit/`.
#![expect(unreachable_pub, clippy::all, reason = "generated code")]

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "workflow",
});
