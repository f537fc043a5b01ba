//! Every scenario of `tests/scenarios`, on a host that lives and on one that dies at each of its commits. A scenario is a file that says what is
//! asked of a host; beside it stand the histories that come of it. `ABIDE_UPDATE_SCENARIOS=1` writes those anew: read what changed.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use abide_history::RedbStore;
use abide_model::{RunRef, Tenant};
use abide_runtime::view::ReplayVerdict;
use abide_tests::scenario::{Player, Scenario, ends, file, folder, told};
use abide_tests::{FreezeAt, FreezingStore, copy_folder};
use tempfile::TempDir;
use tokio::runtime::Runtime;

const PATIENCE: Duration = Duration::from_secs(60);

macro_rules! scenarios {
    ($($name:ident)*) => {
        $(mod $name {
            #[test]
            fn has_its_histories() {
                super::lives(stringify!($name));
            }

            #[test]
            fn ends_alike_wherever_the_host_dies() {
                super::dies(stringify!($name));
            }
        })*

        #[test]
        fn every_file_is_a_test() {
            let names = BTreeSet::from([$(stringify!($name).to_owned()),*]);
            let files = std::fs::read_dir(folder()).unwrap().map(|file| file.unwrap().path());
            let toml = files.filter(|path| path.extension().is_some_and(|extension| extension == "toml"));
            let stem = |path: std::path::PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
            assert_eq!(toml.map(stem).collect::<BTreeSet<_>>(), names);
        }
    };
}

scenarios! {
    c
    cancellation
    chat
    child_ended_before
    child_failure
    children
    close_policies
    continue_as_new
    forks
    ids
    javascript
    javascript_ends
    other_runs
    patched
    plain
    program
    program_javascript
    program_p3
    program_python
    python
    queries
    races
    recorded_values
    repair
    reset
    run_timeout
    saga
    saga_cancelled
    search
    signals
    swap
    updates
}

fn store(data: &Path) -> Arc<RedbStore> {
    Arc::new(RedbStore::open(data).unwrap())
}

async fn replays(player: &Player, place: &str) {
    for run in player.host.runs(&Tenant::default(), &Default::default(), None, 1000).await.unwrap().runs {
        let report = player.host.replay(&Tenant::default(), &RunRef::Run(run.run_id), None).await.unwrap();
        assert_eq!(report.verdict, ReplayVerdict::Identical, "{place}: {report:?}");
    }
}

/// Plays a scenario, and compares the histories.
fn lives(name: &str) {
    let scenario = Scenario::read(name);
    let root = TempDir::new().unwrap();
    // One thread, so that what is done at the same time comes to its end in the order in which it was begun.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let root = root.path().to_owned();
        let player = Player::open(&scenario, root.clone(), store(&root.join("data")), false).await;
        player.deploy().await;
        let player = player.play().await;
        player.settle().await;
        replays(&player, name).await;
        let told = told(&player.host).await;
        let expected = file(name, "history");
        if std::env::var_os("ABIDE_UPDATE_SCENARIOS").is_some() {
            std::fs::write(&expected, &told).unwrap();
        }
        let expected = std::fs::read_to_string(&expected).unwrap_or_default();
        assert!(told == expected, "{}: the histories are\n{told}they should be\n{expected}", scenario.about);
        player.host.shutdown().await;
    });
}

/// Has the host die before and after each commit of a scenario. Each time the steps are played again from the first, as by somebody who
/// had no answer, and every run ends as it did without a death.
fn dies(name: &str) {
    let scenario = Scenario::read(name);
    let root = TempDir::new().unwrap();
    let root = root.path();
    let template = root.join("template");
    let expected = Runtime::new().unwrap().block_on(async {
        let player = Player::open(&scenario, root.to_owned(), store(&template), false).await;
        player.deploy().await;
        player.host.shutdown().await;
        drop(player);
        let text = std::fs::read_to_string(file(name, "history")).unwrap_or_default();
        text.lines().filter(|line| !line.is_empty() && !line.starts_with(' ')).map(str::to_owned).collect::<Vec<_>>()
    });
    let mut number = 0;
    loop {
        number += 1;
        let mut any = false;
        for freeze in [FreezeAt::Before(number), FreezeAt::After(number)] {
            let place = freeze.to_string();
            let data = copy_folder(&template, &root.join(place.replace(':', "-"))).unwrap();
            any |= until_frozen(&scenario, root, &data, freeze);
            Runtime::new().unwrap().block_on(async {
                let player = Player::open(&scenario, root.to_owned(), store(&data), true).await;
                let player = player.play().await;
                player.settle().await;
                assert_eq!(ends(&player.host).await, expected, "{place}");
                replays(&player, &place).await;
                player.host.shutdown().await;
            });
        }
        if !any {
            break;
        }
    }
    assert!(number > 2, "the host was stopped at {} commits only", number - 1);
}

/// Plays a scenario until its store freezes, and gives whether it did. Dropping the runtime is the death of the host: whatever waits for a
/// commit never hears of it.
fn until_frozen(scenario: &Scenario, root: &Path, data: &Path, freeze: FreezeAt) -> bool {
    let runtime = Runtime::new().unwrap();
    let frozen = runtime.block_on(async {
        let store = Arc::new(FreezingStore::new(store(data), Some(freeze)));
        let player = Player::open(scenario, root.to_owned(), store.clone(), true).await;
        tokio::select! {
            () = store.freezes() => {}
            () = async { player.play().await.settle().await } => {}
        }
        store.is_frozen()
    });
    runtime.shutdown_timeout(PATIENCE);
    frozen
}
