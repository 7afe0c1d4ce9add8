//! One-way replicas: what goes which way, and what never leaves.

use serde_json::json;
use tandem_engine::effects::{ConflictPolicy, ReplicaMode};
use tandem_tests::world::{ACCOUNT, World, meeting};

use super::{codes, document, idle, in_step, made_there, only_id, quiet, world_with};

fn titles(world: &World) -> Vec<String> {
    let mut titles: Vec<String> =
        world.google.truth(ACCOUNT).iter().map(|event| event["summary"].as_str().unwrap_or("").to_owned()).collect();
    titles.sort();
    titles
}

#[test]
fn pull_takes_local_edits_and_deletions_back_and_never_writes() {
    let mut world = world_with(ReplicaMode::Pull, ConflictPolicy::Local);
    made_there(&world, "kept", 3);
    let id = made_there(&world, "edited here", 4);
    in_step(&mut world, "at the beginning");
    let uid = world.titled("edited here").unwrap().0.uid;
    world.patch(&uid, &json!({"title": "mine", "start": "2026-03-04T20:00:00"})).unwrap();
    let kept = world.titled("kept").unwrap().0.uid;
    world.delete(&kept).unwrap();
    in_step(&mut world, "both are taken back");
    assert!(world.titled("edited here").is_some() && world.titled("kept").is_some());
    world.patch(&uid, &json!({"title": "mine"})).unwrap();
    world.google.user_patch(ACCOUNT, &id, &json!({"summary": "theirs"})).unwrap();
    in_step(&mut world, "the provider is right");
    world.google.user_delete(ACCOUNT, &id).unwrap();
    in_step(&mut world, "a deletion comes too");
    assert_eq!(world.google.counters().writes, 0);
    quiet(&mut world, "pull");
}

#[test]
fn pull_keeps_what_only_the_application_has_to_itself() {
    let mut world = world_with(ReplicaMode::Pull, ConflictPolicy::Newest);
    made_there(&world, "theirs", 3);
    idle(&mut world);
    world.create(&meeting("own@app", "own", "2026-03-05T09:00:00")).unwrap();
    idle(&mut world);
    assert_eq!((world.google.counters().writes, titles(&world)), (0, vec!["theirs".to_owned()]));
    assert!(world.titled("own").is_some());
}

#[test]
fn push_overwrites_remote_edits_and_recreates_what_was_deleted_there() {
    let mut world = world_with(ReplicaMode::Push, ConflictPolicy::Remote);
    idle(&mut world);
    world.create(&meeting("a@app", "ours", "2026-03-03T09:00:00")).unwrap();
    in_step(&mut world, "created");
    let id = only_id(&world);
    world.google.user_patch(ACCOUNT, &id, &json!({"summary": "theirs"})).unwrap();
    in_step(&mut world, "overwritten");
    assert_eq!(titles(&world), ["ours"]);
    world.google.user_delete(ACCOUNT, &id).unwrap();
    in_step(&mut world, "created again");
    assert_eq!(titles(&world), ["ours"]);
    assert_ne!(only_id(&world), id);
    world.delete("a@app").unwrap();
    in_step(&mut world, "deleted");
    assert!(titles(&world).is_empty());
    quiet(&mut world, "push");
}

#[test]
fn push_leaves_what_others_put_there_alone() {
    let mut world = world_with(ReplicaMode::Push, ConflictPolicy::Newest);
    made_there(&world, "private of Ada", 3);
    idle(&mut world);
    world.create(&meeting("a@app", "ours", "2026-03-04T09:00:00")).unwrap();
    idle(&mut world);
    assert_eq!(titles(&world), ["ours", "private of Ada"]);
    assert_eq!(world.local().len(), 1);
    quiet(&mut world, "push");
}

#[test]
fn busy_only_shows_times_and_nothing_else() {
    let mut world = world_with(ReplicaMode::BusyOnly, ConflictPolicy::Newest);
    idle(&mut world);
    let mut secret = meeting("a@app", "SECRET merger", "2026-03-03T09:00:00");
    secret["description"] = json!("SECRET notes");
    secret["locations"] = json!({"1": {"name": "SECRET room"}});
    secret["keywords"] = json!({"SECRET": true});
    secret["participants"] =
        json!({"x": {"email": "SECRET@example.com", "name": "SECRET", "roles": {"attendee": true}}});
    secret["alerts"] = json!({"1": {"trigger": {"offset": "-PT5M"}}});
    secret["google.com:private"] = json!({"k": "SECRET"});
    secret["recurrenceRules"] = json!([{"frequency": "daily", "count": 5}]);
    secret["recurrenceOverrides"] = json!({
        "2026-03-04T09:00:00": {"title": "SECRET too", "start": "2026-03-04T12:00:00"},
        "2026-03-05T09:00:00": {"excluded": true},
        "2026-03-06T09:00:00": {"description": "SECRET three"},
    });
    world.create(&secret).unwrap();
    idle(&mut world);
    assert!(codes(&world).is_empty(), "{:?}", codes(&world));
    let rows = serde_json::to_string(&world.google.rows(ACCOUNT)).unwrap();
    assert!(!rows.contains("SECRET"), "{rows}");
    assert!(rows.contains("Busy") && rows.contains("private"));
    let seen = tandem_tests::agenda::remote(&world);
    let times: Vec<i64> = seen.keys().map(|one| one.0).collect();
    let here: Vec<i64> = tandem_tests::agenda::local(&mut world).keys().map(|one| one.0).collect();
    assert_eq!(times, here, "the times are the same");
    assert_eq!(document(&world, "SECRET merger")["description"], "SECRET notes", "the application keeps everything");
    quiet(&mut world, "busy-only");
}

#[test]
fn busy_only_writes_a_move_and_no_renaming() {
    let mut world = world_with(ReplicaMode::BusyOnly, ConflictPolicy::Newest);
    idle(&mut world);
    world.create(&meeting("a@app", "SECRET", "2026-03-03T09:00:00")).unwrap();
    idle(&mut world);
    let writes = world.google.counters().writes;
    world.patch("a@app", &json!({"title": "SECRET again", "description": "SECRET"})).unwrap();
    idle(&mut world);
    assert_eq!(world.google.counters().writes, writes, "nothing that may be seen changed");
    world.patch("a@app", &json!({"start": "2026-03-03T15:00:00"})).unwrap();
    idle(&mut world);
    assert_eq!(world.google.counters().writes, writes + 1);
    let id = only_id(&world);
    world.google.user_patch(ACCOUNT, &id, &json!({"summary": "what is this?"})).unwrap();
    idle(&mut world);
    assert_eq!(titles(&world), ["Busy"]);
    assert!(world.titled("SECRET again").is_some());
    quiet(&mut world, "busy-only");
}
