//! What can be read: lists with pages, single rows, null where a time never comes.

use serde_json::json;
use tandem_host::bindings::exports::tandem::calendar::recurrence::{Occurrence, OccurrencePage, WindowError};
use tandem_host::bindings::tandem::calendar::storage::{Conflict, ConflictWinner, Failure, FailureKind, ReplicaHealth};
use tandem_host::bindings::tandem::calendar::types::Event;
use tandem_host::store::{ConflictPolicy, Provider, ReplicaMode, ReplicaStatus};

use crate::world::{NOW_MS, World, event};

#[tokio::test]
async fn calendars_are_listed_by_tenant() {
    let world = World::new();
    let expected = json!({"items": [{"id": "work", "name": "Work", "timeZone": "Europe/Berlin"}]});
    assert_eq!(world.get("calendars").await.ok(200), expected);
    assert_eq!(world.get("/v1/tenants/other/calendars").await.ok(200), json!({"items": []}));
}

#[tokio::test]
async fn events_are_paged_by_uid() {
    let world = World::new();
    for uid in ["a", "b", "c"] {
        world.put(event(uid));
    }
    world.put(Event { deleted: true, ..event("d") });
    let first = world.get("calendars/work/events?limit=2").await.ok(200);
    assert_eq!((first["items"].as_array().unwrap().len(), &first["next"]), (2, &json!("b")));
    let second = world.get("calendars/work/events?limit=2&after=b").await.ok(200);
    assert_eq!((&second["items"][0]["uid"], &second["next"]), (&json!("c"), &json!(null)));
    world.get("calendars/other/events").await.problem(404, "calendar-not-found");
}

#[tokio::test]
async fn event_comes_in_its_envelope_with_a_tag() {
    let world = World::new();
    world.put(Event { end_ms: u64::MAX, recurring: true, ..event("a") });
    let answer = world.get("calendars/work/events/a").await;
    let expected = json!({
        "uid": "a", "revision": 7, "deleted": false, "startMs": 1000, "endMs": null, "recurring": true,
        "updatedMs": 500, "event": {"@type": "Event", "uid": "a", "title": "Lunch"},
    });
    assert_eq!(answer.ok(200), expected);
    assert_eq!(answer.header("etag"), "\"7\"");
    let known = world.call("GET", "calendars/work/events/a", &[("if-none-match", "\"6\", W/\"7\"")], "").await;
    assert_eq!((known.status.as_u16(), known.bytes.len()), (304, 0));
    let other = world.call("GET", "calendars/work/events/a", &[("if-none-match", "\"6\"")], "").await;
    other.ok(200);
}

#[tokio::test]
async fn deleted_and_unknown_events_differ() {
    let world = World::new();
    world.put(Event { deleted: true, ..event("gone") });
    let problem = world.get("calendars/work/events/gone").await.problem(410, "event-deleted");
    assert_eq!(problem["currentRevision"], 7);
    world.get("calendars/work/events/never").await.problem(404, "event-not-found");
    world.get("/v1/tenants/other/calendars/work/events/gone").await.problem(404, "event-not-found");
}

#[tokio::test]
async fn uids_with_slashes_and_other_letters_are_found() {
    let world = World::new();
    for (uid, path) in [
        ("a/b@example.com", "a%2Fb@example.com"),
        ("a/b@example.com", "a%2Fb%40example.com"),
        ("50% off?", "50%25%20off%3F"),
        ("Grüße", "Gr%C3%BC%C3%9Fe"),
        ("..", "%2E%2E"),
    ] {
        world.put(event(uid));
        let answer = world.get(&format!("calendars/work/events/{path}")).await;
        assert_eq!(answer.ok(200)["uid"], uid, "{path}");
    }
    world.get("calendars/work/events/%FF").await.problem(400, "invalid-path");
    world.get("calendars/work/events/%00").await.problem(400, "invalid-path");
    world.get(&format!("calendars/work/events/{}", "x".repeat(1001))).await.problem(400, "invalid-path");
}

