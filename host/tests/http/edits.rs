//! Edits: what reaches the component, If-Match, scopes, and what bodies are refused before it.

use serde_json::json;
use tandem_host::bindings::exports::tandem::calendar::editing::{Action, DroppedOverride, EditError, Problem, Scope};

use crate::world::World;

const EVENT: &str = "calendars/work/events/a%2Fb";

#[tokio::test]
async fn create_gives_place_tag_and_envelope() {
    let world = World::new();
    let body = json!({"title": "Lunch", "start": "2026-03-02T12:00:00"});
    let answer = world.json("POST", "calendars/work/events?notify-attendees=true", body.clone()).await;
    let envelope = answer.ok(201);
    assert_eq!((&envelope["uid"], &envelope["event"]), (&json!("made/up@example"), &body));
    assert_eq!(answer.header("location"), "/v1/tenants/acme/calendars/work/events/made%2Fup%40example");
    assert_eq!(answer.header("etag"), "\"1\"");
    let (tenant, edit) = world.script.edits.lock().unwrap()[0].clone();
    assert_eq!((tenant.as_str(), edit.calendar.as_str(), edit.uid.as_deref()), ("acme", "work", None));
    assert_eq!((edit.action, edit.notify_attendees), (Action::Create(body.to_string()), true));
    world.json("POST", "calendars/other/events", body).await.problem(404, "calendar-not-found");
    assert_eq!(world.script.edits.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn edits_carry_revision_scope_and_text() {
    let world = World::new();
    let patch = [("content-type", "application/merge-patch+json"), ("if-match", "\"7\"")];
    let path = format!("{EVENT}?scope=this&recurrence-id=2026-03-02T09:00:00");
    let answer = world.call("PATCH", &path, &patch, "{\"title\":null}").await;
    assert_eq!((answer.ok(200)["revision"].as_u64(), answer.header("etag")), (Some(8), "\"8\""));
    let path = format!("{EVENT}?scope=this-and-following&recurrence-id=2026-03-02T09:00:00");
    assert_eq!(world.call("DELETE", &path, &[("if-match", "*")], "").await.ok(200)["deleted"], true);
    world.json("PUT", EVENT, json!({"title": "Dinner"})).await.ok(200);
    let edits = world.script.edits.lock().unwrap().clone();
    let (first, second, third) = (&edits[0].1, &edits[1].1, &edits[2].1);
    assert_eq!((first.uid.as_deref(), first.expected_revision, first.scope), (Some("a/b"), Some(7), Scope::This));
    assert_eq!(first.recurrence_id.as_deref(), Some("2026-03-02T09:00:00"));
    assert_eq!(first.action, Action::Patch("{\"title\":null}".into()));
    assert_eq!((second.expected_revision, second.scope), (None, Scope::ThisAndFollowing));
    assert_eq!(second.action, Action::Delete);
    assert_eq!((third.expected_revision, third.scope, third.notify_attendees), (None, Scope::All, false));
    assert_eq!(third.action, Action::Replace("{\"title\":\"Dinner\"}".into()));
}

#[tokio::test]
async fn stale_edit_tells_the_current_revision() {
    let world = World::new();
    *world.script.edit_error.lock().unwrap() = Some(EditError::Stale(9));
    let answer = world.call("DELETE", EVENT, &[("if-match", "\"7\"")], "").await;
    assert_eq!(answer.problem(412, "stale")["currentRevision"], 9);
}

#[tokio::test]
async fn if_match_that_is_no_tag_is_refused() {
    let world = World::new();
    for value in ["7", "\"x\"", "W/\"7\"", "\"7\", \"8\"", "\"\"", "\"-1\""] {
        let answer = world.call("DELETE", EVENT, &[("if-match", value)], "").await;
        answer.problem(400, "invalid-header");
    }
    let twice = [("if-match", "\"7\""), ("if-match", "\"8\"")];
    world.call("DELETE", EVENT, &twice, "").await.problem(400, "invalid-header");
    assert!(world.script.edits.lock().unwrap().is_empty());
}

#[tokio::test]
async fn scope_and_occurrence_must_fit() {
    let world = World::new();
    for query in [
        "scope=some",
        "scope=this",
        "scope=this-and-following",
        "recurrence-id=2026-03-02T09:00:00",
        "scope=all&recurrence-id=2026-03-02T09:00:00",
        "scope=this&recurrence-id=2026-03-02",
        "scope=this&recurrenceId=2026-03-02T09:00:00",
        "Scope=this",
        "scope=all&scope=all",
        "notify-attendees=yes",
    ] {
        let answer = world.call("DELETE", &format!("{EVENT}?{query}"), &[], "").await;
        answer.problem(400, "invalid-parameter");
    }
    assert!(world.script.edits.lock().unwrap().is_empty());
}

#[tokio::test]
async fn problems_of_a_document_are_passed_on() {
    let world = World::new();
    let problem = Problem { pointer: "/start".into(), code: "bad-local-date-time".into(), message: "write ...".into() };
    *world.script.edit_error.lock().unwrap() = Some(EditError::Invalid(vec![problem]));
    let body = world.json("PUT", EVENT, json!({"start": 1})).await.problem(422, "invalid-event");
    let expected = json!([{"pointer": "/start", "code": "bad-local-date-time", "message": "write ..."}]);
    assert_eq!(body["problems"], expected);
}

#[tokio::test]
async fn bodies_are_json_objects_of_a_known_type() {
    let world = World::new();
    let json_type = [("content-type", "application/json; charset=utf-8")];
    for (body, place) in [
        ("", "line 1 column 0"),
        ("{\"a\":\n x}", "line 2 column 2"),
        ("{} {}", "line 1 column 4"),
        ("[1]", "object"),
        ("\"text\"", "object"),
    ] {
        let problem = world.call("PATCH", EVENT, &json_type, body).await.problem(400, "invalid-json");
        assert!(problem["detail"].as_str().unwrap().contains(place), "{body}: {problem}");
    }
    let deep = "[".repeat(200);
    world.call("PATCH", EVENT, &json_type, &format!("{{\"a\":{deep}")).await.problem(400, "invalid-json");
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/jsonp", ""] {
        let answer = world.call("PATCH", EVENT, &[("content-type", kind)], "{}").await;
        answer.problem(415, "unsupported-media-type");
    }
    world.call("POST", "calendars/work/events", &[], "{}").await.problem(415, "unsupported-media-type");
    let event = [("content-type", "application/jscalendar+json;type=event")];
    world.call("PUT", EVENT, &event, "{}").await.ok(200);
    world
        .call("PUT", EVENT, &[("content-type", "application/merge-patch+json")], "{}")
        .await
        .problem(415, "unsupported-media-type");
}

#[tokio::test]
async fn bodies_are_bounded() {
    let world = World::new();
    let json_type = [("content-type", "application/json")];
    let most = 1024 * 1024;
    let fits = format!("{{\"a\":\"{}\"}}", "x".repeat(most - 8));
    assert_eq!(fits.len(), most);
    world.call("PUT", EVENT, &json_type, &fits).await.ok(200);
    world.call("PUT", EVENT, &json_type, &format!("{fits} ")).await.problem(413, "too-large");
    world.call("POST", "/webhooks/google", &[], &format!("{fits} ")).await.problem(413, "too-large");
    assert_eq!(world.script.edits.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn body_that_is_not_utf_8_is_refused() {
    let world = World::new();
    let mut request = crate::world::request("PUT", EVENT, &[("content-type", "application/json")], "");
    *request.body_mut() = axum::body::Body::from(vec![b'{', b'"', 0xff, b'"']);
    let problem = world.send(request).await.problem(400, "invalid-json");
    assert_eq!(problem["detail"], "byte 2 is not UTF-8");
}

#[tokio::test(start_paused = true)]
async fn body_that_does_not_arrive_ends_the_request() {
    let world = World::new();
    let mut request = crate::world::request("PUT", EVENT, &[("content-type", "application/json")], "");
    let never = futures_util::stream::pending::<Result<bytes::Bytes, std::io::Error>>();
    *request.body_mut() = axum::body::Body::from_stream(never);
    world.send(request).await.problem(408, "request-timeout");
}

#[tokio::test]
async fn an_edit_tells_which_overrides_ended_with_it() {
    let world = World::new();
    let answer = world.json("PUT", EVENT, json!({"title": "Dinner"})).await.ok(200);
    assert!(answer.get("dropped").is_none(), "{answer}");
    *world.script.dropped.lock().unwrap() =
        vec![DroppedOverride { recurrence_id: "2026-03-09T09:00:00".into(), patch: r#"{"title":"Other"}"#.into() }];
    let answer = world.json("PUT", EVENT, json!({"title": "Dinner"})).await.ok(200);
    assert_eq!(answer["dropped"], json!([{"recurrenceId": "2026-03-09T09:00:00", "patch": {"title": "Other"}}]));
}
