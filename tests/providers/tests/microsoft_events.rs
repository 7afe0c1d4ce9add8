//! Single events of the simulated Microsoft: create, read, change, delete, and what a caller may write.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail by panicking"
)]

mod graph;

use graph::*;
use serde_json::json;
use tandem_providers::SimRequest;
use tandem_providers::microsoft::{Bound, Config, RepeatedTransaction};

#[test]
fn a_new_event_is_201_with_the_service_s_own_members() {
    let w = world();
    let event = w.made(&meeting("Planning"));
    assert_eq!(event["type"], "singleInstance");
    assert_eq!(event["start"], json!({ "dateTime": "2026-03-03T09:00:00.0000000", "timeZone": "UTC" }));
    assert_eq!(event["originalStartTimeZone"], BERLIN);
    assert_eq!(event["@odata.etag"], format!("W/\"{}\"", event["changeKey"].as_str().unwrap()));
    assert_eq!(event["createdDateTime"], "2026-03-02T08:00:00.0100000Z");
    assert_eq!(event["showAs"], "busy");
    assert_eq!(event["isOrganizer"], true);
    assert!(event["seriesMasterId"].is_null() && event["recurrence"].is_null() && event.get("originalStart").is_none());
    assert_eq!(w.event(id(&event)), event);
}

#[test]
fn the_wanted_zone_changes_only_start_and_end() {
    let mut w = world();
    let event = w.made(&meeting("x"));
    w.prefer = vec!["outlook.timezone=\"Eastern Standard Time\", IdType=\"ImmutableId\"".to_owned()];
    let response = w.get(&format!("{EVENTS}/{}", id(&event)));
    let seen = response.json();
    assert_eq!(
        seen["start"],
        json!({ "dateTime": "2026-03-03T04:00:00.0000000", "timeZone": "Eastern Standard Time" })
    );
    assert_eq!(seen["createdDateTime"], event["createdDateTime"]);
    let applied = response.header("preference-applied").unwrap();
    assert!(applied.contains("outlook.timezone") && applied.contains("ImmutableId"), "{applied}");
    w.prefer = vec!["outlook.timezone=\"Mars\"".to_owned()];
    refused(&w.get(&format!("{EVENTS}/{}", id(&event))), 400, "TimeZoneNotSupportedException");
}

#[test]
fn windows_names_and_listed_iana_names_are_zones_and_others_are_not() {
    let w = world();
    let with = |zone: &str| {
        let at = |text: &str| json!({ "dateTime": text, "timeZone": zone });
        w.insert(&json!({ "start": at("2026-07-01T12:00:00"), "end": at("2026-07-01T13:00:00") }))
    };
    for (zone, utc) in [
        ("Asia/Kolkata", "06:30"),
        ("India Standard Time", "06:30"),
        ("America/New_York", "16:00"),
        ("UTC", "12:00"),
        ("tzone://Microsoft/Utc", "12:00"),
    ] {
        let response = with(zone);
        assert_eq!(response.status(), Some(201), "{zone}");
        assert_eq!(starts(&[response.json()]), [format!("2026-07-01T{utc}")], "{zone}");
        assert_eq!(response.json()["originalStartTimeZone"], zone);
    }
    for zone in ["Europe/Vienna", "tzone://Microsoft/Custom", ""] {
        refused(&with(zone), 400, "TimeZoneNotSupportedException");
    }
    w.graph.configure(|config| config.keeps_iana = false);
    assert_eq!(with("Asia/Kolkata").json()["originalStartTimeZone"], "India Standard Time");
}

#[test]
fn a_custom_zone_can_only_be_read() {
    let w = world();
    let mut event = meeting("old");
    event["originalStartTimeZone"] = json!("tzone://Microsoft/Custom");
    let event = w.graph.user_insert(ME, &event).unwrap();
    assert_eq!(w.event(id(&event))["originalStartTimeZone"], "tzone://Microsoft/Custom");
    let patch = json!({ "start": at("2026-03-03T10:30:00") });
    assert_eq!(w.patched(id(&event), &patch)["originalStartTimeZone"], BERLIN);
}