#[tokio::test]
async fn occurrences_take_the_zone_of_the_calendar() {
    let world = World::new();
    let occurrence = Occurrence {
        uid: "a".into(),
        recurrence_id: Some("2026-03-02T09:00:00".into()),
        start_ms: 1,
        end_ms: 2,
        revision: 3,
        document: "{\"title\":\"x\"}".into(),
    };
    *world.script.window.lock().unwrap() = Some(Ok(OccurrencePage { items: vec![occurrence], truncated: true }));
    let path = "calendars/work/occurrences?from=2026-03-02T09:00:00Z&to=2026-03-02T11:00:00+01:00&limit=5";
    let expected = json!({"truncated": true, "items": [{
        "uid": "a", "recurrenceId": "2026-03-02T09:00:00", "startMs": 1, "endMs": 2, "revision": 3,
        "event": {"title": "x"},
    }]});
    assert_eq!(world.get(path).await.ok(200), expected);
    world.get("calendars/work/occurrences?from=1&to=2&time-zone=Asia/Tokyo").await.ok(200);
    let windows = world.script.windows.lock().unwrap().clone();
    let first = &windows[0];
    assert_eq!((first.from_ms, first.to_ms, first.limit), (NOW_MS, NOW_MS + 3_600_000, 5));
    assert_eq!((first.calendar.as_str(), first.time_zone.as_str()), ("work", "Europe/Berlin"));
    assert_eq!((windows[1].time_zone.as_str(), windows[1].limit), ("Asia/Tokyo", 1000));
}

#[tokio::test]
async fn windows_that_are_not_valid_are_refused() {
    let world = World::new();
    *world.script.window.lock().unwrap() = Some(Err(WindowError::Invalid("ask for 20 years at most".into())));
    let problem = world.get("calendars/work/occurrences?from=1&to=9999999999999").await.problem(400, "invalid-window");
    assert_eq!(problem["detail"], "ask for 20 years at most");
    for query in ["from=1", "to=1", "from=2&to=1", "from=x&to=1", "from=1&to=2&limit=10001", "from=1&to=2&zone=x"] {
        let path = format!("calendars/work/occurrences?{query}");
        world.get(&path).await.problem(400, "invalid-parameter");
    }
    world.get("calendars/other/occurrences?from=1&to=2").await.problem(404, "calendar-not-found");
}

fn conflict(id: &str, open: bool) -> Conflict {
    Conflict {
        id: id.into(),
        replica: "r".into(),
        uid: "a".into(),
        found_ms: 5,
        paths: vec!["/title".into()],
        base: None,
        local: Some("{\"title\":\"mine\"}".into()),
        remote: Some("{\"title\":\"theirs\"}".into()),
        outcome: Some("{\"title\":\"mine\"}".into()),
        winner: ConflictWinner::Local,
        decided_by: if open { String::new() } else { "policy".into() },
        open,
    }
}

#[tokio::test]
async fn conflicts_are_listed_open_first_asked() {
    let world = World::new();
    world.rows().conflicts = vec![conflict("c1", true), conflict("c2", false)];
    assert_eq!(world.get("conflicts").await.ok(200)["items"].as_array().unwrap().len(), 1);
    assert_eq!(world.get("conflicts?state=all").await.ok(200)["items"].as_array().unwrap().len(), 2);
    world.get("conflicts?state=closed").await.problem(400, "invalid-parameter");
    let expected = json!({
        "id": "c1", "replica": "r", "uid": "a", "foundMs": 5, "paths": ["/title"], "base": null,
        "local": {"title": "mine"}, "remote": {"title": "theirs"}, "outcome": {"title": "mine"}, "winner": "local",
        "decidedBy": null, "open": true,
    });
    assert_eq!(world.get("conflicts/c1").await.ok(200), expected);
    world.get("conflicts/c3").await.problem(404, "conflict-not-found");
}

