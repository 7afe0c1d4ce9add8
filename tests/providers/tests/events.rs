//! insert, patch, update, delete, import: the rules of single events.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail by panicking"
)]

mod world;

use serde_json::{Value, json};
use tandem_providers::SimRequest;
use tandem_providers::google::{Config, Role};
use world::*;

fn id(event: &Value) -> &str {
    event["id"].as_str().unwrap()
}

#[test]
fn an_inserted_event_is_answered_with_all_that_the_service_sets() {
    let w = world();
    let event = w.made(&meeting("Lunch"));
    assert!(id(&event).bytes().all(|b| matches!(b, b'a'..=b'v' | b'0'..=b'9')));
    assert_eq!(event["iCalUID"], format!("{}@google.com", id(&event)));
    assert_eq!(event["status"], "confirmed");
    assert_eq!(event["kind"], "calendar#event");
    assert_eq!(event["sequence"], 0);
    assert_eq!(event["reminders"], json!({ "useDefault": true }));
    assert_eq!(event["organizer"], json!({ "email": ME, "self": true }));
    assert_eq!(event["creator"], json!({ "email": ME, "self": true }));
    assert_eq!(event["eventType"], "default");
    assert!(event["htmlLink"].is_string());
    assert_eq!(event["start"], json!({ "dateTime": "2026-03-03T10:00:00+01:00", "timeZone": "Europe/Berlin" }));
}

#[test]
fn the_etag_has_quotes_and_is_twice_updated_in_microseconds() {
    let w = world();
    let event = w.made(&meeting("Lunch"));
    let etag = event["etag"].as_str().unwrap();
    let half: i64 = etag.trim_matches('"').parse::<i64>().unwrap() / 2;
    assert!(etag.starts_with('"') && etag.ends_with('"'));
    assert_eq!(half, (NOW_MS + 10) * 1000);
    assert_eq!(event["updated"], "2026-03-02T08:00:00.010Z");
}

#[test]
fn client_ids_must_be_base32hex_and_are_burnt_by_deletion() {
    let w = world();
    for bad in ["abcd", "ABCDEF", "wxyz123", "abc_def"] {
        let mut body = meeting("x");
        body["id"] = json!(bad);
        check(&w.insert(&body), 400, "global", "invalid", "Invalid resource id value.");
    }
    let mut body = meeting("x");
    body["id"] = json!("abcdef0123");
    assert_eq!(w.insert(&body).status(), Some(200));
    let taken = "The requested identifier already exists.";
    check(&w.insert(&body), 409, "global", "duplicate", taken);
    w.delete("abcdef0123");
    check(&w.insert(&body), 409, "global", "duplicate", taken);
}

#[test]
fn start_and_end_are_required_and_must_be_legal() {
    let w = world();
    let cases = [
        (json!({ "end": { "date": "2026-03-02" } }), "required"),
        (json!({ "start": { "date": "2026-03-02" } }), "required"),
        (json!({ "start": { "date": "2026-03-02" }, "end": at("2026-03-03T10:00:00") }), "invalid"),
        (json!({ "start": at("2026-03-03T11:00:00"), "end": at("2026-03-03T10:00:00") }), "timeRangeEmpty"),
        (json!({ "start": { "date": "2026-03-02" }, "end": { "date": "2026-03-02" } }), "timeRangeEmpty"),
        (json!({ "start": { "dateTime": "2026-03-03T10:00:00" }, "end": at("2026-03-03T12:00:00") }), "required"),
        (
            json!({ "start": { "date": "2026-03-02", "dateTime": "2026-03-02T10:00:00Z" }, "end": { "date": "2026-03-03" } }),
            "invalid",
        ),
        (
            json!({ "start": { "dateTime": "2026-03-03T10:00:00", "timeZone": "Mars/Base" }, "end": at("2026-03-03T12:00:00") }),
            "invalid",
        ),
    ];
    for (body, expected) in cases {
        let response = w.insert(&body);
        assert_eq!((response.status(), reason(&response).as_str()), (Some(400), expected), "{body}");
    }
}

#[test]
fn a_recurring_event_without_a_zone_is_refused() {
    let w = world();
    let body = json!({
        "start": { "dateTime": "2026-03-03T10:00:00+01:00" },
        "end": { "dateTime": "2026-03-03T11:00:00+01:00" },
        "recurrence": ["RRULE:FREQ=DAILY"],
    });
    check(&w.insert(&body), 400, "global", "required", "Missing time zone definition for start time.");
}