#[test]
fn all_day_is_whole_days_at_midnight_in_one_zone() {
    let w = world();
    let day = |start: &str, end: &str| json!({ "isAllDay": true, "start": at(start), "end": at(end) });
    let made = w.made(&day("2026-03-03T00:00:00", "2026-03-04T00:00:00"));
    assert_eq!(starts(std::slice::from_ref(&made)), ["2026-03-02T23:00"], "midnight of Berlin, not of UTC");
    refused(&w.insert(&day("2026-03-03T00:00:00", "2026-03-03T00:00:00")), 400, "ErrorPropertyValidationFailure");
    refused(&w.insert(&day("2026-03-03T10:00:00", "2026-03-04T00:00:00")), 400, "ErrorPropertyValidationFailure");
    let mut two = day("2026-03-03T00:00:00", "2026-03-04T00:00:00");
    two["end"]["timeZone"] = json!("Europe/Paris");
    refused(&w.insert(&two), 400, "ErrorPropertyValidationFailure");
    refused(&w.patch(id(&made), &json!({ "end": at("2026-03-04T01:00:00") })), 400, "ErrorPropertyValidationFailure");
    w.graph.configure(|config| config.all_day_floats = true);
    assert_eq!(starts(&[w.event(id(&made))]), ["2026-03-03T00:00"]);
    assert_eq!(starts(&[w.made(&meeting("timed"))]), ["2026-03-03T09:00"], "only all-day events float");
}

#[test]
fn an_end_before_the_start_is_refused() {
    let w = world();
    let body = json!({ "start": at("2026-03-03T10:00:00"), "end": at("2026-03-03T09:00:00") });
    refused(&w.insert(&body), 400, "ErrorCalendarEndDateIsEarlierThanStartDate");
}

#[test]
fn patch_changes_what_it_names_and_moves_the_change_key() {
    let w = world();
    let mut body = meeting("x");
    body["location"] = json!({ "displayName": "Room 1" });
    let event = w.made(&body);
    let after =
        w.patched(id(&event), &json!({ "subject": "y", "categories": ["Blue category"], "sensitivity": "private" }));
    assert_eq!((&after["subject"], &after["sensitivity"]), (&json!("y"), &json!("private")));
    assert_eq!(after["location"]["displayName"], "Room 1");
    assert_eq!(after["locations"].as_array().unwrap().len(), 1);
    assert_ne!(after["changeKey"], event["changeKey"]);
    let two = json!({ "locations": [{ "displayName": "A" }, { "displayName": "B" }] });
    assert_eq!(w.patched(id(&event), &two)["location"]["displayName"], "A; B");
    let gone = w.patched(id(&event), &json!({ "location": null, "subject": null }));
    assert_eq!((gone["locations"].as_array().unwrap().len(), &gone["subject"]), (0, &json!("")));
}

#[test]
fn a_write_without_effect_may_or_may_not_move_the_change_key() {
    let w = world();
    let event = w.made(&meeting("x"));
    let again = w.patched(id(&event), &json!({ "subject": "x" }));
    assert_ne!(again["changeKey"], event["changeKey"]);
    w.graph.configure(|config| config.no_op_keeps_change_key = true);
    assert_eq!(w.patched(id(&event), &json!({ "subject": "x" }))["changeKey"], again["changeKey"]);
}

