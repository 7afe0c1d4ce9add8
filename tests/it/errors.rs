//! Google's error bodies, end to end: `tests/cases/google_errors.json` says for each answer what the engine makes of it
//! at a listing, a creation, a change, a deletion and a channel request. In every case nothing is lost: once the answers
//! are good again both sides show the same.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use serde_json::{Value, json};
use tandem_engine::effects::{AuthError, FailureKind, Health};
use tandem_engine::sync::Outcome;
use tandem_providers::{Fault, FaultKind};
use tandem_tests::agenda::assert_equal;
use tandem_tests::world::{ACCOUNT, REPLICA, World, google_meeting, meeting};

const HOUR_MS: i64 = 3_600_000;

/// A world in step with an event `old@app` that Google has too, and one of Google's own.
fn in_step() -> World {
    let mut world = World::new();
    world.google.user_insert(ACCOUNT, &google_meeting("theirs", "2026-03-05T09:00:00", "2026-03-05T10:00:00")).unwrap();
    world.create(&meeting("old@app", "old", "2026-03-03T09:00:00")).unwrap();
    world.settle().unwrap();
    assert_equal(&mut world, "at the beginning");
    world
}

/// Step until there is nothing to do at once.
fn pause_of(world: &mut World) -> Outcome {
    for _ in 0..200 {
        match world.step().unwrap().outcome {
            Outcome::Again => {}
            outcome => return outcome,
        }
    }
    panic!("it never pauses");
}

/// A world in which the next request of a kind is answered so, and the subject of that request.
fn struck(place: &str, status: u16, body: String) -> World {
    let fault =
        |method, path| Fault::next(FaultKind::Raw { status, body: body.clone() }).on_method(method).on_path(path);
    let mut world = if place == "watch" { World::new() } else { in_step() };
    match place {
        "list" => {
            world.clock.advance(2 * HOUR_MS);
            world.google.plan(fault("GET", "*/events"));
        }
        "insert" => {
            world.create(&meeting("new@app", "new", "2026-03-04T09:00:00")).unwrap();
            world.google.plan(fault("POST", "*/events"));
        }
        "patch" => {
            world.patch("old@app", &json!({"title": "renamed"})).unwrap();
            world.google.plan(fault("PATCH", "*"));
        }
        "delete" => {
            world.delete("old@app").unwrap();
            world.google.plan(fault("DELETE", "*"));
        }
        "watch" => world.google.plan(fault("POST", "*/watch")),
        other => panic!("no place {other}"),
    }
    world
}

/// Listings of the engine (the oracle's ask for single events) without a cursor.
fn full_listings(world: &World) -> usize {
    let listings = world.google.log().into_iter().filter(|line| line.name == "events.list");
    listings.filter(|line| line.path.contains("singleEvents=false") && !line.path.contains("syncToken")).count()
}

fn codes(world: &World) -> Vec<String> {
    world.memory.failures.values().map(|failure| failure.code.clone()).collect()
}

/// Good answers again: both sides show the same, and nothing is left over.
fn ends_well(mut world: World, when: &str) -> World {
    assert!(matches!(world.settle().unwrap(), Outcome::Idle(_)), "{when}");
    assert_equal(&mut world, when);
    assert_eq!(codes(&world), [""; 0], "{when}");
    world
}