#[test]
fn unknown_members_are_400_and_unmodelled_ones_501() {
    let w = world();
    let mut body = meeting("x");
    body["colour"] = json!("red");
    assert_eq!(w.insert(&body).status(), Some(400));
    let mut body = meeting("x");
    body["gadget"] = json!({});
    assert_eq!(w.insert(&body).status(), Some(501));
    let mut body = meeting("x");
    body["conferenceData"] = json!({ "createRequest": { "requestId": "1" } });
    let event = w.made(&body);
    assert!(event.get("conferenceData").is_none(), "ignored without conferenceDataVersion");
    let path = format!("{EVENTS}?conferenceDataVersion=1");
    assert_eq!(w.call("POST", &path, Some(&body)).status(), Some(501));
    assert_eq!(w.call("POST", &format!("{EVENTS}/{}/move?destination=x", id(&event)), None).status(), Some(501));
}

#[test]
fn patch_replaces_arrays_merges_objects_and_clears_with_null() {
    let w = world();
    let mut body = meeting("x");
    body["location"] = json!("here");
    body["attendees"] = json!([{ "email": "a@example.com" }, { "email": "b@example.com" }]);
    body["extendedProperties"] = json!({ "private": { "one": "1", "two": "2" }, "shared": { "s": "x" } });
    let event = w.made(&body);
    let patch = json!({
        "location": null,
        "attendees": [{ "email": "c@example.com" }],
        "extendedProperties": { "private": { "two": null, "three": "3" } },
    });
    let after = w.patch(id(&event), &patch).json();
    assert!(after.get("location").is_none());
    assert_eq!(after["attendees"], json!([{ "email": "c@example.com", "responseStatus": "needsAction" }]));
    assert_eq!(after["extendedProperties"], json!({ "private": { "one": "1", "three": "3" }, "shared": { "s": "x" } }));
    assert_eq!(after["summary"], "x");
    assert_ne!(after["etag"], event["etag"]);
}

#[test]
fn patching_timed_to_all_day_must_null_the_other_members() {
    let w = world();
    let event = w.made(&meeting("x"));
    let half = json!({ "start": { "date": "2026-03-03" }, "end": { "date": "2026-03-04" } });
    assert_eq!(w.patch(id(&event), &half).status(), Some(400));
    let whole = json!({
        "start": { "date": "2026-03-03", "dateTime": null, "timeZone": null },
        "end": { "date": "2026-03-04", "dateTime": null, "timeZone": null },
    });
    let after = w.patch(id(&event), &whole).json();
    assert_eq!(after["start"], json!({ "date": "2026-03-03" }));
    assert_eq!(after["sequence"], 1);
}

#[test]
fn put_replaces_and_clears_what_is_left_out() {
    let w = world();
    let mut body = meeting("x");
    body["location"] = json!("here");
    body["extendedProperties"] = json!({ "private": { "one": "1" } });
    let event = w.made(&body);
    let path = format!("{EVENTS}/{}", id(&event));
    let after = w.call("PUT", &path, Some(&meeting("y"))).json();
    assert_eq!(after["summary"], "y");
    assert!(after.get("location").is_none() && after.get("extendedProperties").is_none());
    assert_eq!(after["iCalUID"], event["iCalUID"]);
    assert_eq!(after["created"], event["created"]);
    assert_eq!(w.call("PUT", &path, Some(&json!({ "summary": "z" }))).status(), Some(400));
}

#[test]
fn a_stale_if_match_is_412_and_changes_nothing() {
    let w = world();
    let event = w.made(&meeting("x"));
    let path = format!("{EVENTS}/{}", id(&event));
    let stale = |method: &str| {
        let request = SimRequest::new(method, &path).bearer(TOKEN).with_header("If-Match", "\"1\"");
        if method == "DELETE" { request } else { request.json(&meeting("y")) }
    };
    for method in ["PATCH", "PUT", "DELETE"] {
        check(&w.send(stale(method)), 412, "global", "conditionNotMet", "Precondition Failed");
    }
    assert_eq!(w.event(id(&event)), event);
    let etag = event["etag"].as_str().unwrap();
    let good =
        SimRequest::new("PATCH", &path).bearer(TOKEN).with_header("If-Match", etag).json(&json!({ "summary": "y" }));
    assert_eq!(w.send(good).status(), Some(200));
    let any = SimRequest::new("DELETE", &path).bearer(TOKEN).with_header("If-Match", "*");
    assert_eq!(w.send(any).status(), Some(204));
}

#[test]
fn a_known_etag_on_get_is_304() {
    let w = world();
    let event = w.made(&meeting("x"));
    let request = SimRequest::new("GET", &format!("{EVENTS}/{}", id(&event)))
        .bearer(TOKEN)
        .with_header("If-None-Match", event["etag"].as_str().unwrap());
    assert_eq!(w.send(request).status(), Some(304));
}

