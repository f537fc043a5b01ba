//! Forks from the command line, and a host that is killed after they are made.

use serde_json::json;

use crate::support::{host, told};

#[test]
fn forks_are_made_shown_and_one_is_kept() {
    let (mut host, folder) = host();
    host.deploy("waiter");
    host.run(["start", "waiter", "--id", "w"]);
    host.run(["signal", "w", "other", "1"]);
    let one = host.run(["fork", "w", "--at", "3", "--id", "again"]);
    assert!(one.starts_with("forked: run_") && one.ends_with("(waiter again) at event 3\n"), "{one}");
    assert!(host.run(["fork", "w", "--at", "3", "--id", "again"]).starts_with("is there already: run_"));
    let race = host.json(["fork", "again", "--at", "3", "--id", "r", "--times", "3"]);
    let runs: Vec<_> = race["forks"].as_array().unwrap().iter().map(|fork| fork["run"]["id"].clone()).collect();
    assert_eq!(runs, ["r-1", "r-2", "r-3"]);
    host.kill();
    host.again(folder.path());
    host.run(["signal", "r-2", "go", "\"r-2\""]);
    assert_eq!(host.run(["result", "r-2", "--wait"]), "\"r-2\"\n");
    assert!(host.run(["history", "r-2"]).contains("⑂ run forked"));

    let tree = host.run(["forks", "r-3"]);
    let lines: Vec<_> = tree.lines().collect();
    assert_eq!(lines.len(), 5, "{tree}");
    assert!(lines[0].starts_with("run_") && lines[0].contains("  w  running"), "{tree}");
    assert!(lines[1].starts_with("└─ run_") && lines[1].contains("  again  at 3  running"), "{tree}");
    assert!(lines[2].starts_with("   ├─ run_") && tree.contains("  r-2  at 3  completed"), "{tree}");
    assert_eq!(lines.iter().filter(|line| line.ends_with("  <") && line.contains("r-3")).count(), 1, "{tree}");
    assert_eq!(host.json(["forks", "w"])["forks"].as_array().map(Vec::len), Some(4));

    let kept = host.run(["keep", "r-2", "--reason", "it answered"]);
    assert_eq!(kept.lines().filter(|line| line.starts_with("asked to end: run_")).count(), 2, "{kept}");
    assert_eq!(told(&host.client(["result", "r-1", "--wait"]).output().unwrap()).0, 1);
    assert_eq!(host.json(["keep", "r-2"])["ended"], json!([]));
}

#[test]
fn what_cannot_be_is_refused_with_what_to_do() {
    let (host, _folder) = host();
    host.deploy("waiter");
    host.run(["start", "waiter", "--id", "w", "--signal", "go=1", "--wait"]);
    for (arguments, code, words) in [
        (["fork", "w", "--at", "99", "--times", "2"], 4, "99 is not between 1 and"),
        (["fork", "w", "--at", "1", "--times", "0"], 2, "1..=100"),
        (["fork", "w", "--at", "1", "--set-outcome", "yes"], 2, "`yes` is no JSON"),
        (["fork", "w", "--at", "1", "--set-failure", "broken"], 2, "CODE:MESSAGE"),
        (["fork", "w", "--at", "0", "--set-outcome", "1"], 4, "an outcome is given at one that is `call-requested`"),
        (["fork", "w", "--at", "1", "--version", "0123456789"], 4, "has no version `0123456789`"),
        (["fork", "w", "--at", "x", "--id", "a"], 2, "invalid value 'x'"),
        (["fork", "nobody", "--at", "1", "--id", "a"], 4, "there is no run with the id `nobody`"),
    ] {
        let (told, _, said) = told(&host.client(arguments).output().unwrap());
        assert_eq!(told, code, "{arguments:?}: {said}");
        assert!(said.contains(words), "{arguments:?}: {said}");
    }
    let (code, _, said) = told(&host.client(["keep", "w"]).output().unwrap());
    assert!(code == 4 && said.contains("is in no race"), "{said}");
    assert_eq!(host.run(["forks", "w"]).lines().count(), 1, "the run itself");
}