#[test]
fn unknown_members_are_400_read_only_ones_too_and_unmodelled_ones_501() {
    let w = world();
    let event = w.made(&meeting("x"));
    refused(&w.patch(id(&event), &json!({ "title": "x" })), 400, "RequestBodyRead");
    refused(&w.patch(id(&event), &json!({ "start": { "date": "2026-03-03" } })), 400, "RequestBodyRead");
    refused(&w.patch(id(&event), &json!({ "showAs": "away" })), 400, "RequestBodyRead");
    assert_eq!(w.patch(id(&event), &json!({ "attachments": [] })).status(), Some(501));
    for name in ["transactionId", "type", "seriesMasterId", "iCalUId", "organizer", "isCancelled"] {
        refused(&w.patch(id(&event), &json!({ name: "x" })), 400, "ErrorInvalidPropertySet");
    }
    w.graph.configure(|config| config.read_only_members = Bound::Clamp);
    let after = w.patched(id(&event), &json!({ "iCalUId": "mine", "subject": "y" }));
    assert_eq!((&after["iCalUId"], &after["subject"]), (&event["iCalUId"], &json!("y")));
}

#[test]
fn a_stale_if_match_is_412_and_the_switch_turns_it_off() {
    let w = world();
    let event = w.made(&meeting("x"));
    w.patched(id(&event), &json!({ "subject": "y" }));
    let path = format!("{EVENTS}/{}", id(&event));
    let with = |method: &str, etag: &str| {
        let request = SimRequest::new(method, &path).bearer(TOKEN).with_header("If-Match", etag);
        w.send(if method == "PATCH" { request.json(&json!({ "subject": "z" })) } else { request })
    };
    let stale = event["@odata.etag"].as_str().unwrap();
    refused(&with("PATCH", stale), 412, "ErrorIrresolvableConflict");
    refused(&with("DELETE", stale), 412, "ErrorIrresolvableConflict");
    let fresh = w.event(id(&event));
    assert_eq!(with("PATCH", fresh["@odata.etag"].as_str().unwrap()).status(), Some(200));
    assert_eq!(with("PATCH", "*").status(), Some(200));
    w.graph.configure(|config| config.if_match = false);
    assert_eq!(with("PATCH", stale).status(), Some(200));
}

#[test]
fn a_new_event_s_change_key_drifts_by_itself() {
    let w = world_with(Config::default());
    let event = w.made(&meeting("x"));
    let link = w.events_delta().link;
    assert!(w.listing(&link).rows.is_empty());
    w.clock.advance(5_000);
    let after = w.event(id(&event));
    assert_ne!(after["changeKey"], event["changeKey"]);
    assert_eq!(after["lastModifiedDateTime"], event["lastModifiedDateTime"]);
    assert_eq!(w.listing(&link).rows.len(), 1, "the drift is listed");
    w.graph.configure(|config| config.drift_is_listed = false);
    let quiet = w.made(&meeting("quiet"));
    let link = w.events_delta().link;
    w.clock.advance(5_000);
    assert!(w.listing(&link).rows.is_empty());
    assert_ne!(w.event(id(&quiet))["changeKey"], quiet["changeKey"]);
}

#[test]
fn a_repeated_transaction_makes_no_second_event() {
    let w = world();
    let mut body = meeting("x");
    body["transactionId"] = json!("one");
    let first = w.made(&body);
    assert_eq!(first["transactionId"], "one");
    for (form, status) in [(RepeatedTransaction::Created, 201), (RepeatedTransaction::Ok, 200)] {
        w.graph.configure(|config| config.repeated_transaction = form);
        let again = w.insert(&body);
        assert_eq!((again.status(), id(&again.json())), (Some(status), id(&first)));
    }
    w.graph.configure(|config| config.repeated_transaction = RepeatedTransaction::Conflict);
    refused(&w.insert(&body), 409, "ErrorDuplicateTransactionId");
    assert_eq!(w.graph.live_count(ME), 1);
    w.delete(id(&first));
    assert_ne!(id(&w.made(&body)), id(&first), "what is deleted is not answered again");
}