#[test]
fn deleting_twice_is_410_and_get_still_answers_cancelled() {
    let w = world();
    let event = w.made(&meeting("x"));
    assert_eq!(w.delete(id(&event)).status(), Some(204));
    check(&w.delete(id(&event)), 410, "global", "deleted", "Resource has been deleted");
    assert_eq!(w.event(id(&event))["status"], "cancelled");
    check(&w.delete("unknown00"), 404, "global", "notFound", "Not Found");
    let revived = w.patch(id(&event), &json!({ "status": "confirmed" })).json();
    assert_eq!(revived["status"], "confirmed");
}

#[test]
fn writes_to_deleted_events_can_be_refused() {
    let w = world_with(Config { revive: false, patch_deleted: false, ..Config::default() });
    let event = w.made(&meeting("x"));
    w.delete(id(&event));
    assert_eq!(w.patch(id(&event), &json!({ "summary": "y" })).status(), Some(404));
    assert_eq!(w.patch(id(&event), &json!({ "status": "confirmed" })).status(), Some(404));
}

#[test]
fn a_patch_without_effect_leaves_the_etag_alone() {
    let w = world();
    let event = w.made(&meeting("x"));
    assert_eq!(w.patch(id(&event), &json!({ "summary": "x" })).json(), event);
    assert_eq!(w.google.counters().writes, 1);
}

#[test]
fn updated_stands_still_when_only_reminders_change() {
    let w = world();
    let event = w.made(&meeting("x"));
    let overrides = json!({ "reminders": { "useDefault": false, "overrides": [{ "method": "popup", "minutes": 5 }] } });
    let after = w.patch(id(&event), &overrides).json();
    assert_eq!(after["updated"], event["updated"]);
    assert_ne!(after["etag"], event["etag"]);
}

#[test]
fn sequence_grows_when_the_time_moves_and_not_otherwise() {
    let w = world();
    let event = w.made(&meeting("x"));
    assert_eq!(w.patch(id(&event), &json!({ "summary": "y" })).json()["sequence"], 0);
    let moved = json!({ "start": at("2026-03-04T10:00:00"), "end": at("2026-03-04T11:00:00") });
    assert_eq!(w.patch(id(&event), &moved).json()["sequence"], 1);
}

#[test]
fn long_property_keys_are_dropped_and_long_values_cut_silently() {
    let w = world();
    let mut body = meeting("x");
    let (key, value) = ("k".repeat(45), "v".repeat(2000));
    body["extendedProperties"] = json!({ "private": { key: "x", "kept": value } });
    let event = w.made(&body);
    let private = event["extendedProperties"]["private"].as_object().unwrap();
    assert_eq!(private.len(), 1);
    assert_eq!(private["kept"].as_str().unwrap().len(), 1024);
}

#[test]
fn defaults_and_empty_texts_are_not_answered() {
    let w = world();
    let mut body = meeting("x");
    body["description"] = json!("");
    body["transparency"] = json!("opaque");
    body["visibility"] = json!("default");
    let event = w.made(&body);
    assert!(["description", "transparency", "visibility"].iter().all(|key| event.get(*key).is_none()));
    body["description"] = json!("<b>bold</b> &amp; more");
    assert_eq!(w.made(&body)["description"], "<b>bold</b> &amp; more");
}

#[test]
fn times_are_answered_with_the_offset_of_their_own_zone() {
    let w = world();
    let body = json!({
        "start": { "dateTime": "2026-07-01T12:00:00Z", "timeZone": "America/New_York" },
        "end": { "dateTime": "2026-07-01T13:00:00Z" },
    });
    let event = w.made(&body);
    assert_eq!(event["start"], json!({ "dateTime": "2026-07-01T08:00:00-04:00", "timeZone": "America/New_York" }));
    assert_eq!(event["end"], json!({ "dateTime": "2026-07-01T15:00:00+02:00" }));
}

#[test]
fn mails_are_counted_only_when_asked_for() {
    let w = world();
    let mut body = meeting("x");
    body["attendees"] = json!([{ "email": ME }, { "email": "b@example.com" }, { "email": "c@example.com" }]);
    let event = w.made(&body);
    assert_eq!(event["attendees"][0]["self"], true);
    assert_eq!(w.google.counters().mails, 0);
    let path = format!("{EVENTS}/{}", id(&event));
    w.call("PATCH", &format!("{path}?sendUpdates=none"), Some(&json!({ "summary": "y" })));
    assert_eq!(w.google.counters().mails, 0);
    w.call("PATCH", &format!("{path}?sendUpdates=all"), Some(&json!({ "summary": "z" })));
    assert_eq!(w.google.counters().mails, 2);
    assert_eq!(w.call("DELETE", &format!("{path}?sendUpdates=some"), None).status(), Some(400));
    w.call("DELETE", &format!("{path}?sendUpdates=all"), None);
    assert_eq!(w.google.counters().mails, 4);
}

