//! The component that ships does what the linked engine does: the same stories through both send the same requests,
//! have the same effects in the same number, and leave the same store and the same provider behind.
//!
//! `TANDEM_ENGINE=component` runs all other tests through the component as well.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::fmt::Debug;

use serde_json::{Value, json};
use tandem_engine::conflicts::Choice;
use tandem_engine::editing::{Action, Edit, EditError, Scope};
use tandem_engine::effects::{ConflictPolicy, ProviderKind, ReplicaMode, TransportError};
use tandem_engine::sync::{Outcome, Report, StepError};
use tandem_engine::webhooks::Notice;
use tandem_providers::google::Config;
use tandem_providers::{Fault, FaultKind};
use tandem_tests::agenda::assert_equal;
use tandem_tests::world::{ACCOUNT, EngineKind, REPLICA, Sent, World, edit_of, google_meeting, meeting};

/// Effects that one piece of work may have; more is a defect of the work, or of this test.
const MOST_EFFECTS: u64 = 500;

/// What a world comes to, in parts that are compared one by one.
fn picture(world: &World) -> Vec<(&'static str, String)> {
    vec![
        ("effects", world.effects.to_string()),
        ("refreshes", world.refreshes.to_string()),
        ("notified", format!("{:?}", world.notified)),
        ("store", format!("{:#?}", world.memory)),
        ("provider", format!("{:#?}", world.google.truth(ACCOUNT))),
        ("counters", format!("{:#?}", world.google.counters())),
        ("channels", format!("{:?}", world.google.channels(ACCOUNT))),
        ("time", world.now_ms().to_string()),
    ]
}

/// Tell a story to both engines; what it returns is compared, too. Returns the component's.
fn both<T: PartialEq + Debug>(name: &str, story: impl Fn() -> (World, T)) -> (World, T) {
    let (native, there) = EngineKind::Native.during(&story);
    let (shipped, here) = EngineKind::Component.during(&story);
    assert_eq!((native.engine, shipped.engine), (EngineKind::Native, EngineKind::Component));
    assert_eq!(there, here, "{name}: answers");
    same_requests(name, &native.sent, &shipped.sent);
    for ((part, native), (_, shipped)) in picture(&native).into_iter().zip(picture(&shipped)) {
        assert!(native == shipped, "{name}: {part} differ\nnative: {native}\ncomponent: {shipped}");
    }
    (shipped, here)
}

fn same_requests(name: &str, native: &[Sent], shipped: &[Sent]) {
    let line = |sent: &Sent| format!("{} {} {}", sent.method, sent.url, String::from_utf8_lossy(&sent.body));
    for (at, (native, shipped)) in native.iter().zip(shipped).enumerate() {
        assert_eq!(line(native), line(shipped), "{name}: request {at}");
    }
    assert_eq!(native.len(), shipped.len(), "{name}: requests");
}

fn series() -> Value {
    let mut series = meeting("series@app", "weekly", "2026-03-03T09:00:00");
    series["recurrenceRules"] = json!([{"@type": "RecurrenceRule", "frequency": "weekly", "count": 8}]);
    series["recurrenceOverrides"] = json!({
        "2026-03-10T09:00:00": {"start": "2026-03-10T11:00:00"},
        "2026-03-17T09:00:00": {"excluded": true},
        "2026-03-24T09:00:00": {"title": "weekly, special"},
    });
    series
}

/// A world in step with some events at Google, page by page.
fn synced() -> World {
    let config = Config { allow_http_webhooks: true, shuffle: Some(5), page_limit: Some(6), ..Config::default() };
    let mut world = World::with(config, ReplicaMode::TwoWay, ConflictPolicy::Newest);
    world.google.generate(ACCOUNT, 12, 11).unwrap();
    world.settle().unwrap();
    world
}

/// The end of a story: both sides show the same, whichever engine looks.
fn ended(mut world: World) -> World {
    world.poll().unwrap();
    assert_equal(&mut world, "at the end");
    world
}