#[test]
fn deleting_is_204_then_404_and_ids_are_checked() {
    let w = world();
    let event = w.made(&meeting("x"));
    assert_eq!(w.delete(id(&event)).status(), Some(204));
    refused(&w.delete(id(&event)), 404, "ErrorItemNotFound");
    refused(&w.get(&format!("{EVENTS}/{}", id(&event))), 404, "ErrorItemNotFound");
    refused(&w.get(&format!("{EVENTS}/nonsense")), 400, "ErrorInvalidIdMalformed");
    let other = w.made(&meeting("y"));
    let swapped: String =
        id(&other).chars().map(|c| if c.is_lowercase() { c.to_ascii_uppercase() } else { c }).collect();
    assert_ne!(w.get(&format!("{EVENTS}/{swapped}")).status(), Some(200), "ids are case-sensitive");
    w.graph.add_account("eve@example.com", "UTC");
    w.graph.grant_access("eve@example.com", "eve", 1_000_000);
    let foreign = SimRequest::new("GET", &format!("{EVENTS}/{}", id(&other))).bearer("eve");
    refused(&w.send(foreign), 403, "ErrorAccessDenied");
}

#[test]
fn immutable_ids_survive_a_move_and_default_ids_do_not() {
    let mut w = world();
    let event = w.made(&meeting("x"));
    let second = w.graph.add_calendar(ME, "Second");
    w.prefer = vec!["IdType=\"ImmutableId\"".to_owned()];
    let immutable = id(&w.event(id(&event))).to_owned();
    assert_ne!(immutable, id(&event));
    let body = json!({ "inputIds": [id(&event)], "sourceIdType": "restId", "targetIdType": "restImmutableEntryId" });
    let translated = w.call("POST", "/v1.0/me/translateExchangeIds", Some(&body)).json();
    assert_eq!(translated["value"][0]["targetId"], immutable);
    let link = w.events_delta().link;
    let moved = w.graph.user_transfer(ME, id(&event), &second).unwrap();
    assert_ne!(id(&moved), id(&event));
    refused(&w.get(&format!("{EVENTS}/{}", id(&event))), 404, "ErrorItemNotFound");
    assert_eq!(w.event(&immutable)["subject"], "x");
    assert_eq!(w.listing(&link).removed(), [immutable.as_str()], "gone from the old calendar");
    let rows = w.listing(&format!("/v1.0/me/calendars/{second}/events")).rows;
    assert_eq!(id(&rows[0]), immutable);
}

#[test]
fn html_is_rewritten_and_text_can_be_asked_for() {
    let mut w = world();
    let mut body = meeting("x");
    body["body"] = json!({ "contentType": "html", "content": "<p>one &amp; two</p>" });
    let event = w.made(&body);
    let content = event["body"]["content"].as_str().unwrap();
    assert!(content.starts_with("<html>") && content.contains("<p>one &amp; two</p>"), "{content}");
    assert_eq!(event["bodyPreview"], "one & two");
    let again = w.patched(id(&event), &json!({ "body": event["body"] }));
    assert_eq!(again["body"], event["body"], "what came back can be sent back");
    let text = w.patched(id(&event), &json!({ "body": { "contentType": "text", "content": "a < b\nc" } }));
    assert_eq!(text["body"]["contentType"], "html");
    w.prefer = vec!["outlook.body-content-type=\"text\"".to_owned()];
    assert_eq!(w.event(id(&event))["body"], json!({ "contentType": "text", "content": "a < b\r\nc" }));
    w.prefer.clear();
    let odd = json!({ "body": { "contentType": "text", "content": " a  b\t<\nc " } });
    for (keeps_blanks, expected) in
        [(false, " a b &lt;<br>\r\nc "), (true, "&nbsp;a&nbsp;&nbsp;b&nbsp;&nbsp;&nbsp;&nbsp;&lt;<br>\r\nc&nbsp;")]
    {
        w.graph.configure(|config| config.keeps_blanks = keeps_blanks);
        let spaced = w.patched(id(&event), &odd);
        assert!(spaced["body"]["content"].as_str().unwrap().contains(&format!(">{expected}</div>")), "{spaced}");
        assert_eq!(w.patched(id(&event), &json!({ "body": spaced["body"] }))["body"], spaced["body"]);
    }
    w.graph.configure(|config| config.rewrites_bodies = false);
    let kept = w.patched(id(&event), &json!({ "body": { "contentType": "text", "content": "plain" } }));
    assert_eq!(kept["body"], json!({ "contentType": "text", "content": "plain" }));
}

