//! The code that wit-bindgen makes of `wit/`. Nothing is written by hand here: what users see is in the files beside this one.

wit_bindgen::generate!({
    path: "../wit",
    world: "workflow-with-query",
    pub_export_macro: true,
    export_macro_name: "export_workflow",
    default_bindings_module: "abide::__private::bindings",
    additional_derives: [PartialEq, serde::Serialize, serde::Deserialize],
    additional_type_attributes: {
        "abide:workflow/types@0.1.0/content-part": [#[serde(rename_all = "snake_case")]],
        "abide:workflow/types@0.1.0/image-source": [#[serde(rename_all = "snake_case")]],
        "abide:workflow/llm@0.1.0/message": [#[serde(rename_all = "snake_case")]],
        "abide:workflow/llm@0.1.0/tool-choice": [#[serde(rename_all = "snake_case")]],
        "abide:workflow/llm@0.1.0/response-format": [#[serde(rename_all = "snake_case")]],
        "abide:workflow/llm@0.1.0/usage": [#[derive(Default)]],
        "abide:workflow/llm@0.1.0/finish-reason": [#[serde(rename_all = "snake_case")]],
        "abide:workflow/log@0.1.0/level": [#[serde(rename_all = "snake_case")]],
    },
});