#[test]
fn a_guest_may_answer_for_themselves_only() {
    let w = world();
    let organizer = json!({ "email": "boss@example.com" });
    let mut body = meeting("x");
    body["organizer"] = organizer;
    body["attendees"] = json!([{ "email": ME }, { "email": "b@example.com" }]);
    let event = w.google.user_insert(ME, &body).unwrap();
    let own = json!({ "attendeesOmitted": true, "attendees": [{ "email": ME, "responseStatus": "accepted" }] });
    let after = w.patch(id(&event), &own).json();
    assert_eq!(after["attendees"].as_array().unwrap().len(), 2);
    assert_eq!(after["attendees"][0]["responseStatus"], "accepted");
    check(
        &w.patch(id(&event), &json!({ "extendedProperties": { "shared": { "a": "b" } } })),
        403,
        "calendar",
        "forbiddenForNonOrganizer",
        "Shared properties can only be changed by the organizer of the event.",
    );
}

#[test]
fn read_only_calendars_refuse_writes_and_unseen_ones_do_not_exist() {
    let w = world();
    w.google.add_account("bob@example.com", "Europe/Paris");
    let path = "/calendar/v3/calendars/bob@example.com/events";
    check(&w.call("POST", path, Some(&meeting("x"))), 404, "global", "notFound", "Not Found");
    for role in [Role::Reader, Role::FreeBusyReader] {
        w.google.set_role("bob@example.com", ME, Some(role));
        check(&w.call("POST", path, Some(&meeting("x"))), 403, "global", "forbidden", "Forbidden");
        assert_eq!(w.get(path).json()["accessRole"], role.name());
    }
    w.google.set_role("bob@example.com", ME, Some(Role::Writer));
    assert_eq!(w.call("POST", path, Some(&meeting("x"))).status(), Some(200));
}

#[test]
fn event_types_are_immutable_and_gmail_events_mostly_closed() {
    let w = world();
    let event = w.made(&meeting("x"));
    assert_eq!(w.patch(id(&event), &json!({ "eventType": "focusTime" })).status(), Some(400));
    let mut body = meeting("x");
    body["eventType"] = json!("fromGmail");
    assert_eq!(w.insert(&body).status(), Some(400));
    let mail = w.google.user_insert(ME, &body).unwrap();
    assert_eq!(w.patch(id(&mail), &json!({ "summary": "y" })).status(), Some(400));
    assert_eq!(w.patch(id(&mail), &json!({ "colorId": "3" })).status(), Some(200));
    let mut body = meeting("x");
    body["eventType"] = json!("focusTime");
    assert_eq!(w.insert(&body).status(), Some(400), "needs its properties");
    body["focusTimeProperties"] = json!({ "chatStatus": "doNotDisturb" });
    assert_eq!(w.made(&body)["eventType"], "focusTime");
    let (only, _) = w.listing("eventTypes=focusTime");
    assert_eq!(only.len(), 1);
}

#[test]
fn import_needs_an_ical_uid_and_updates_on_the_second_time() {
    let w = world();
    let path = format!("{EVENTS}/import");
    assert_eq!(w.call("POST", &path, Some(&meeting("x"))).status(), Some(400));
    let mut body = meeting("x");
    body["iCalUID"] = json!("one@elsewhere");
    body["organizer"] = json!({ "email": "boss@example.com" });
    let first = w.call("POST", &path, Some(&body)).json();
    assert_eq!(first["organizer"]["email"], "boss@example.com");
    body["summary"] = json!("y");
    let second = w.call("POST", &path, Some(&body)).json();
    assert_eq!((second["id"].clone(), second["summary"].clone()), (first["id"].clone(), json!("y")));
    w.google.configure(|config| config.reimport_updates = false);
    assert_eq!(w.call("POST", &path, Some(&body)).status(), Some(409));
    assert_eq!(w.insert(&body).status(), Some(409), "the same iCalUID by insert");
    assert!(w.google.duplicates(ME).is_empty());
}

#[test]
fn bodies_that_are_not_json_are_parse_errors() {
    let w = world();
    let mut request = SimRequest::new("POST", EVENTS).bearer(TOKEN).with_header("content-type", "application/json");
    request.body = b"{".to_vec();
    check(&w.send(request), 400, "global", "parseError", "Parse Error");
}
