//! Overrides that the application writes with paths into a property (RFC 8984 1.4.9). A side calls places, people and
//! alerts by keys of its own, so what is kept and sent is the whole property.

use serde_json::{Value, json};
use tandem_engine::editing::{Action, Edit, EditError, Scope};
use tandem_engine::effects::{ConflictPolicy, PushEntry, ReplicaMode};
use tandem_tests::agenda::local;
use tandem_tests::person::google::GooglePerson;
use tandem_tests::person::microsoft::OutlookPerson;
use tandem_tests::person::{Change, Person, Place};
use tandem_tests::world::{ACCOUNT, BEGINNING_MS, CALENDAR, Sides, World, edit_of, meeting};

use super::{document, idle};

const UID: &str = "s@app";
const THIRD: &str = "2026-03-17T09:00:00";
const SECOND: &str = "2026-03-10T09:00:00";

/// A weekly series of three in a room with this key, on both sides.
fn series(sides: Sides, key: &str) -> (World, Box<dyn Person>) {
    let person: fn(&World) -> Box<dyn Person> = match sides.google {
        Some(_) => |world| Box::new(GooglePerson::new(&world.google)),
        None => |world| Box::new(OutlookPerson::new(&world.microsoft)),
    };
    let mut world = World::of(sides, ReplicaMode::TwoWay, ConflictPolicy::Newest);
    idle(&mut world);
    let mut series = meeting(UID, "series", "2026-03-03T09:00:00");
    series["recurrenceRules"] = json!([{"frequency": "weekly", "count": 3}]);
    series["locations"] = json!({key: {"name": "Room", "description": "upstairs"}});
    series["alerts"] = json!({"bell": {"trigger": {"offset": "-PT30M"}}});
    world.create(&series).unwrap();
    idle(&mut world);
    let person = person(&world);
    (world, person)
}

fn at_second(patch: &Value) -> Value {
    json!({"recurrenceOverrides": {SECOND: patch}})
}

/// Where each occurrence is, on both sides the same.
fn places(world: &mut World, person: &dyn Person) -> Vec<String> {
    let seen = person.sees((BEGINNING_MS, BEGINNING_MS + 60 * 86_400_000));
    let there: Vec<String> = seen.into_iter().map(|one| one.location).collect();
    let here: Vec<String> = local(world).into_keys().map(|one| one.3).collect();
    assert_eq!(here, there, "the application (left) and the provider (right) differ");
    there
}

/// Nothing waits, and nothing more is written.
fn rests(world: &mut World, person: &dyn Person) {
    idle(world);
    assert!(world.memory.failures.is_empty() && world.memory.conflicts.is_empty());
    let writes = person.writes();
    world.poll().unwrap();
    world.poll().unwrap();
    assert_eq!(person.writes(), writes, "an echo");
}

fn refused(world: &mut World, action: Action) -> (&'static str, String) {
    let before = world.memory.events.clone();
    let EditError::Invalid(why) = world.edit(&edit_of(Some(UID), action)).unwrap_err() else { panic!() };
    assert_eq!(world.memory.events, before);
    (why[0].code, why[0].pointer.clone())
}

fn instance(world: &World) -> Value {
    let id = world.google.truth(ACCOUNT)[0]["id"].as_str().unwrap().to_owned();
    world.google.event(ACCOUNT, &format!("{id}_20260310T080000Z")).unwrap()
}

#[test]
fn a_path_of_the_application_reaches_the_provider_and_gives_way_to_its_user() {
    for sides in [Sides::google(), Sides::microsoft()] {
        // The key of the application, and the one that a provider's place gets.
        for key in ["room", "1"] {
            let (mut world, person) = series(sides.clone(), key);
            let path = format!("locations/{key}/name");
            world.patch(UID, &at_second(&json!({path.clone(): "Hall"}))).unwrap();
            let kept = json!({"locations": {key: {"name": "Hall", "description": "upstairs"}}});
            assert_eq!(document(&world, "series")["recurrenceOverrides"][SECOND], kept);
            rests(&mut world, person.as_ref());
            assert_eq!(places(&mut world, person.as_ref()), ["Room", "Hall", "Room"], "{key}");
            let at = Place { recurrence_id: SECOND.into(), utc: Some("2026-03-10T08:00:00Z".into()) };
            person.this(0, &at, &Change::new(json!({"location": "Studio"})));
            rests(&mut world, person.as_ref());
            assert_eq!(places(&mut world, person.as_ref()), ["Room", "Studio", "Room"], "{key}");
            // What an occurrence says of a property it says of the whole of it, whatever the series says later.
            world.patch(UID, &json!({"locations": {key: {"name": "Cellar"}}})).unwrap();
            rests(&mut world, person.as_ref());
            assert_eq!(places(&mut world, person.as_ref()), ["Cellar", "Studio", "Cellar"], "{key}");
        }
    }
}

#[test]
fn a_path_that_is_taken_out_again_leaves_no_override() {
    for sides in [Sides::google(), Sides::microsoft()] {
        let (mut world, person) = series(sides, "room");
        for place in ["Hall", "Annex"] {
            world.patch(UID, &at_second(&json!({"locations/room/name": place}))).unwrap();
            rests(&mut world, person.as_ref());
            assert_eq!(places(&mut world, person.as_ref()), ["Room", place, "Room"]);
        }
        world.patch(UID, &at_second(&json!({"locations/room/name": null}))).unwrap();
        rests(&mut world, person.as_ref());
        assert!(document(&world, "series")["recurrenceOverrides"].is_null());
        assert_eq!(places(&mut world, person.as_ref()), ["Room", "Room", "Room"]);
    }
}

