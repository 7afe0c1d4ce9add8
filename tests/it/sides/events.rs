//! Single events and series, made and edited on each side.

use serde_json::json;
use tandem_tests::world::{ACCOUNT, google_meeting, meeting};

use super::{google, idle, outlook, outlook_meeting, quiet, three, titles};

#[test]
fn what_is_made_on_one_side_is_on_all() {
    let mut world = three();
    world.create(&meeting("a@app", "from the application", "2026-03-03T09:00:00")).unwrap();
    world
        .google
        .user_insert(ACCOUNT, &google_meeting("from Google", "2026-03-04T09:00:00", "2026-03-04T10:00:00"))
        .unwrap();
    world
        .microsoft
        .user_insert(ACCOUNT, &outlook_meeting("from Outlook", "2026-03-05T09:00:00", "2026-03-05T10:00:00"))
        .unwrap();
    idle(&mut world);
    let all = ["from Google", "from Outlook", "from the application"];
    assert_eq!(titles(&world), [all, all, all].map(|side| side.map(str::to_owned).to_vec()));
    quiet(&mut world);
    assert_eq!(titles(&world)[0].len(), 3, "no duplicate");
}

#[test]
fn an_edit_on_one_side_arrives_on_all_and_nothing_else_changes() {
    let mut world = three();
    let mut event = google_meeting("planning", "2026-03-04T09:00:00", "2026-03-04T10:00:00");
    // Nothing that Microsoft has a place for.
    event["colorId"] = "5".into();
    event["location"] = "Room 1".into();
    let id = world.google.user_insert(ACCOUNT, &event).unwrap()["id"].as_str().unwrap().to_owned();
    idle(&mut world);
    let there = outlook(&world)[0].clone();
    assert_eq!((&there["subject"], &there["location"]["displayName"]), (&json!("planning"), &json!("Room 1")));
    world
        .microsoft
        .user_patch(ACCOUNT, there["id"].as_str().unwrap(), &json!({"subject": "renamed in Outlook"}))
        .unwrap();
    idle(&mut world);
    let at_google = google(&world)[0].clone();
    assert_eq!((&at_google["summary"], &at_google["colorId"]), (&json!("renamed in Outlook"), &json!("5")));
    world.google.user_patch(ACCOUNT, &id, &json!({"location": "Room 2"})).unwrap();
    idle(&mut world);
    let there = outlook(&world)[0].clone();
    assert_eq!(
        (&there["subject"], &there["location"]["displayName"]),
        (&json!("renamed in Outlook"), &json!("Room 2"))
    );
    quiet(&mut world);
    world.google.user_delete(ACCOUNT, &id).unwrap();
    idle(&mut world);
    assert_eq!(titles(&world), [vec![], vec![], Vec::<String>::new()]);
    quiet(&mut world);
}

#[test]
fn a_series_with_exceptions_is_the_same_on_all_sides() {
    let mut world = three();
    let mut series = meeting("s@app", "series", "2026-03-25T09:00:00");
    series["recurrenceRules"] = json!([{"@type": "RecurrenceRule", "frequency": "daily", "count": 10}]);
    series["recurrenceOverrides"] = json!({
        "2026-03-27T09:00:00": {"excluded": true},
        "2026-03-30T09:00:00": {"start": "2026-03-30T15:00:00", "title": "moved"},
    });
    world.create(&series).unwrap();
    idle(&mut world);
    quiet(&mut world);
    let id =
        google(&world).iter().find(|event| event["recurrence"].is_array()).unwrap()["id"].as_str().unwrap().to_owned();
    world.google.user_delete(ACCOUNT, &format!("{id}_20260401T070000Z")).unwrap();
    idle(&mut world);
    let cancelled = |world: &tandem_tests::world::World| {
        world.microsoft.truth(ACCOUNT).iter().filter(|event| event["type"] == "cancelled").count()
    };
    assert_eq!(cancelled(&world), 2, "{:#?}", world.microsoft.truth(ACCOUNT));
    let moved: Vec<_> = outlook(&world).into_iter().filter(|event| event["type"] == "exception").collect();
    assert_eq!((moved.len(), &moved[0]["subject"]), (1, &json!("moved")));
    quiet(&mut world);
}
