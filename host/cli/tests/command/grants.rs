//! Grants and manifests from the command line, over a host that is killed in between.

use std::fs;

use serde_json::json;

use crate::support::{guest, host, told};

#[test]
fn grants_are_given_shown_and_taken_back() {
    let (mut host, folder) = host();
    host.run(["tenants", "create", "acme"]);
    let add = ["grants", "add", "--tenant", "acme", "llm:openai/*", "http:GET api.example.com/v1/"];
    assert_eq!(host.run(add), "llm:openai/*\nhttp:GET api.example.com/v1/\n");
    host.kill();
    host.again(folder.path());
    let shown = host.json(["grants", "show", "--tenant", "acme"]);
    assert_eq!(shown, json!({"allow": ["llm:openai/*", "http:GET api.example.com/v1/"]}));
    let removed = host.run(["grants", "remove", "--tenant", "acme", "llm:openai/*"]);
    assert_eq!(removed, "http:GET api.example.com/v1/\n");

    for (arguments, words) in [
        (["grants", "add", "--tenant", "acme", "gpt-5"], "is no right"),
        (["grants", "add", "--tenant", "acme", "http:GET api.example.com/v1/../"], "is no path"),
        (["grants", "remove", "--tenant", "acme", "llm:openai/*"], "was not granted"),
        (["grants", "remove", "--tenant", "acme", "http:GET api.example.com/v1/a/"], "it has it by"),
        (["grants", "add", "--tenant", "default", "llm:*"], "has everything"),
        (["grants", "add", "--tenant", "nobody", "llm:*"], "nobody"),
    ] {
        let (status, _, stderr) = told(&host.client(arguments).output().unwrap());
        assert!(status != 0 && stderr.contains(words), "{arguments:?}: {stderr}");
    }
}

#[test]
fn a_manifest_comes_with_the_file() {
    let (host, folder) = host();
    let manifest = folder.path().join("manifest.json");
    fs::write(&manifest, r#"{"asks": ["llm:openai/*", "env:LANG"]}"#).unwrap();
    let (waiter, manifest) = (guest("waiter"), manifest.to_str().unwrap().to_owned());
    let deploy = ["deploy", waiter.to_str().unwrap(), "--label", "v1", "--manifest", &manifest];
    host.run(deploy);
    let described = host.run(["versions", "describe", "waiter", "v1"]);
    assert!(described.contains("asks for   llm:openai/*\nasks for   env:LANG\n"), "{described}");
    host.run(["tenants", "set", "default", "grants", r#"{"allow": ["llm:house/*"]}"#]);
    let (status, _, stderr) = told(&host.client(deploy).output().unwrap());
    assert_eq!(status, 4, "{stderr}");
    assert!(stderr.contains("abide grants add --tenant default 'llm:openai/*'"), "{stderr}");
    fs::write(&manifest, r#"{"asks": "all"}"#).unwrap();
    let (status, _, stderr) = told(&host.client(deploy).output().unwrap());
    assert!(status == 2 && stderr.contains("this is no manifest"), "{stderr}");
}