fn check(place: &str, then: &str, mut world: World, when: &str) {
    let words: Vec<&str> = then.split(' ').collect();
    let now_ms = world.now_ms();
    world.google.clear_log();
    match words[0] {
        "retry" => {
            let Outcome::Retry { at_ms, code } = pause_of(&mut world) else { panic!("{when}: no retry") };
            assert_eq!(code, words[1], "{when}");
            let wait = at_ms - now_ms;
            assert!((words[2].parse().unwrap()..=words[3].parse().unwrap()).contains(&wait), "{when}: waits {wait} ms");
            let sent = world.google.log().len();
            assert!(matches!(pause_of(&mut world), Outcome::Retry { at_ms: again, .. } if again == at_ms), "{when}");
            assert_eq!(world.google.log().len(), sent, "{when}: a request was sent before its time");
            ends_well(world, when);
        }
        "refresh" => {
            let world = ends_well(world, when);
            assert_eq!(world.refreshes, 1, "{when}");
        }
        "again" => drop(ends_well(world, when)),
        // Gone for a write, there for a read: not asked again at once.
        "in-a-minute" => {
            assert_eq!(world.settle().unwrap(), Outcome::Idle(now_ms + 60_000), "{when}");
            world.clock.advance(60_000);
            ends_well(world, when);
        }
        "list-again" => {
            let world = ends_well(world, when);
            assert_eq!(full_listings(&world), 1, "{when}: one full listing");
        }
        "paused" => {
            let Outcome::Paused(why) = pause_of(&mut world) else { panic!("{when}: not paused") };
            assert!(!why.is_empty() && world.memory.updates[REPLICA].health == Health::Paused, "{when}");
            assert_eq!(world.local().len(), 2, "{when}: local data stays");
            let world = ends_well(world, when);
            assert_eq!(world.memory.updates[REPLICA].health, Health::Healthy, "{when}");
        }
        "failure" => set_aside(place, words[1], world, when),
        "polls" => polls(words.get(1).copied(), world, when),
        other => panic!("{when}: no such expectation {other}"),
    }
}

/// The event is set aside with its code, the rest goes on, and the next edit tries again.
fn set_aside(place: &str, code: &str, mut world: World, when: &str) {
    world.create(&meeting("rest@app", "the rest", "2026-03-06T09:00:00")).unwrap();
    assert!(matches!(world.settle().unwrap(), Outcome::Idle(_)), "{when}");
    let failure = world.memory.failures.values().next().unwrap_or_else(|| panic!("{when}: no failure"));
    let uid = if place == "insert" { "new@app" } else { "old@app" };
    assert_eq!(
        (failure.kind, failure.code.as_str(), failure.uid.as_deref()),
        (FailureKind::Push, code, Some(uid)),
        "{when}"
    );
    assert!(world.memory.queue.is_empty(), "{when}: it is not tried for ever");
    let summaries: Vec<Value> = world.google.truth(ACCOUNT).into_iter().map(|event| event["summary"].clone()).collect();
    assert!(summaries.contains(&json!("the rest")), "{when}: the rest goes on");
    match place {
        "delete" => {
            let revived = meeting("old@app", "revived", "2026-03-03T09:00:00");
            world.create(&revived).unwrap();
        }
        _ => drop(world.patch(uid, &json!({"description": "corrected"})).unwrap()),
    }
    ends_well(world, when);
}

/// The calendar is polled, and push is asked for again later.
fn polls(code: Option<&str>, mut world: World, when: &str) {
    let Outcome::Idle(at_ms) = world.settle().unwrap() else { panic!("{when}: not idle") };
    assert!(at_ms - world.now_ms() <= 75_000, "{when}: the calendar is polled every minute");
    assert_eq!(codes(&world), code.into_iter().collect::<Vec<_>>(), "{when}");
    assert!(world.memory.channels.is_empty(), "{when}");
    world.google.user_insert(ACCOUNT, &google_meeting("polled", "2026-03-04T09:00:00", "2026-03-04T10:00:00")).unwrap();
    world.clock.advance(75_000);
    world.settle().unwrap();
    assert_equal(&mut world, when);
    world.clock.advance(6 * HOUR_MS);
    let world = ends_well(world, when);
    assert_eq!(world.memory.channels.len(), 1, "{when}: push works at last");
}

