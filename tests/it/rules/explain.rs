//! An event is explained as a person would: how it repeats, what comes next, and where each exception comes from.

use serde_json::json;
use tandem_engine::editing::{Action, Edit, Scope};
use tandem_engine::explain::{Agreement, ExplainError, Explanation, Kind, Origin, Question};
use tandem_tests::world::{ACCOUNT, BEGINNING_MS, CALENDAR, REPLICA, World, edit_of, meeting};

use super::{idle, only_id};

fn ask(world: &mut World, uid: &str, limit: u32) -> Result<Explanation, ExplainError> {
    let question = Question {
        calendar: CALENDAR.into(),
        uid: uid.into(),
        from_ms: Some(BEGINNING_MS.unsigned_abs()),
        time_zone: "Europe/Berlin".into(),
        limit,
    };
    world.explain(&question)
}

fn this(id: &str, patch: serde_json::Value) -> Edit {
    let action = Action::Patch(patch.to_string());
    Edit { recurrence_id: Some(id.into()), scope: Scope::This, ..edit_of(Some("s@app"), action) }
}

#[test]
fn a_series_with_exceptions_of_both_sides() {
    let mut world = World::new();
    world.settle().unwrap();
    let mut series = meeting("s@app", "Planning", "2026-03-02T09:00:00");
    series["recurrenceRules"] = json!([{"frequency": "weekly", "byDay": [{"day": "mo"}], "count": 10}]);
    series["recurrenceOverrides"] = json!({"2026-03-16T09:00:00": {"excluded": true}});
    world.create(&series).unwrap();
    idle(&mut world);
    let id = only_id(&world);
    world.google.user_delete(ACCOUNT, &format!("{id}_20260309T080000Z")).unwrap();
    world.edit(&this("2026-03-23T09:00:00", json!({"start": "2026-03-25T15:00:00"}))).unwrap();
    idle(&mut world);
    // Made here, and not written yet.
    world.edit(&this("2026-03-30T09:00:00", json!({"title": "Retrospective"}))).unwrap();

    let told = ask(&mut world, "s@app", 4).unwrap();
    assert_eq!(told.when, "Monday 2026-03-02 09:00, for PT1H, Europe/Berlin");
    assert_eq!(told.rules, ["every week on Monday, 10 times"]);
    let next: Vec<&str> = told.next.iter().map(|entry| entry.recurrence_id.as_deref().unwrap()).collect();
    assert_eq!(next, ["2026-03-02T09:00:00", "2026-03-23T09:00:00", "2026-03-30T09:00:00", "2026-04-06T09:00:00"]);
    let said: Vec<_> = told.exceptions.iter().map(|e| (e.kind, e.what.as_str(), &e.origin, e.waiting.len())).collect();
    let (there, lines) = (Origin::Replica(REPLICA.into()), Origin::Series(REPLICA.into()));
    let expected = [
        (Kind::Cancelled, "cancelled", &there, 0),
        (Kind::Cancelled, "cancelled", &lines, 0),
        (Kind::Moved, "moved to Wednesday 2026-03-25 15:00", &Origin::Application, 0),
        (Kind::Changed, "changed title", &Origin::Application, 1),
    ];
    assert_eq!(said, expected);
    assert_eq!((told.replicas[0].state, &told.replicas[0].remote_id), (Agreement::Waiting, &id));
    for line in [
        "Planning\n",
        "  every week on Monday, 10 times\n",
        "  Wednesday 2026-03-25 15:00 to 16:00, instead of Monday 2026-03-23 09:00\n",
        "  Monday 2026-03-09 09:00: cancelled; made at work-google\n",
        "  Monday 2026-03-30 09:00: changed title; made in the application; not yet at work-google\n",
    ] {
        assert!(told.text.contains(line), "{line:?} is not in\n{}", told.text);
    }
    idle(&mut world);
    let told = ask(&mut world, "s@app", 4).unwrap();
    assert_eq!(told.replicas[0].state, Agreement::InStep);
    assert!(told.exceptions.iter().all(|exception| exception.waiting.is_empty()));
}

#[test]
fn a_rare_occurrence_is_found_and_a_hostile_rule_ends() {
    let mut world = World::new();
    let mut rare = meeting("rare@app", "rare", "2024-02-29T09:00:00");
    rare["recurrenceRules"] = json!([{"frequency": "yearly", "interval": 4}]);
    world.create(&rare).unwrap();
    let told = ask(&mut world, "rare@app", 2).unwrap();
    let next: Vec<&str> = told.next.iter().map(|entry| entry.recurrence_id.as_deref().unwrap()).collect();
    assert_eq!(next, ["2028-02-29T09:00:00", "2032-02-29T09:00:00"]);

    let mut never = meeting("never@app", "never", "2026-03-01T09:00:00");
    never["recurrenceRules"] = json!([{"frequency": "minutely", "interval": 7, "byMonth": ["2"], "byMonthDay": [30]}]);
    world.create(&never).unwrap();
    let told = ask(&mut world, "never@app", 5).unwrap();
    assert!(told.next.is_empty());
    assert_eq!(
        told.rules,
        ["every 7 minutes in February on day 30 of the month (expanded only within a bound of work)"]
    );
    assert!(told.problems[0].contains("counts as the first occurrence"), "{:?}", told.problems);
}

#[test]
fn questions_that_cannot_be_answered_say_why() {
    let mut world = World::new();
    assert_eq!(ask(&mut world, "nothing@app", 5), Err(ExplainError::NotFound));
    assert!(matches!(ask(&mut world, "nothing@app", 0), Err(ExplainError::Invalid(_))));
    assert!(matches!(ask(&mut world, "nothing@app", 101), Err(ExplainError::Invalid(_))));
    let mut day = meeting("day@app", "day", "2026-03-10T00:00:00");
    day["showWithoutTime"] = true.into();
    day["duration"] = "P2D".into();
    world.create(&day).unwrap();
    let told = ask(&mut world, "day@app", 5).unwrap();
    assert!(told.text.contains("Tuesday 2026-03-10, 2 days") && told.text.contains("Still to come"), "{}", told.text);
    assert_eq!(told.replicas[0].state, Agreement::Never);
    world.delete("day@app").unwrap();
    assert_eq!(ask(&mut world, "day@app", 5), Err(ExplainError::NotFound));
}
