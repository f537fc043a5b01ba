//! Some forks at once, of which one is kept.

use abide_model::{ErrorCode, RunRef, RunStatus};
use abide_runtime::view::{ForkRun, KeepRun};
use abide_tests::{LocalHost, ScriptedPerformer};
use serde_json::json;

use crate::goes_on::ParseId;
use crate::support::*;

async fn waiting(local: &LocalHost) -> RunRef {
    let run = local.start("waiter", "w", json!(null)).await;
    local.until_length(&run, 3).await;
    run
}

#[tokio::test]
async fn one_of_a_race_is_kept() {
    let local = host(&ScriptedPerformer::echoing()).await;
    let run = waiting(&local).await;
    let race = ForkRun { id: "r".parse_id(), times: Some(3), ..at(3) };
    let forked = try_fork(&local, &run, race.clone()).await.unwrap();
    let ids: Vec<_> = forked.forks.iter().map(|fork| fork.run.id.as_str()).collect();
    assert_eq!(ids, ["r-1", "r-2", "r-3"]);
    assert!(forked.forks.iter().all(|fork| fork.created && fork.run.fork_race == forked.race));
    assert!(forked.race.is_some());
    // Who asks again, without having heard of it, is told of the same forks.
    let again = try_fork(&local, &run, race.clone()).await.unwrap();
    assert_eq!(again.race, forked.race);
    assert!(
        again.forks.iter().zip(&forked.forks).all(|(one, other)| !one.created && one.run.run_id == other.run.run_id)
    );
    // One that was deleted is made again, in the same race.
    let [first, second, third] = [0, 1, 2].map(|number: usize| RunRef::Run(forked.forks[number].run.run_id));
    local.host.terminate(&local.tenant, &first, "").await.unwrap();
    local.host.delete(&local.tenant, &first).await.unwrap();
    let again = try_fork(&local, &run, race.clone()).await.unwrap();
    let created: Vec<_> = again.forks.iter().map(|fork| fork.created).collect();
    assert_eq!((created, again.race), (vec![true, false, false], forked.race));
    let first = RunRef::Run(again.forks[0].run.run_id);
    // Another request with the same id is none of them.
    let other = ForkRun { id: "r".parse_id(), times: Some(2), ..at(1) };
    assert_eq!(try_fork(&local, &run, other).await.unwrap_err().code, ErrorCode::RunAlreadyOpen);

    local.signal(&first, "go", json!("first")).await;
    assert_eq!(result(&local, &first).await, "first");
    let kept = local.host.keep(&local.tenant, &first, KeepRun::default()).await.unwrap();
    assert_eq!((kept.ended.len(), Some(kept.race)), (2, forked.race));
    for other in [&second, &third] {
        assert_eq!(local.result(other).await.status, RunStatus::Cancelled);
    }
    let kept = local.host.keep(&local.tenant, &first, KeepRun::default()).await.unwrap();
    assert_eq!(kept.ended, []);
    assert_eq!(row(&local, &run).await.status, RunStatus::Running, "the run is not in the race");
    let refused = local.host.keep(&local.tenant, &run, KeepRun::default()).await.unwrap_err();
    assert!(refused.code == ErrorCode::InvalidArgument && refused.message.contains("is in no race"), "{refused}");
}

#[tokio::test]
async fn the_others_may_be_terminated() {
    let local = host(&ScriptedPerformer::echoing()).await;
    let run = waiting(&local).await;
    let forked = try_fork(&local, &run, ForkRun { times: Some(5), ..at(3) }).await.unwrap();
    let kept = RunRef::Run(forked.forks[3].run.run_id);
    let keep = KeepRun { reason: Some("it is the best".into()), terminate: true };
    assert_eq!(local.host.keep(&local.tenant, &kept, keep).await.unwrap().ended.len(), 4);
    assert_eq!(row(&local, &kept).await.status, RunStatus::Running);
    for fork in forked.forks.iter().filter(|fork| RunRef::Run(fork.run.run_id) != kept) {
        let ended = local.result(&RunRef::Run(fork.run.run_id)).await;
        assert_eq!(ended.status, RunStatus::Terminated);
        assert!(format!("{:?}", ended.outcome).contains("it is the best"));
    }
    for times in [0, 101, u32::MAX] {
        let refused = try_fork(&local, &run, ForkRun { times: Some(times), ..at(3) }).await.unwrap_err();
        assert!(refused.message.contains("give 1 to 100"), "{refused}");
    }
    let long = ForkRun { id: "x".repeat(199).as_str().parse_id(), times: Some(2), ..at(3) };
    assert_eq!(try_fork(&local, &run, long).await.unwrap_err().code, ErrorCode::InvalidArgument);
}
