//! The guest's world in Rust, generated from `wit/`.

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "workflow",
    with: { "abide:workflow/updates.update": crate::updates::Update },
});
