//! Configurations that cannot be used say why, and none shows a secret.

use std::path::Path;
use std::sync::Arc;

use abide_activities::{Activities, ActivitiesConfig};
use abide_model::{ErrorCode, SystemClock};

#[tokio::test]
async fn a_wrong_configuration_says_what_to_do() {
    for (toml, problem) in [
        ("default_llm = \"a\"", "`default_llm` names `a`, but there is none at all"),
        ("[llm.a]\nkind = \"openai\"\nbase_url = \"localhost\"", "`llm.a.base_url` is no URL"),
        (
            "[llm.a]\nkind = \"openai\"\napi_key = \"x\"\napi_key_env = \"X\"",
            "`llm.a` has more than one of `api_key`, `api_key_env` and `api_key_secret`",
        ),
        (
            "[llm.a]\nkind = \"openai\"\napi_key_env = \"ABIDE_NO_SUCH\"",
            "`llm.a.api_key_env` names the environment variable `ABIDE_NO_SUCH`, which is not set",
        ),
        ("[llm.a]\nkind = \"openai\"\nretry = { jitter = 2.0 }", "`llm.a.jitter` must be a number from 0 to 1"),
        ("[llm.a]\nkind = \"openai\"\nmax_concurrent = 0", "`llm.a.max_concurrent` must be 1 or more"),
        ("[llm.a]\nkind = \"openai\"\nheaders = { \"a b\" = \"x\" }", "`llm.a.headers.a b` is no name of a header"),
        (
            "[llm.a]\nkind = \"openai\"\nheaders = { a = \"secret\\n\" }",
            "`llm.a.headers.a` has a value that no header can have",
        ),
        ("[llm.\"a/b\"]\nkind = \"openai\"", "`llm` has a provider `a/b`"),
        (
            "[llm.a]\nkind = \"scripted\"\nfile = \"no-such.json\"",
            "`llm.a.file` cannot be used: `./no-such.json` cannot be read",
        ),
        ("[tools.a]\nkind = \"mcp-stdio\"", "`tools.a.command` is missing"),
        (
            "[tools.a]\nkind = \"mcp-http\"\nurl = \"https://u:secret@x/\"",
            "`tools.a.url` must not have a user or a password",
        ),
        ("[tools.a]\nkind = \"http\"\nbase_url = \"http://x/?secret\"", "`tools.a.base_url` must not have a query"),
        (
            "[tools.a]\nkind = \"http\"\nbase_url = \"http://x\"\n[[tools.a.tool]]\nname = \"t\"\nmethod = \"GRAB\"\npath = \"/\"",
            "`tools.a.tool.t.method` must be",
        ),
        (
            "[tools.a]\nkind = \"http\"\nbase_url = \"http://x\"\n[[tools.a.tool]]\nname = \"t\"\nmethod = \"GET\"\npath = \"x\"",
            "`tools.a.tool.t.path` must begin with `/`",
        ),
        (
            "[tools.a]\nkind = \"http\"\nbase_url = \"http://x\"\n[[tools.a.tool]]\nname = \"t\"\nmethod = \"GET\"\npath = \"/\"\ninput_schema = \"{\"",
            "`tools.a.tool.t.input_schema` is no JSON",
        ),
        ("[workers.a]\nlease_ms = 9", "`workers.a.lease_ms` must be 10 or more"),
        ("[workers.a]\nmax_per_second = 0.0", "`workers.a.max_per_second` must be a number above 0"),
        ("[workers.a]\nschedule_to_start_timeout_ms = 0", "`workers.a.schedule_to_start_timeout_ms` must be 1 or more"),
        ("[workers.a]\nmax_concurrent = 0", "`workers.a.max_concurrent` must be 1 or more"),
        ("[workers.a]\n[[workers.a.tool]]\nname = \"a b\"", "`workers.a.tool.a b` has a name that is not"),
        (
            "[workers.a]\n[tools.a]\nkind = \"http\"\nbase_url = \"http://x\"",
            "`tools.a` has the name of `[workers.a]`: rename one",
        ),
        ("public_url = \"abide.example\"", "`public_url` is no URL"),
        ("[http]\nallow = [\"https://x\"]", "`http.allow[0]` is `https://x`: give a host"),
    ] {
        let config: ActivitiesConfig = toml::from_str(toml).unwrap();
        let error = Activities::new(config, Path::new("."), Arc::new(SystemClock)).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidConfig, "{toml}");
        assert!(error.message.starts_with(problem), "{}", error.message);
        // The name of a key is no secret.
        assert!(!error.message.replace("api_key_secret", "").contains("secret"), "{}", error.message);
    }
}

#[test]
fn unknown_keys_are_refused_and_named() {
    for (toml, problem) in [
        ("[llm.a]\nkind = \"openai\"\nbas_url = \"x\"", "unknown field `bas_url`"),
        ("[llm.a]\nkind = \"gemini\"", "unknown variant `gemini`, expected `openai` or `scripted`"),
        ("[llm.a]\nkind = \"scripted\"", "missing field `file`"),
        ("[tools.a]\nkind = \"mcp\"", "expected one of `mcp-stdio`, `mcp-http`, `http`"),
        ("[tools.a]\nkind = \"http\"\n[[tools.a.tool]]\nname = \"x\"", "missing field `method`"),
        ("[http]\nallowed = []", "unknown field `allowed`"),
        ("[llm.a]\nkind = \"openai\"\nretry = { tries = 3 }", "unknown field `tries`"),
    ] {
        let error = toml::from_str::<ActivitiesConfig>(toml).unwrap_err().to_string();
        assert!(error.contains(problem), "{error}");
    }
}

#[test]
fn debug_output_has_no_secrets() {
    let toml = "[llm.a]\nkind = \"openai\"\napi_key = \"sk-1\"\nheaders = { a = \"sk-2\" }\n\
        [tools.a]\nkind = \"mcp-stdio\"\ncommand = \"x\"\nenv = { KEY = \"sk-3\" }";
    let config: ActivitiesConfig = toml::from_str(toml).unwrap();
    assert!(!format!("{config:?}").contains("sk-"));
}

#[test]
fn openai_is_added_only_where_something_is_given() {
    let mut config = ActivitiesConfig::default();
    config.add_openai(Some(String::new()), None, None);
    assert!(config.llm.is_empty());
    config.add_openai(None, Some("sk-1".to_owned()), Some("m".to_owned()));
    let shown = format!("{:?}", config.llm["openai"]);
    assert!(
        shown.contains("https://api.openai.com/v1") && shown.contains("\"m\"") && !shown.contains("sk-1"),
        "{shown}"
    );
    config.add_openai(Some("http://127.0.0.1:1/v1".to_owned()), None, None);
    assert!(!format!("{config:?}").contains("127.0.0.1"), "what is configured stays");
}

#[test]
fn the_only_provider_stays_the_default_when_openai_is_added() {
    let toml = "[llm.mine]\nkind = \"scripted\"\nfile = \"a.json\"";
    let mut config: ActivitiesConfig = toml::from_str(toml).unwrap();
    config.add_openai(None, Some("sk-1".to_owned()), None);
    assert_eq!((config.default_llm.as_deref(), config.llm.len()), (Some("mine"), 2));
}

#[tokio::test]
async fn the_examples_are_valid() {
    for example in ["helpdesk", "researcher"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(example);
        let toml = std::fs::read_to_string(folder.join("abide.toml")).unwrap();
        let config: ActivitiesConfig = toml::from_str(&toml).unwrap();
        Activities::new(config, &folder, Arc::new(SystemClock)).unwrap();
    }
}
