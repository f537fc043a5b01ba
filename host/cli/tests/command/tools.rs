//! `abide tools`, and `abide inspect` of a host.

use serde_json::json;
use tempfile::TempDir;

use crate::support::{Host, guest, told};

#[test]
fn a_tool_component_survives_the_host_and_goes_when_it_is_told() {
    let folder = TempDir::new().unwrap();
    let mut host = Host::start(folder.path());
    let (tool, flow) = (guest("crm-tool"), guest("crm-flow"));
    let (tool, flow) = (tool.to_str().unwrap(), flow.to_str().unwrap());

    let (status, stdout, _) = told(&host.client(["inspect", flow, "--ask-host"]).output().unwrap());
    assert!(status == 1 && stdout.contains("nobody performs `acme:crm/customers@1.2.0`"), "{stdout}");
    let said = host.run(["tools", "deploy", tool, "--name", "crm", "--env", "A=b", "--allow", "crm.example.com"]);
    assert!(said.starts_with("deployed crm (") && said.contains("acme:crm/customers@1.2.0"), "{said}");
    assert!(host.run(["inspect", flow, "--ask-host"]).contains("accepted  the host takes it"));
    let said = host.run(["tools", "deploy", tool, "--name", "crm", "--settings", r#"{"max_concurrent":3}"#]);
    assert!(said.starts_with("replaced crm ("), "{said}");
    host.run(["deploy", flow]);

    host.kill();
    host.again(folder.path());
    let shown = host.run(["tools"]);
    assert!(shown.lines().nth(1).is_some_and(|row| row.starts_with("crm ") && row.contains("ready")), "{shown}");
    let described = host.json(["tools", "describe", "crm"]);
    assert_eq!(described["settings"]["max_concurrent"], 3);
    assert!(host.run(["tools", "describe", "crm"]).contains("performs  acme:crm/"));
    host.run(["start", "crm-flow", "--id", "x", "--input", r#"[{"find":"Ada"}]"#]);
    assert_eq!(host.json(["result", "x"])["outcome"]["ok"][0]["name"], json!("Ada"));

    let (status, _, stderr) = told(&host.client(["tools", "delete", "crm"]).output().unwrap());
    assert!(status == 4 && stderr.contains("`crm-flow`"), "{stderr}");
    let (status, _, stderr) = told(&host.client(["tools", "describe", "none"]).output().unwrap());
    assert!(status == 4 && stderr.contains("`none`"), "{stderr}");
    let (status, _, stderr) =
        told(&host.client(["tools", "deploy", tool, "--settings", "{\"a\":1}"]).output().unwrap());
    assert!(status == 2 && stderr.contains("unknown field `a`"), "{stderr}");
    let steps = guest("steps");
    host.run(["deploy", steps.to_str().unwrap(), "--name", "crm-flow"]);
    assert_eq!(host.run(["tools", "delete", "crm"]), "deleted crm\n");
    assert_eq!(host.run(["tools"]), "");
}
