//! Busy-only replicas show when, and nothing of what.

use tandem_engine::effects::ReplicaMode;
use tandem_tests::world::{OUTLOOK, meeting};

use super::{google, idle, outlook, quiet, three};

#[test]
fn a_busy_only_replica_shows_busy_and_no_detail() {
    let mut world = three();
    world.memory.replicas.get_mut(OUTLOOK).unwrap().mode = ReplicaMode::BusyOnly;
    let mut event = meeting("a@app", "secret plan", "2026-03-03T09:00:00");
    event["description"] = "nobody may read this".into();
    world.create(&event).unwrap();
    idle(&mut world);
    assert_eq!(google(&world)[0]["summary"], "secret plan");
    let shown = outlook(&world);
    assert_eq!((shown.len(), shown[0]["subject"].as_str()), (1, Some("Busy")));
    let text = serde_json::to_string(&world.microsoft.truth(tandem_tests::world::ACCOUNT)).unwrap();
    assert!(!text.contains("secret plan") && !text.contains("nobody may read"), "{text}");
    quiet(&mut world);
}