#[test]
fn an_event_is_created_changed_and_deleted() {
    let (world, _) = both("create", || {
        let mut world = synced();
        let row = world.create(&meeting("a@app", "here: Ä 🎈", "2026-03-03T09:00:00")).unwrap();
        world.settle().unwrap();
        let patched = world.patch("a@app", &json!({"start": "2026-03-04T10:00:00", "description": "Ü"})).unwrap();
        world.settle().unwrap();
        let deleted = world.delete("a@app").unwrap();
        (ended(world), (row, patched, deleted))
    });
    let methods = |method| world.sent.iter().filter(|sent| sent.method == method).count();
    assert!(methods("GET") > 3 && methods("POST") > 1 && methods("DELETE") > 0, "the story sends something");
}

#[test]
fn a_series_with_exceptions_is_created_and_split() {
    let (world, _) = both("series", || {
        let mut world = synced();
        world.create(&series()).unwrap();
        world.settle().unwrap();
        let patch = Action::Patch(json!({"title": "from now on"}).to_string());
        let split = Edit {
            recurrence_id: Some("2026-03-31T09:00:00".into()),
            scope: Scope::ThisAndFollowing,
            ..edit_of(Some("series@app"), patch)
        };
        let later = world.edit(&split).unwrap();
        (ended(world), later)
    });
    assert!(world.titled("from now on").is_some());
}

#[test]
fn a_lost_cursor_lists_again() {
    let _ = both("410", || {
        let world = synced();
        let truth = world.google.truth(ACCOUNT);
        let single = truth.iter().find(|e| e["recurringEventId"].is_null()).unwrap();
        world.google.drop_channels();
        world.google.user_delete(ACCOUNT, single["id"].as_str().unwrap()).unwrap();
        world.google.expire_sync_tokens(ACCOUNT);
        (ended(world), ())
    });
}

#[test]
fn lost_answers_refused_tokens_and_busy_servers_are_outlived() {
    for kind in [
        FaultKind::LostAnswer,
        FaultKind::LostRequest,
        FaultKind::Unauthorized,
        FaultKind::ServerError(503),
        FaultKind::TooManyRequests { retry_after_s: Some(7) },
    ] {
        let (world, _) = both(&format!("{kind:?}"), || {
            let mut world = synced();
            world.google.plan(Fault::next(kind.clone()).on_method("POST").on_path("*/events"));
            world.create(&meeting("a@app", "once", "2026-03-03T09:00:00")).unwrap();
            let first = world.step();
            world.settle().unwrap();
            (ended(world), first)
        });
        let once = world.google.truth(ACCOUNT).iter().filter(|event| event["summary"] == "once").count();
        assert_eq!(once, 1, "{kind:?}");
    }
}

#[test]
fn a_request_that_the_host_stops_is_the_same_error() {
    for error in [TransportError::NoAnswer, TransportError::Denied, TransportError::TooLarge] {
        let (_, reports) = both(&format!("{error:?}"), || {
            let mut world = synced();
            world.create(&series()).unwrap();
            world.stopped = Some(error);
            let reports: Vec<_> = (0..6).map(|_| world.step()).collect();
            world.stopped = None;
            world.settle().unwrap();
            (ended(world), reports)
        });
        let well = |report: &Result<Report, _>| matches!(report, Ok(Report { outcome: Outcome::Idle(_), .. }));
        assert!(!reports.iter().all(well), "{error:?} is noticed: {reports:?}");
    }
}

#[test]
fn a_webhook_marks_and_a_forged_one_does_not() {
    let (world, _) = both("webhook", || {
        let mut world = synced();
        let event = google_meeting("new there", "2026-03-04T09:00:00", "2026-03-04T10:00:00");
        world.google.user_insert(ACCOUNT, &event).unwrap();
        let sent = world.google.take_notifications(i64::MAX / 4);
        let notice = Notice {
            provider: ProviderKind::Google,
            query: String::new(),
            headers: sent[0].headers.clone(),
            body: vec![],
        };
        let wanted = world.memory.replicas[REPLICA].wanted;
        let good = world.receive(&notice);
        assert_eq!(world.memory.replicas[REPLICA].wanted, wanted + 1);
        let mut forged = notice.clone();
        for (name, value) in &mut forged.headers {
            if name.eq_ignore_ascii_case("x-goog-channel-token") {
                value.push('x');
            }
        }
        let bad = world.receive(&forged);
        let none = world.receive(&Notice {
            provider: ProviderKind::Google,
            query: String::new(),
            headers: vec![],
            body: vec![],
        });
        world.settle().unwrap();
        (ended(world), [good, bad, none])
    });
    assert!(world.titled("new there").is_some());
}

