//! The host is killed under commands that wait; they go on when it is back.

use crate::support::{Running, host};

#[test]
fn a_follower_outlives_the_host() {
    let (mut host, folder) = host();
    host.deploy("waiter");
    host.run(["start", "waiter", "--id", "w"]);
    let following = Running::start(host.client(["history", "w", "--follow"]));
    let mut lines = vec![following.line(), following.line()];
    for _ in 0..2 {
        host.kill();
        assert!(following.note().starts_with(&format!("abide: lost the host at {}", host.url)));
        host.again(folder.path());
        assert_eq!(following.note(), format!("abide: the host at {} is back", host.url));
    }
    host.run(["signal", "w", "go", "1"]);
    let (status, rest) = following.end();
    assert_eq!(status, 0);
    lines.extend(rest);
    let whole: Vec<_> = host.run(["history", "w"]).lines().map(str::to_owned).collect();
    assert_eq!(lines, whole, "every event once and in order");
}

#[test]
fn waiting_for_a_result_outlives_the_host() {
    let (mut host, folder) = host();
    host.deploy("waiter");
    let waiting = Running::start(host.client(["start", "waiter", "--id", "w", "--wait"]));
    assert!(waiting.note().starts_with("started "));
    host.kill();
    assert!(waiting.note().starts_with("abide: lost the host"));
    host.again(folder.path());
    host.run(["signal", "w", "go", "\"done\""]);
    assert_eq!(waiting.end(), (0, vec!["\"done\"".to_owned()]));
}

#[test]
fn patience_has_an_end() {
    let (mut host, _folder) = host();
    host.deploy("waiter");
    host.run(["start", "waiter", "--id", "w"]);
    let following = Running::start(host.client(["history", "w", "--follow", "--reconnect-for", "300ms"]));
    following.line();
    host.kill();
    assert!(following.note().contains("lost the host"));
    assert!(following.note().contains("cannot reach the host"));
    assert_eq!(following.end().0, 3);
}
