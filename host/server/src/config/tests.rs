//! Tests: the configuration file, and what is wrong in one.

use super::*;

fn parse(text: &str) -> Result<Config, String> {
    Config::parse(text, Path::new("etc/abide.toml")).map_err(|error| error.message)
}

#[test]
fn an_empty_file_gives_the_defaults() {
    let config = parse("").unwrap();
    assert_eq!(config.listen, "127.0.0.1:7400");
    assert_eq!(config.data, Path::new("etc/abide-data"));
    assert_eq!(config.limits, Limits::default());
    assert_eq!(config.host, HostSection::default());
    assert_eq!(config.retention, Retention { audit: Some(AUDIT_KEPT), ..Retention::default() });
    assert!(config.activities.llm.is_empty());
}

#[test]
fn every_section_has_its_place() {
    let config = parse(
        r#"
        listen = "0.0.0.0:80"
        data = "/var/lib/abide"
        allowed_hosts = ["abide.example"]
        behind_tls_proxy = true
        default_llm = "local"

        [limits]
        open_calls = 7

        [host]
        max_resident_guests = 100

        [retention]
        closed_runs = "30d"
        audit = "forever"

        [retention.workflows]
        audit = "forever"
        chat = "12h"

        [encryption]
        key_file = "master.key"
        previous = [{ key_env = "OLD_KEY" }]
        payloads = true

        [llm.local]
        kind = "openai"
        base_url = "http://127.0.0.1:11434/v1"

        [workers.gpu]
        lease_ms = 5000
        [[workers.gpu.tool]]
        name = "render"

        [llm.demo]
        kind = "scripted"
        file = "answers.json"

        [tools.files]
        kind = "mcp-stdio"
        command = "mcp-files"

        [http]
        allow = ["api.example.com"]
        "#,
    )
    .unwrap();
    assert_eq!(config.data, Path::new("/var/lib/abide"));
    assert_eq!(config.allowed_hosts, ["abide.example"]);
    assert!(config.behind_tls_proxy);
    assert_eq!(config.limits, Limits { open_calls: 7, ..Limits::default() });
    assert_eq!(config.host, HostSection { max_resident_guests: 100, ..HostSection::default() });
    let name = |text| WorkflowName::parse(text).unwrap();
    let chat = Some(Duration::from_secs(12 * 3600));
    let workflows = BTreeMap::from([(name("audit"), None), (name("chat"), chat)]);
    assert_eq!(config.encryption.key_file.as_deref(), Some(Path::new("master.key")));
    assert!(config.encryption.payloads && config.encryption.previous[0].key_env.as_deref() == Some("OLD_KEY"));
    assert_eq!(
        config.retention,
        Retention { closed_runs: Some(Duration::from_secs(30 * 86_400)), workflows, audit: None }
    );
    assert_eq!(config.activities.llm.len(), 2);
    assert_eq!(config.activities.default_llm.as_deref(), Some("local"));
    assert_eq!(config.activities.http.allow, ["api.example.com"]);
    assert_eq!(config.base_dir, Path::new("etc"));
}

#[test]
fn errors_name_file_line_and_key() {
    for (text, message) in [
        ("listen = 5", "etc/abide.toml:1: `listen`: invalid type: integer `5`, expected a string"),
        ("\n\nlisten = \"a", "etc/abide.toml:3: invalid basic string, expected `\"`"),
        (
            "[host]\nmax_resident_guests = 1\nresident = 2",
            "etc/abide.toml:3: `host.resident`: unknown field `resident`, expected one of `max_resident_guests`, \
             `resident_bytes`, `cache_bytes`, `max_component_bytes`, `compile_timeout_ms`",
        ),
        (
            "[host]\nresident_bytes = -1",
            "etc/abide.toml:2: `host.resident_bytes`: invalid value: integer `-1`, expected u64",
        ),
        (
            "[retention]\nclosed_runs = \"long\"",
            "etc/abide.toml:2: `retention.closed_runs`: `long` is no duration: write a whole number and a unit, such as \
             `500ms`, `30s` or `5m`, or `forever`",
        ),
        ("\n[llm.a]\nkind = \"scripted\"\n", "etc/abide.toml:2: `llm.a`: missing field `file`"),
    ] {
        assert_eq!(parse(text).unwrap_err(), message);
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = Config::read(Path::new("no/such/abide.toml")).unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidConfig);
    assert!(error.message.starts_with("cannot read `no/such/abide.toml`: "), "{error}");
}
