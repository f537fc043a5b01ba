//! Tests: samples of all that is about tool components, and of a file that is looked at, are as the document says.

use std::collections::BTreeMap;

use abide_activities::{ToolHttp, ToolSettings};
use abide_model::{Digest, Json, RetryPolicy};
use abide_runtime::report::{Bounds, report};
use abide_runtime::view::{DeletedTool, Inspection, PutTool, ToolComponent, ToolComponents, ToolSource};

use super::samples::fits;

fn settings() -> ToolSettings {
    let retry = Some(RetryPolicy { max_attempts: Some(3), ..RetryPolicy::default() });
    let header = BTreeMap::from([("authorization".to_owned(), "CRM_KEY".to_owned())]);
    ToolSettings {
        interfaces: Some(vec!["acme:crm/customers".to_owned()]),
        wit: Some("package acme:crm;".to_owned()),
        http: ToolHttp {
            allow: vec!["crm.example.com".to_owned()],
            header_env: BTreeMap::from([("crm.example.com".to_owned(), header)]),
            max_response_bytes: Some(1),
            attempt_timeout_ms: Some(2),
            total_timeout_ms: Some(3),
            retry: retry.clone(),
            max_concurrent: Some(4),
        },
        env: BTreeMap::from([("REGION".to_owned(), "eu".to_owned())]),
        pass_env: vec!["CRM_KEY".to_owned()],
        secret_env: [("CRM_TOKEN".to_owned(), "crm".to_owned())].into(),
        attempt_timeout_ms: Some(5),
        total_timeout_ms: Some(6),
        retry,
        max_concurrent: Some(7),
        ..ToolSettings::default()
    }
}

#[test]
fn every_type_of_tool_components_is_as_documented() {
    let words = || vec!["a".to_owned()];
    for settings in [settings(), ToolSettings::default()] {
        fits("ToolSettings", &settings);
        let tool = ToolComponent {
            name: "crm".to_owned(),
            source: ToolSource::Upload,
            exports: words(),
            performs: words(),
            tools: words(),
            problem: Some("it broke".to_owned()),
            version: Some(Digest::of(b"a")),
            uploaded_ms: Some(1),
            size_bytes: Some(2),
            settings: Some(Json::of(&settings).unwrap()),
        };
        fits("PutTool", &PutTool { tool: tool.clone(), created: true });
        let configured = ToolComponent {
            source: ToolSource::Configuration,
            problem: None,
            version: None,
            uploaded_ms: None,
            size_bytes: None,
            settings: None,
            ..tool.clone()
        };
        fits("ToolComponents", &ToolComponents { tools: vec![tool, configured] });
    }
    fits("DeletedTool", &DeletedTool { name: "crm".to_owned() });
}

#[test]
fn what_is_said_of_a_file_is_as_documented() {
    let bounds = Bounds { component_bytes: 1 << 20, memory_bytes: 1 << 20 };
    for file in [&b""[..], b"\0asm\x01\0\0\0", b"\0asm\x0d\0\x01\0", b"\0asm\x01\0\0\0\x05\x03\x01\0\x01"] {
        fits("Inspection", &Inspection { version: Digest::of(file), report: report(file, bounds) });
    }
}