#[tokio::test]
async fn conflicts_are_resolved_by_name() {
    let world = World::new();
    for choice in ["keep-outcome", "use-local", "use-remote"] {
        let body = json!({"choice": choice, "decidedBy": "alice"});
        world.json("POST", "conflicts/c1/resolve", body).await.ok(204);
    }
    let expected = ["Choice::KeepOutcome", "Choice::UseLocal", "Choice::UseRemote"]
        .map(|choice| format!("resolve acme c1 {choice} alice"));
    assert_eq!(*world.script.calls.lock().unwrap(), expected);
    for body in [
        json!({}),
        json!({"choice": "use-local"}),
        json!({"choice": "use-local", "decidedBy": " "}),
        json!({"choice": "both", "decidedBy": "alice"}),
        json!({"choice": "use-local", "decidedBy": "alice", "extra": 1}),
    ] {
        world.json("POST", "conflicts/c1/resolve", body).await.problem(400, "invalid-json");
    }
}

#[tokio::test]
async fn failures_are_listed_replayed_and_dismissed() {
    let world = World::new();
    let failure = Failure {
        id: "f1".into(),
        replica: "r".into(),
        kind: FailureKind::Push,
        uid: Some("a".into()),
        remote_id: None,
        code: "google-forbidden".into(),
        detail: "the calendar refuses writes".into(),
        at_ms: 9,
        attempts: 3,
    };
    world.rows().failures = vec![failure.clone(), Failure { id: "f2".into(), ..failure }];
    let expected = json!({
        "id": "f1", "replica": "r", "kind": "push", "uid": "a", "remoteId": null, "code": "google-forbidden",
        "detail": "the calendar refuses writes", "atMs": 9, "attempts": 3,
    });
    assert_eq!(world.get("failures?limit=1").await.ok(200), json!({"items": [expected]}));
    world.call("POST", "failures/f1/replay", &[], "").await.ok(202);
    world.call("POST", "failures/f1/replay", &[], "").await.problem(404, "failure-not-found");
    world.call("DELETE", "failures/f2", &[], "").await.ok(204);
    world.call("DELETE", "failures/f2", &[], "").await.problem(404, "failure-not-found");
    assert_eq!(world.rows().writes[0], format!("replay f1 at {NOW_MS}"));
}

fn replica(id: &str) -> ReplicaStatus {
    ReplicaStatus {
        id: id.into(),
        connection: "c".into(),
        provider: Provider::Google,
        calendar: "work".into(),
        remote_calendar: "primary".into(),
        mode: ReplicaMode::TwoWay,
        policy: ConflictPolicy::Newest,
        health: ReplicaHealth::Paused,
        reason: "the guard asks".into(),
        synced_ms: 0,
        next_run_ms: u64::MAX,
        wanted: 3,
        served: 2,
        queued: 1,
        events: 4,
    }
}

#[tokio::test]
async fn replicas_are_shown_synced_answered_and_removed() {
    let world = World::new();
    world.rows().replicas = vec![replica("r")];
    let expected = json!({
        "id": "r", "connection": "c", "provider": "google", "calendar": "work", "remoteCalendar": "primary",
        "mode": "two-way", "policy": "newest", "health": "paused", "reason": "the guard asks", "syncedMs": null,
        "nextRunMs": null, "wanted": 3, "served": 2, "queued": 1, "events": 4,
    });
    assert_eq!(world.get("replicas").await.ok(200), json!({"items": [expected.clone()]}));
    assert_eq!(world.get("replicas/r").await.ok(200), expected);
    world.get("replicas/x").await.problem(404, "replica-not-found");
    world.call("POST", "replicas/r/sync", &[], "").await.ok(202);
    world.call("POST", "replicas/x/sync", &[], "").await.problem(404, "replica-not-found");
    world.json("POST", "replicas/r/answer-guard", json!({"acceptDeletions": true})).await.ok(202);
    world.json("POST", "replicas/r/answer-guard", json!({"accept": true})).await.problem(400, "invalid-json");
    world.call("DELETE", "replicas/x", &[], "").await.problem(404, "replica-not-found");
    world.call("DELETE", "replicas/r", &[], "").await.ok(204);
    assert_eq!(*world.script.calls.lock().unwrap(), ["answer-guard acme r true", "stop-channels acme r"]);
    let resumed = format!("resume r at {NOW_MS}");
    assert_eq!(world.rows().writes, [resumed.as_str(), &format!("resume x at {NOW_MS}"), &resumed, "remove r"]);
}