#[test]
fn every_answer_of_google_has_its_consequence() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("../cases/google_errors.json")).unwrap();
    let (mut checked, mut wrong) = (0, Vec::new());
    for case in &cases {
        let body = case["body"].as_str().map_or_else(|| case["body"].to_string(), str::to_owned);
        let status = u16::try_from(case["status"].as_u64().unwrap()).unwrap();
        for (place, then) in case["then"].as_object().unwrap() {
            let when = format!("{} at {place}", case["name"].as_str().unwrap());
            let world = struck(place, status, body.clone());
            let run = std::panic::AssertUnwindSafe(|| check(place, then.as_str().unwrap(), world, &when));
            if std::panic::catch_unwind(run).is_err() {
                wrong.push(when.clone());
            }
            checked += 1;
        }
    }
    assert!(wrong.is_empty(), "wrong, see above: {wrong:#?}");
    assert!(checked > 100, "{checked}");
}

#[test]
fn a_listing_that_is_refused_for_ever_is_not_asked_for_ever() {
    for kind in [FaultKind::FullSyncRequired, FaultKind::Raw { status: 400, body: String::new() }] {
        let mut world = in_step();
        world.clock.advance(2 * HOUR_MS);
        world.google.plan(Fault::next(kind).on_method("GET").times(u32::MAX));
        world.google.clear_log();
        assert!(matches!(pause_of(&mut world), Outcome::Retry { code, .. } if code == "listing-refused"));
        assert_eq!(world.google.log().len(), 2, "with the cursor, and without");
        assert_eq!(world.local().len(), 2, "nothing is lost meanwhile");
        world.google.clear_faults();
        ends_well(world, "when listings work again");
    }
}

#[test]
fn pauses_double_and_five_failures_in_a_row_throttle() {
    let mut world = in_step();
    world.clock.advance(2 * HOUR_MS);
    world.google.plan(Fault::next(FaultKind::ServerError(503)).times(6));
    for attempt in 1..=6_u32 {
        let before = world.now_ms();
        let Outcome::Retry { at_ms, .. } = pause_of(&mut world) else { panic!("attempt {attempt}") };
        let pause = 1_000 * (1 << attempt);
        assert!((pause..=pause * 13 / 10).contains(&(at_ms - before)), "attempt {attempt}: {} ms", at_ms - before);
        let throttled = world.memory.updates[REPLICA].health == Health::Throttled;
        assert_eq!(throttled, attempt >= 5, "attempt {attempt}");
        world.clock.set(i64::try_from(at_ms).unwrap());
    }
    let world = ends_well(world, "after the outage");
    assert_eq!(world.memory.updates[REPLICA].health, Health::Healthy);
    assert_eq!(world.memory.connections["ada"].attempts, 0);
}

#[test]
fn retry_after_is_honoured_without_a_cap() {
    let mut world = in_step();
    world.patch("old@app", &json!({"title": "renamed"})).unwrap();
    world.google.plan(Fault::next(FaultKind::TooManyRequests { retry_after_s: Some(86_400) }));
    let now_ms = world.now_ms();
    assert_eq!(pause_of(&mut world), Outcome::Retry { at_ms: now_ms + 86_400_000, code: "google-rate-limit".into() });
    let requests = world.google.log().len();
    world.clock.advance(86_399_000);
    assert!(matches!(pause_of(&mut world), Outcome::Retry { .. }));
    assert_eq!(world.google.log().len(), requests, "nothing is sent a second too early");
    world.clock.advance(1_000);
    ends_well(world, "a day later");
}

#[test]
fn one_replica_that_is_told_to_wait_lets_the_whole_connection_wait() {
    let mut world = in_step();
    let other = tandem_engine::effects::Replica {
        id: "other".into(),
        calendar: "other".into(),
        state: String::new(),
        ..world.memory.replica(REPLICA).unwrap()
    };
    world.memory.replicas.insert("other".into(), other);
    world.patch("old@app", &json!({"title": "renamed"})).unwrap();
    world.google.plan(Fault::next(FaultKind::TooManyRequests { retry_after_s: Some(600) }));
    let Outcome::Retry { at_ms, .. } = pause_of(&mut world) else { panic!() };
    let requests = world.google.log().len();
    assert_eq!(world.step_of("other").unwrap().outcome, Outcome::Retry { at_ms, code: "waiting".into() });
    assert_eq!(world.google.log().len(), requests);
}