#[test]
fn a_refused_edit_says_the_same() {
    let _ = both("refusals", || {
        let mut world = synced();
        world.create(&meeting("a@app", "here", "2026-03-03T09:00:00")).unwrap();
        let twice = world.create(&meeting("a@app", "again", "2026-03-03T09:00:00"));
        assert_eq!(twice, Err(EditError::Exists));
        let invalid = world.patch("a@app", &json!({"start": "yesterday", "duration": "long"}));
        assert!(matches!(&invalid, Err(EditError::Invalid(problems)) if !problems.is_empty()), "{invalid:?}");
        let patch = Action::Patch(json!({"title": "late"}).to_string());
        let stale = world.edit(&Edit { expected_revision: Some(7), ..edit_of(Some("a@app"), patch) });
        assert!(matches!(stale, Err(EditError::Stale(_))), "{stale:?}");
        let missing = world.delete("nobody@app");
        let unknown = world.step_of("nobody");
        assert_eq!(unknown, Err(StepError::NotFound));
        (ended(world), (twice, invalid, stale, missing, unknown))
    });
}

#[test]
fn a_conflict_is_recorded_and_decided_again() {
    let (world, _) = both("conflict", || {
        let mut world = synced();
        world.create(&meeting("a@app", "as it was", "2026-03-03T09:00:00")).unwrap();
        world.settle().unwrap();
        let truth = world.google.truth(ACCOUNT);
        let id = truth.iter().find(|e| e["summary"] == "as it was").unwrap()["id"].as_str().unwrap().to_owned();
        world.patch("a@app", &json!({"title": "mine", "description": "only mine"})).unwrap();
        world.clock.advance(2_000);
        world.google.user_patch(ACCOUNT, &id, &json!({"summary": "theirs"})).unwrap();
        world.settle().unwrap();
        let conflict = world.memory.conflicts.keys().next().unwrap().clone();
        let decided = world.resolve(&conflict, Choice::UseLocal, "ada");
        let unknown = world.resolve("nothing", Choice::KeepOutcome, "ada");
        (ended(world), (decided, unknown))
    });
    assert!(world.titled("mine").is_some());
}

#[test]
fn the_guard_is_answered_and_channels_are_stopped() {
    let (world, _) = both("guard", || {
        let mut world = synced();
        world.google.drop_channels();
        for event in world.google.truth(ACCOUNT).iter().filter(|e| e["recurringEventId"].is_null()) {
            world.google.user_delete(ACCOUNT, event["id"].as_str().unwrap()).unwrap();
        }
        world.google.expire_sync_tokens(ACCOUNT);
        let asked = world.poll().unwrap();
        assert!(matches!(asked, Outcome::Paused(_)), "{asked:?}");
        let answered = world.answer_guard(REPLICA, true);
        world.settle().unwrap();
        let mut world = ended(world);
        let stopped = world.stop_channels(REPLICA);
        (world, (asked, answered, stopped))
    });
    assert!(world.local().is_empty() && world.memory.channels.is_empty());
}

#[test]
fn the_plug_is_pulled_after_every_effect_of_a_series() {
    for last in 0..MOST_EFFECTS {
        let (_, (_, died)) = both(&format!("died after effect {last}"), || {
            let mut world = synced();
            world.create(&series()).unwrap();
            world.dies_after = Some(world.effects + last);
            let end = world.settle();
            let died = world.dies_after.take() == Some(world.effects);
            assert!(matches!((&end, died), (Ok(_), _) | (Err(StepError::Unavailable), true)), "{end:?}");
            (ended(world), (end, died))
        });
        if !died {
            assert!(last > 12, "only {last} effects");
            return;
        }
    }
    panic!("more than {MOST_EFFECTS} effects");
}