#[test]
fn a_body_written_without_the_join_link_ends_the_online_meeting() {
    let w = world();
    let mut body = meeting("x");
    body["isOnlineMeeting"] = json!(true);
    let event = w.made(&body);
    let link = event["onlineMeeting"]["joinUrl"].as_str().unwrap();
    let content = event["body"]["content"].as_str().unwrap();
    assert!(content.contains(link));
    assert_eq!(event["onlineMeetingProvider"], "teamsForBusiness");
    let kept = content.replace("<body>\r\n", "<body>\r\n<p>agenda</p>");
    let after = w.patched(id(&event), &json!({ "body": { "contentType": "html", "content": kept } }));
    assert_eq!(after["isOnlineMeeting"], true);
    let bare = json!({ "body": { "contentType": "html", "content": "<p>agenda</p>" } });
    let lost = w.patched(id(&event), &bare);
    assert_eq!((&lost["isOnlineMeeting"], &lost["onlineMeeting"]), (&json!(false), &json!(null)));
    w.graph.configure(|config| config.lost_link_ends_meeting = false);
    let second = w.made(&body);
    assert_eq!(w.patched(id(&second), &bare)["isOnlineMeeting"], true);
}

#[test]
fn mails_to_attendees_cannot_be_switched_off() {
    let w = world();
    let guest =
        |name: &str| json!({ "type": "required", "emailAddress": { "address": format!("{name}@example.com") } });
    let mut body = meeting("x");
    body["attendees"] = json!([guest("bob"), guest("eve"), { "emailAddress": { "address": ME } }]);
    body["responseRequested"] = json!(false);
    let mails = || w.graph.counters().mails;
    let event = w.made(&body);
    assert_eq!(mails(), 2, "an invitation each, none to oneself");
    w.patched(id(&event), &json!({ "subject": "y", "body": { "contentType": "text", "content": "z" } }));
    assert_eq!(mails(), 2, "a new subject mails nobody");
    w.patched(id(&event), &json!({ "end": at("2026-03-03T12:00:00") }));
    assert_eq!(mails(), 4);
    w.patched(id(&event), &json!({ "attendees": [guest("bob"), guest("joe")] }));
    assert_eq!(mails(), 6, "one went, one came");
    w.delete(id(&event));
    assert_eq!(mails(), 8);
    w.graph.configure(|config| config.delete_mails = false);
    let quiet = w.made(&body);
    w.delete(id(&quiet));
    assert_eq!(mails(), 10, "only the invitations");
    w.graph.user_insert(ME, &meeting("mine")).unwrap();
    assert_eq!(mails(), 10);
}

#[test]
fn answers_of_attendees_are_their_own() {
    let w = world();
    let mut body = meeting("x");
    body["attendees"] =
        json!([{ "emailAddress": { "address": "bob@example.com" }, "status": { "response": "accepted" } }]);
    let event = w.made(&body);
    assert_eq!(event["attendees"][0]["status"]["response"], "none");
    let mut invited = meeting("invited");
    invited["organizer"] = json!({ "emailAddress": { "address": "bob@example.com" } });
    invited["responseStatus"] = json!({ "response": "notResponded", "time": "0001-01-01T00:00:00Z" });
    let invited = w.graph.user_insert(ME, &invited).unwrap();
    assert_eq!(w.event(id(&invited))["isOrganizer"], false);
    let path = format!("{EVENTS}/{}", id(&invited));
    assert_eq!(w.call("POST", &format!("{path}/accept"), Some(&json!({ "sendResponse": false }))).status(), Some(202));
    assert_eq!(w.event(id(&invited))["responseStatus"]["response"], "accepted");
    let mails = w.graph.counters().mails;
    assert_eq!(w.call("POST", &format!("{EVENTS}/{}/cancel", id(&event)), Some(&json!({}))).status(), Some(202));
    assert_eq!(w.graph.counters().mails, mails + 1);
    refused(&w.call("POST", &format!("{path}/cancel"), Some(&json!({}))), 400, "ErrorInvalidRequest");
}