#[test]
fn no_answer_is_asked_again() {
    for kind in [FaultKind::LostRequest, FaultKind::LostAnswer, FaultKind::ServerErrorAfterApplying(503)] {
        for method in ["POST", "PATCH", "DELETE"] {
            let mut world = in_step();
            match method {
                "POST" => drop(world.create(&meeting("new@app", "new", "2026-03-04T09:00:00")).unwrap()),
                "PATCH" => drop(world.patch("old@app", &json!({"title": "renamed", "description": null})).unwrap()),
                _ => drop(world.delete("old@app").unwrap()),
            }
            world.google.plan(Fault::next(kind.clone()).on_method(method));
            let world = ends_well(world, &format!("{kind:?} at {method}"));
            assert!(world.google.duplicates(ACCOUNT).is_empty());
        }
    }
}

#[test]
fn a_refused_authorisation_is_refreshed_once_and_then_told() {
    let mut world = in_step();
    world.clock.advance(2 * HOUR_MS);
    world.google.plan(Fault::next(FaultKind::Unauthorized).times(2));
    let now_ms = world.now_ms();
    assert_eq!(pause_of(&mut world), Outcome::Retry { at_ms: now_ms + 60_000, code: "unauthorized".into() });
    assert_eq!(world.refreshes, 1);
    ends_well(world, "after a second refresh");
}

#[test]
fn a_token_endpoint_that_is_away_is_no_revocation() {
    let mut world = in_step();
    world.clock.advance(2 * HOUR_MS);
    world.google.expire_access(ACCOUNT);
    world.grant = Err(AuthError::Unavailable);
    assert!(matches!(pause_of(&mut world), Outcome::Retry { code, .. } if code == "token-endpoint"));
    assert!(!world.memory.connections["ada"].revoked);
    world.grant = Ok(());
    ends_well(world, "after the outage of the token endpoint");
}

#[test]
fn a_revoked_grant_pauses_and_reconnecting_resumes_from_the_cursor() {
    let mut world = in_step();
    world.google.expire_access(ACCOUNT);
    world.grant = Err(AuthError::Revoked);
    world.patch("old@app", &json!({"title": "edited while away"})).unwrap();
    assert!(matches!(pause_of(&mut world), Outcome::Paused(why) if why.contains("connect it again")));
    assert!(world.memory.connections["ada"].revoked);
    assert_eq!(world.memory.updates[REPLICA].health, Health::Paused);
    let requests = world.google.log().len();
    world.clock.advance(24 * HOUR_MS);
    assert!(matches!(pause_of(&mut world), Outcome::Paused(_)));
    assert_eq!(world.google.log().len(), requests, "a revoked connection sends nothing");
    assert_eq!(world.local().len(), 2, "local data stays");
    // Connected again.
    world.grant = Ok(());
    world.memory.connections.get_mut("ada").unwrap().revoked = false;
    world.google.clear_log();
    let world = ends_well(world, "after connecting again");
    assert_eq!(full_listings(&world), 0, "it resumes from the stored cursor");
    assert_eq!(world.memory.updates[REPLICA].health, Health::Healthy);
}

#[test]
fn a_step_that_fails_five_times_is_told_and_forgotten_when_it_works() {
    let mut world = in_step();
    world.clock.advance(2 * HOUR_MS);
    world.google.plan(Fault::next(FaultKind::Raw { status: 200, body: "{}".into() }).on_method("GET").times(5));
    for minutes in [1, 2, 4, 8, 16] {
        let now_ms = world.now_ms();
        let Outcome::Retry { at_ms, .. } = pause_of(&mut world) else { panic!("{minutes}") };
        assert_eq!((at_ms - now_ms) / 60_000, minutes);
        assert_eq!(world.memory.failures.len(), usize::from(minutes == 16));
        world.clock.set(i64::try_from(at_ms).unwrap());
    }
    assert_eq!(codes(&world), ["damaged-answer"]);
    ends_well(world, "after five damaged answers");
}
