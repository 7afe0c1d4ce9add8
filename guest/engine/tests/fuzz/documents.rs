//! Documents of the application: an edit is refused whole or stored whole, and what is stored can be shown, explained
//! and brought to every provider.

use arbtest::arbitrary::{Result, Unstructured};
use serde_json::{Value, json};
use tandem_engine::agenda::{self, Query};
use tandem_engine::editing::{Action, Edit, EditError, Scope};
use tandem_engine::event::Document;
use tandem_engine::event::check::problems;
use tandem_engine::explain::{self, Question};

use crate::harness::{Shown, fuzz};
use crate::mutate::{self, SECRET};
use crate::world::{CALENDAR, GOOGLE, OUTLOOK, World, edit_of, rich};

fn patch(source: &mut Unstructured<'_>) -> Result<Value> {
    let all = [
        json!({"title": format!("{SECRET} other"), "description": null}),
        json!({"start": "2026-03-04T10:00:00", "duration": "PT30M"}),
        json!({"recurrenceRules": [{"@type": "RecurrenceRule", "frequency": "daily", "interval": 2, "until": "2026-04-01T09:00:00"}]}),
        json!({"recurrenceRules": null, "recurrenceOverrides": null}),
        json!({"recurrenceOverrides": {"2026-03-31T09:00:00": {"title": SECRET, "locations": {"1": {"name": "x"}}}}}),
        json!({"recurrenceOverrides": {"2026-03-31T09:00:00": {"locations/1/name": SECRET, "alerts/a~1b": {}, "alerts": null}}}),
        json!({"recurrenceOverrides": {"2026-03-10T09:00:00": {"participants/p1/name": null, "participants/p1": {}}}}),
        json!({"participants": {"p2": {"@type": "Participant", "sendTo": {"imip": "mailto:eve@example.com"}}, "p1": null}}),
        json!({"showWithoutTime": true, "start": "2026-03-03T00:00:00", "duration": "P1D", "timeZone": null}),
        json!({"timeZone": "America/New_York", "excluded": true}),
        json!({"alerts": {}, "useDefaultAlerts": true, "status": "tentative", "color": "blue"}),
    ];
    let one = source.choose(&all)?.clone();
    if source.ratio(1, 3)? { Ok(one) } else { mutate::value(source, one) }
}

fn edit(source: &mut Unstructured<'_>) -> Result<Edit> {
    let ids = ["2026-03-03T09:00:00", "2026-03-10T09:00:00", "2026-03-17T09:00:00", "2026-04-21T09:00:00"];
    let mut edit = edit_of(Some("series@app"), Action::Delete);
    edit.scope = *source.choose(&[Scope::All, Scope::This, Scope::ThisAndFollowing])?;
    edit.recurrence_id = match source.int_in_range(0..=9)? {
        0 => None,
        1 => Some(mutate::text(source)?),
        _ => Some((*source.choose(&ids)?).to_owned()),
    };
    edit.action = match source.int_in_range(0..=9)? {
        0 => Action::Delete,
        1 | 2 => Action::Replace(mutate::value(source, rich("series@app"))?.to_string()),
        3 => {
            let patch = patch(source)?.to_string();
            Action::Patch(String::from_utf8_lossy(&mutate::bytes(source, patch.as_bytes())?).into())
        }
        _ => Action::Patch(patch(source)?.to_string()),
    };
    Ok(edit)
}

/// Apply an edit and check what holds for every one.
pub fn check(world: &mut World, edit: &Edit) {
    let before = (world.memory.events.clone(), world.memory.queue.clone(), world.memory.commits);
    match world.apply(edit) {
        Ok(applied) => {
            let uid = applied.event.uid.clone();
            let stored = &world.memory.events[&(CALENDAR.to_owned(), uid)];
            assert_eq!(stored, &applied.event, "the answer is not what is stored");
        }
        Err(error) => {
            assert!(!format!("{error}").contains(SECRET));
            if let EditError::Invalid(found) = &error {
                assert!(!found.is_empty());
                assert!(!found.iter().any(|problem| problem.message.contains(SECRET)), "{found:?}");
            }
            let after = (&world.memory.events, &world.memory.queue, world.memory.commits);
            assert_eq!(after, (&before.0, &before.1, before.2), "refused, and yet something was stored");
        }
    }
    for (key, row) in &world.memory.events {
        let old = before.0.get(key);
        assert!(old.is_none_or(|old| row == old || row.revision == old.revision + 1), "a revision was left out");
        if row.deleted || old == Some(row) {
            continue;
        }
        let document = Document::parse(&row.document).expect("what is stored can be read");
        assert_eq!(document.text(), row.document, "it is stored in its canonical form");
        assert_eq!(problems(&document, &world.zones), [], "what is stored is valid");
        assert!(row.start_ms <= row.end_ms);
        let mut patches = document.overrides().into_iter().flat_map(|all| all.values()).filter_map(Value::as_object);
        assert!(!patches.any(|patch| patch.keys().any(|name| name.contains('/'))), "an override has a path");
    }
}

/// Everything that can be asked about the calendar can be answered.
pub fn shown(world: &mut World) {
    let zones = std::mem::take(&mut world.zones);
    for from_ms in [1_771_000_000_000_u64, 1_774_000_000_000, 4_000_000_000_000] {
        let query = Query {
            calendar: CALENDAR.into(),
            from_ms,
            to_ms: from_ms + 60 * 86_400_000,
            time_zone: "Europe/Berlin".into(),
            limit: 300,
        };
        assert!(agenda::occurrences(world, &zones, &query).unwrap().entries.len() <= 300);
    }
    let uids: Vec<String> =
        world.memory.events.values().filter(|row| !row.deleted).map(|row| row.uid.clone()).collect();
    for uid in uids {
        let question = Question {
            calendar: CALENDAR.into(),
            uid,
            from_ms: Some(1_772_000_000_000),
            time_zone: "Europe/Berlin".into(),
            limit: 20,
        };
        explain::explain(world, &zones, &question).unwrap();
    }
    world.zones = zones;
}

#[test]
fn documents_of_any_shape() {
    fuzz("documents", 250, |source| {
        let mut world = World::new(&[GOOGLE, OUTLOOK]);
        let mut edits = Vec::new();
        let first = rich("series@app");
        let first = if source.ratio(1, 2)? { mutate::value(source, first)? } else { first };
        edits.push(edit_of(None, Action::Create(first.to_string())));
        for _ in 0..source.int_in_range(0..=6)? {
            edits.push(edit(source)?);
        }
        let between = source.ratio(1, 2)?;
        let _shown = Shown(format!("{edits:#?}"));
        for edit in &edits {
            check(&mut world, edit);
            shown(&mut world);
            if between {
                world.settle();
            }
        }
        world.settle();
        world.tells_no_secrets();
        Ok(())
    });
}