#[tokio::test]
async fn replica_stays_when_its_channels_cannot_be_stopped() {
    let world = World::new();
    world.rows().replicas = vec![replica("r")];
    *world.script.trap.lock().unwrap() = true;
    world.call("DELETE", "replicas/r", &[], "").await.problem(500, "internal");
    assert_eq!(world.rows().replicas.len(), 1);
}

#[tokio::test]
async fn health_tells_of_the_store_and_counts() {
    let world = World::new();
    world.get("calendars").await;
    let healthy = world.get("/healthz").await.ok(200);
    assert_eq!((&healthy["status"], &healthy["store"]), (&json!("ok"), &json!("ok")));
    assert_eq!(healthy["counters"]["requests"], 1);
    world.rows().down = true;
    let answer = world.get("/healthz").await.ok(503);
    assert_eq!((&answer["status"], &answer["store"]), (&json!("degraded"), &json!("unavailable")));
    world.get("calendars").await.problem(503, "unavailable");
    assert_eq!(world.api.counters.counts().server_errors, 2);
}

#[tokio::test]
async fn an_event_is_explained_as_json_and_as_text() {
    use tandem_host::bindings::exports::tandem::calendar::recurrence as wit;
    let world = World::new();
    world.get("calendars/work/events/a/explanation").await.problem(404, "event-not-found");
    let exception = |origin| wit::SeriesException {
        recurrence_id: "2026-03-09T09:00:00".into(),
        kind: wit::ExceptionKind::Moved,
        what: "moved".into(),
        origin,
        waiting: vec!["r".into()],
    };
    *world.script.explanation.lock().unwrap() = Some(wit::Explanation {
        event: event("a"),
        when: "Monday".into(),
        rules: vec!["every day".into()],
        next: Vec::new(),
        truncated: false,
        exceptions: vec![exception(wit::Origin::Application), exception(wit::Origin::Replica("r".into()))],
        replicas: vec![wit::Standing { replica: "r".into(), remote_id: String::new(), state: wit::Agreement::Never }],
        problems: Vec::new(),
        text: "all of it\n".into(),
    });
    let told = world.get("calendars/work/events/a/explanation?limit=3&from=2026-03-02T00:00:00Z").await.ok(200);
    assert_eq!((&told["when"], &told["rules"]), (&json!("Monday"), &json!(["every day"])));
    let first = json!({"recurrenceId": "2026-03-09T09:00:00", "kind": "moved", "what": "moved", "origin": "application",
        "replica": null, "waiting": ["r"]});
    assert_eq!(told["exceptions"][0], first);
    assert_eq!((&told["exceptions"][1]["origin"], &told["exceptions"][1]["replica"]), (&json!("replica"), &json!("r")));
    assert_eq!(told["replicas"], json!([{"replica": "r", "remoteId": null, "state": "never"}]));
    let asked = world.script.questions.lock().unwrap().last().unwrap().clone();
    assert_eq!((asked.limit, asked.from_ms, asked.time_zone.as_str()), (3, Some(1_772_409_600_000), "Europe/Berlin"));
    let text = world.call("GET", "calendars/work/events/a/explanation", &[("accept", "text/plain")], "").await;
    assert_eq!(
        (text.header("content-type"), text.bytes.as_slice()),
        ("text/plain; charset=utf-8", &b"all of it\n"[..])
    );
    world.get("calendars/work/events/a/explanation?limit=101").await.problem(400, "invalid-parameter");
    world.get("calendars/none/events/a/explanation").await.problem(404, "calendar-not-found");
}
