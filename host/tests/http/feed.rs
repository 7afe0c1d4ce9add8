//! The change feed and waiting for it, on virtual time.

use std::time::Duration;

use serde_json::json;
use tandem_host::store::ChangeEntry;
use tokio::time::Instant;

use crate::world::World;

fn change(sequence: u64) -> ChangeEntry {
    ChangeEntry { sequence, calendar: "work".into(), uid: "a".into(), revision: 2, deleted: true, at_ms: 5 }
}

#[tokio::test]
async fn changes_are_paged_by_sequence() {
    let world = World::new();
    world.rows().changes = vec![change(1), change(4), change(9)];
    let first = world.get("changes?limit=2").await.ok(200);
    assert_eq!((&first["next"], &first["more"]), (&json!(4), &json!(true)));
    let entry = json!({"sequence": 1, "calendar": "work", "uid": "a", "revision": 2, "deleted": true, "atMs": 5});
    assert_eq!(first["items"][0], entry);
    let second = world.get("changes?limit=2&since=4").await.ok(200);
    assert_eq!((&second["next"], &second["more"]), (&json!(9), &json!(false)));
    assert_eq!(world.get("changes?since=9").await.ok(200), json!({"items": [], "next": 9, "more": false}));
    for query in ["since=-1", "since=x", "since=9223372036854775808", "wait=51", "limit=0", "limit=1001"] {
        world.get(&format!("changes?{query}")).await.problem(400, "invalid-parameter");
    }
}

#[tokio::test(start_paused = true)]
async fn wait_ends_after_its_time_with_nothing() {
    let world = World::new();
    let started = Instant::now();
    let answer = world.get("changes?since=3&wait=50").await.ok(200);
    assert_eq!(answer, json!({"items": [], "next": 3, "more": false}));
    assert_eq!(started.elapsed().as_secs(), 50);
}

#[tokio::test(start_paused = true)]
async fn wait_ends_when_a_change_arrives_from_a_provider() {
    let world = World::new();
    let started = Instant::now();
    let (answer, ()) = tokio::join!(world.get("changes?wait=50"), async {
        tokio::time::sleep(Duration::from_secs(7)).await;
        world.rows().changes.push(change(1));
    });
    assert_eq!(answer.ok(200)["next"], 1);
    assert!(started.elapsed() <= Duration::from_millis(7_500), "{:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn wait_ends_at_once_when_the_api_made_the_change() {
    let world = World::new();
    let started = Instant::now();
    let (answer, ()) = tokio::join!(world.get("changes?wait=50"), async {
        tokio::time::sleep(Duration::from_millis(7_010)).await;
        world.rows().changes.push(change(1));
        world.json("PUT", "calendars/work/events/a", json!({})).await.ok(200);
    });
    assert_eq!(answer.ok(200)["next"], 1);
    assert_eq!(started.elapsed(), Duration::from_millis(7_010));
}

#[tokio::test(start_paused = true)]
async fn wait_ends_when_the_server_closes() {
    let world = World::new();
    let started = Instant::now();
    let (answer, ()) = tokio::join!(world.get("changes?wait=50"), async {
        tokio::time::sleep(Duration::from_millis(10)).await;
        world.api.close();
    });
    answer.ok(200);
    assert_eq!(started.elapsed(), Duration::from_millis(10));
}

#[tokio::test(start_paused = true)]
async fn too_many_waiting_calls_are_refused() {
    let world = std::sync::Arc::new(World::new());
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..tandem_host::http::limits::WAITING {
        let world = world.clone();
        waiting.spawn(async move { world.get("changes?wait=1").await.status });
    }
    tokio::time::sleep(Duration::from_millis(1)).await;
    let refused = world.get("changes?wait=1").await;
    refused.problem(503, "too-many-waiting");
    assert_eq!(refused.header("retry-after"), "1");
    world.get("changes").await.ok(200);
    assert!(waiting.join_all().await.iter().all(|status| *status == 200));
    world.get("changes?wait=1").await.ok(200);
}
