//! What Outlook makes of the white space of notes, and of HTML that says no more than a text, is nobody's edit: notes stay here and
//! at Google as they were written, and are written to Outlook once.

use serde_json::{Value, json};
use tandem_engine::effects::{ConflictPolicy, ReplicaMode};
use tandem_providers::microsoft::Config;
use tandem_providers::{Fault, FaultKind};
use tandem_tests::world::{ACCOUNT, Sides, World, google_meeting, meeting};

use super::idle;

/// Notes that Outlook may give back otherwise, and their content type.
const NOTES: [(&str, Option<&str>); 8] = [
    ("two  blanks", None),
    ("an end\n", None),
    (" a beginning", None),
    ("a\ttab", None),
    ("no\u{a0}\u{a0}break", None),
    ("two\r\nlines", None),
    ("<p>a paragraph</p>", Some("text/html")),
    ("<div>1 &lt; 2</div><div>b</div>", Some("text/html")),
];

/// Runs what is said of each of the notes, whether Outlook keeps blanks or folds them.
fn for_all(check: impl Fn(&mut World, &str, Option<&str>)) {
    for keeps_blanks in [false, true] {
        for (notes, kind) in NOTES {
            let microsoft = Sides::microsoft().microsoft.map(|config| Config { keeps_blanks, ..config });
            let sides = Sides { microsoft, ..Sides::both() };
            let mut world = World::of(sides, ReplicaMode::TwoWay, ConflictPolicy::Ask);
            idle(&mut world);
            check(&mut world, notes, kind);
        }
    }
}

/// All is at rest, nothing is asked, and the notes are what was written.
fn rests(world: &mut World, notes: &str, kind: Option<&str>) {
    idle(world);
    let writes = |world: &World| (world.google.counters().writes, world.microsoft.counters().writes);
    let before = (writes(world), world.memory.feed.len());
    for _ in 0..2 {
        world.poll().unwrap();
    }
    world.google.expire_sync_tokens(ACCOUNT);
    world.microsoft.expire_delta_tokens(ACCOUNT);
    world.poll().unwrap();
    assert_eq!((writes(world), world.memory.feed.len()), before, "{notes:?}: an echo");
    assert!(world.memory.conflicts.is_empty(), "{notes:?}: {:?}", world.memory.conflicts);
    assert!(world.memory.failures.is_empty() && world.memory.queue.is_empty(), "{notes:?}");
    let here: Value = serde_json::from_str(&world.local()[0].document).unwrap();
    assert_eq!((here["description"].as_str(), here["descriptionContentType"].as_str()), (Some(notes), kind));
    assert_eq!(world.google.truth(ACCOUNT)[0]["description"], notes);
}

fn noted(notes: &str, kind: Option<&str>) -> Value {
    let mut event = meeting("a@app", "noted", "2026-03-03T09:00:00");
    event["description"] = notes.into();
    if let Some(kind) = kind {
        event["descriptionContentType"] = kind.into();
    }
    event
}

/// What somebody sees there.
fn seen(world: &World) -> String {
    let window = (0, i64::MAX / 4);
    world.microsoft.agenda(ACCOUNT, window)[0].notes.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn visible(notes: &str, kind: Option<&str>) -> String {
    let text = match kind {
        Some(_) => notes.replace("</div><div>", " ").replace("<p>", "").replace("</p>", ""),
        None => notes.to_owned(),
    };
    let text = text.replace("<div>", "").replace("</div>", "").replace("&lt;", "<");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn an_event_that_is_made_here_is_written_once() {
    for_all(|world, notes, kind| {
        world.create(&noted(notes, kind)).unwrap();
        rests(world, notes, kind);
        assert_eq!(world.microsoft.counters().writes, 1, "{notes:?}");
        assert_eq!(seen(world), visible(notes, kind));
    });
}

#[test]
fn an_event_that_is_made_at_google_is_written_once() {
    for_all(|world, notes, kind| {
        let mut event = google_meeting("noted", "2026-03-03T09:00:00", "2026-03-03T10:00:00");
        event["description"] = notes.into();
        world.google.user_insert(ACCOUNT, &event).unwrap();
        // Google says nothing of HTML.
        rests(world, notes, None);
        assert_eq!(world.microsoft.counters().writes, 1, "{notes:?}");
        if kind.is_none() {
            assert_eq!(seen(world), visible(notes, None));
        }
    });
}

#[test]
fn an_edit_without_an_answer_is_ours_when_the_event_is_deleted() {
    for_all(|world, notes, kind| {
        world.create(&meeting("a@app", "noted", "2026-03-03T09:00:00")).unwrap();
        idle(world);
        world.microsoft.plan(Fault::next(FaultKind::LostAnswer).on_method("PATCH"));
        world.patch("a@app", &json!({"description": notes, "descriptionContentType": kind})).unwrap();
        for _ in 0..20 {
            if seen(world) == visible(notes, kind) {
                break;
            }
            world.leased_step(tandem_tests::world::OUTLOOK).unwrap();
        }
        assert_eq!(seen(world), visible(notes, kind), "it was applied");
        world.delete("a@app").unwrap();
        idle(world);
        world.poll().unwrap();
        assert!(world.local().is_empty(), "{notes:?} came back");
        assert_eq!(world.microsoft.live_count(ACCOUNT), 0, "{notes:?}");
        assert!(world.memory.conflicts.is_empty(), "{notes:?}: {:?}", world.memory.conflicts);
    });
}

#[test]
fn the_notes_of_a_series_and_of_an_occurrence_stay() {
    for_all(|world, notes, kind| {
        let mut series = noted("all  of it\n", None);
        series["recurrenceRules"] = json!([{"@type": "RecurrenceRule", "frequency": "daily", "count": 4}]);
        let mut patch = json!({"description": notes});
        if let Some(kind) = kind {
            patch["descriptionContentType"] = kind.into();
        }
        series["recurrenceOverrides"] = json!({"2026-03-04T09:00:00": patch});
        world.create(&series).unwrap();
        let check = |world: &mut World, what: &str| {
            idle(world);
            world.poll().unwrap();
            let writes = world.microsoft.counters().writes;
            world.microsoft.expire_delta_tokens(ACCOUNT);
            world.poll().unwrap();
            assert_eq!(world.microsoft.counters().writes, writes, "{notes:?}, {what}: an echo");
            assert!(world.memory.conflicts.is_empty(), "{notes:?}, {what}: {:?}", world.memory.conflicts);
            let here: Value = serde_json::from_str(&world.local()[0].document).unwrap();
            assert_eq!(here["description"], "all  of it\n", "{what}");
            assert_eq!(here["recurrenceOverrides"]["2026-03-04T09:00:00"], patch, "{what}");
        };
        check(world, "made");
        assert_eq!(world.microsoft.counters().writes, 2, "{notes:?}");
        let id =
            world.microsoft.truth(ACCOUNT).into_iter().find(|row| row["type"] == "seriesMaster").unwrap()["id"].clone();
        world.microsoft.user_patch(ACCOUNT, id.as_str().unwrap(), &json!({"importance": "high"})).unwrap();
        check(world, "more important");
        world.patch("a@app", &json!({"title": "renamed"})).unwrap();
        check(world, "renamed");
        assert_eq!(world.microsoft.counters().writes, 3, "{notes:?}");
    });
}