#[test]
fn marks_are_found_by_filter_and_read_only_when_expanded() {
    let w = world();
    let mut body = meeting("marked");
    body["singleValueExtendedProperties"] = json!([{ "id": MARK, "value": "uid one" }]);
    let event = w.made(&body);
    w.made(&meeting("other"));
    assert!(event.get("singleValueExtendedProperties").is_none());
    let encode = |text: &str| text.replace(' ', "%20").replace('{', "%7B").replace('}', "%7D").replace('\'', "%27");
    let filter = format!("singleValueExtendedProperties/Any(ep: ep/id eq '{MARK}' and ep/value eq 'uid one')");
    let found = w.listing(&format!("{EVENTS}?$filter={}", encode(&filter))).rows;
    assert_eq!(found.iter().map(id).collect::<Vec<_>>(), [id(&event)]);
    let expand = encode(&format!("singleValueExtendedProperties($filter=id eq '{MARK}')"));
    let seen = w.event(&format!("{}?$expand={expand}", id(&event)));
    assert_eq!(seen["singleValueExtendedProperties"], json!([{ "id": MARK, "value": "uid one" }]));
    let bad = json!({ "singleValueExtendedProperties": [{ "id": "tandem", "value": "x" }] });
    refused(&w.patch(id(&event), &bad), 400, "ErrorInvalidExtendedProperty");
    assert!(w.graph.duplicates_by_property(ME, MARK).is_empty());
    w.insert(&body);
    assert_eq!(w.graph.duplicates_by_property(ME, MARK), ["uid one"]);
}

#[test]
fn open_extensions_live_beside_the_event() {
    let w = world();
    let mut body = meeting("x");
    let open =
        |name: &str| json!({ "@odata.type": "microsoft.graph.openTypeExtension", "extensionName": name, "k": "v" });
    body["extensions"] = json!([open("com.one")]);
    let event = w.made(&body);
    assert!(event.get("extensions").is_none());
    let path = format!("{EVENTS}/{}/extensions", id(&event));
    assert_eq!(w.call("POST", &path, Some(&open("com.two"))).status(), Some(201));
    let seen = w.event(&format!("{}?$expand=extensions", id(&event)));
    let names: Vec<_> = seen["extensions"].as_array().unwrap().iter().map(|one| one["extensionName"].clone()).collect();
    assert_eq!(names, ["com.one", "com.two"]);
    let changed = w.call("PATCH", &format!("{path}/com.two"), Some(&json!({ "k": "w" })));
    assert_eq!(changed.json()["k"], "w");
    assert_eq!(w.call("DELETE", &format!("{path}/com.two"), None).status(), Some(204));
    assert_eq!(w.get(&format!("{path}/com.two")).status(), Some(404));
    let large =
        json!({ "@odata.type": "microsoft.graph.openTypeExtension", "extensionName": "l", "k": "x".repeat(3000) });
    assert_eq!(w.call("POST", &path, Some(&large)).status(), Some(400));
}

#[test]
fn a_read_only_calendar_is_never_written() {
    let w = world();
    let event = w.made(&meeting("x"));
    w.graph.set_can_edit(ME, false);
    assert_eq!(w.get("/v1.0/me/calendar").json()["canEdit"], false);
    refused(&w.insert(&meeting("y")), 403, "ErrorAccessDenied");
    refused(&w.patch(id(&event), &json!({ "subject": "y" })), 403, "ErrorAccessDenied");
    refused(&w.delete(id(&event)), 403, "ErrorAccessDenied");
    assert_eq!(w.graph.user_patch(ME, id(&event), &json!({ "subject": "z" })).unwrap()["subject"], "z");
}