#[test]
fn people_and_alerts_have_paths_too() {
    let (mut world, person) = series(Sides::google(), "room");
    let guest = |name: &str| json!({"name": name, "email": format!("{name}@example.com"), "roles": {"attendee": true}});
    world.patch(UID, &json!({"participants": {"a/b": guest("eve"), "bob": guest("bob")}})).unwrap();
    rests(&mut world, person.as_ref());
    let paths = json!({
        "participants/a~1b": null, "participants/bob/name": "Robert", "participants/new": guest("new"),
        "alerts/bell/trigger/offset": "-PT5M",
    });
    let mut whole = document(&world, "series");
    whole["recurrenceOverrides"] = json!({SECOND: paths});
    world.edit(&edit_of(Some(UID), Action::Replace(whole.to_string()))).unwrap();
    rests(&mut world, person.as_ref());
    let there = instance(&world);
    let names: Vec<&str> =
        there["attendees"].as_array().unwrap().iter().map(|who| who["displayName"].as_str().unwrap()).collect();
    assert_eq!(names, ["Robert", "new"]);
    assert_eq!(there["reminders"]["overrides"][0]["minutes"], 5);
}

#[test]
fn every_way_in_makes_whole_properties_of_paths() {
    let hall = json!({"locations/room/name": "Hall"});
    let kept = json!({"locations": {"room": {"name": "Hall", "description": "upstairs"}}});
    let (mut world, person) = series(Sides::google(), "room");
    let mut whole = document(&world, "series");
    whole["recurrenceOverrides"] = json!({SECOND: hall});
    // Replaced, and made anew.
    world.edit(&edit_of(Some(UID), Action::Replace(whole.to_string()))).unwrap();
    assert_eq!(document(&world, "series")["recurrenceOverrides"][SECOND], kept);
    rests(&mut world, person.as_ref());
    assert_eq!(places(&mut world, person.as_ref()), ["Room", "Hall", "Room"]);
    whole["uid"] = "new@app".into();
    whole["title"] = "another".into();
    world.create(&whole).unwrap();
    assert_eq!(document(&world, "another")["recurrenceOverrides"][SECOND], kept);
    // All that follows.
    let rest = json!({"title": "rest", "recurrenceOverrides": {THIRD: hall}});
    let split = Edit {
        recurrence_id: Some(SECOND.into()),
        scope: Scope::ThisAndFollowing,
        ..edit_of(Some("new@app"), Action::Patch(rest.to_string()))
    };
    world.edit(&split).unwrap();
    assert_eq!(document(&world, "rest")["recurrenceOverrides"][THIRD], kept);
    // One occurrence, and what a path in its own patch means.
    let one = |patch: Value| Edit {
        recurrence_id: Some(THIRD.into()),
        scope: Scope::This,
        ..edit_of(Some(UID), Action::Patch(patch.to_string()))
    };
    world.edit(&one(hall)).unwrap();
    assert_eq!(document(&world, "series")["recurrenceOverrides"][THIRD], kept);
    idle(&mut world);
}

#[test]
fn a_path_that_leads_nowhere_is_refused() {
    let (mut world, _) = series(Sides::google(), "room");
    for path in ["locations/hall/name", "title/x", "color/x", "/title", "recurrenceRulez/0"] {
        let (code, pointer) = refused(&mut world, Action::Patch(at_second(&json!({path: "x"})).to_string()));
        let last = path.replace('/', "~1");
        assert_eq!((code, pointer), ("bad-path", format!("/recurrenceOverrides/{SECOND}/{last}")));
    }
    // Nobody knows which of the two counts.
    let mut whole = document(&world, "series");
    whole["recurrenceOverrides"] = json!({SECOND: {"locations": {"1": {"name": "A"}}, "locations/1/name": "B"}});
    let (code, pointer) = refused(&mut world, Action::Replace(whole.to_string()));
    assert_eq!((code, pointer), ("bad-path", format!("/recurrenceOverrides/{SECOND}/locations~11~1name")));
    // What no occurrence can have is ignored.
    world.patch(UID, &at_second(&json!({"recurrenceRules/0/count": 7}))).unwrap();
    assert!(document(&world, "series")["recurrenceOverrides"].is_null());
    idle(&mut world);
}

#[test]
fn a_path_that_was_stored_before_is_sent_as_it_is_shown() {
    for sides in [Sides::google(), Sides::microsoft()] {
        let (mut world, person) = series(sides, "room");
        let row = world.memory.events.get_mut(&(CALENDAR.to_owned(), UID.to_owned())).unwrap();
        let mut stored: Value = serde_json::from_str(&row.document).unwrap();
        stored["recurrenceOverrides"] = json!({SECOND: {"locations/room/name": "Hall"}});
        row.document = stored.to_string();
        row.revision += 1;
        for replica in world.memory.replicas.keys() {
            let entry = PushEntry {
                replica: replica.clone(),
                uid: UID.into(),
                revision: row.revision,
                due_ms: 0,
                attempts: 0,
                notify_attendees: false,
            };
            world.memory.queue.insert((replica.clone(), UID.into()), entry);
        }
        rests(&mut world, person.as_ref());
        assert_eq!(places(&mut world, person.as_ref()), ["Room", "Hall", "Room"]);
        world.patch(UID, &json!({"locations": {"room": {"name": "Cellar"}}})).unwrap();
        rests(&mut world, person.as_ref());
        assert_eq!(places(&mut world, person.as_ref()), ["Cellar", "Hall", "Cellar"]);
    }
}
