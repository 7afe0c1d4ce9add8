//! The files of cases, read.

use std::path::PathBuf;

use serde_json::Value;
use tandem_engine::effects::ConflictPolicy;
use tandem_engine::time::parse_rfc3339;
use tandem_tests::person::{Change, Occurrence, Place, Window};

/// What is looked at when a case says nothing: 2026-02-01 to 2027-02-01.
const WINDOW: (&str, &str) = ("2026-02-01", "2027-02-01");

/// A case.
pub(crate) struct Case {
    /// Its name.
    pub id: String,
    /// The series, without its uid.
    pub series: Value,
    /// Who wins where both edit.
    pub policy: ConflictPolicy,
    /// What happens, in order.
    pub edits: Vec<Step>,
    /// Ways that a provider must have for the case to make sense.
    pub needs: Vec<String>,
    /// What is looked at.
    pub window: Window,
    /// What a person must see, sorted.
    pub seen: Vec<Occurrence>,
    /// How many series each side must have.
    pub parts: usize,
    /// How many conflicts must be recorded.
    pub conflicts: usize,
}

/// A step of a case.
pub(crate) enum Step {
    /// An edit.
    Edit(Edit),
    /// All is settled before the next edit.
    Sync,
}

/// An edit of a case.
pub(crate) struct Edit {
    /// Whether the application makes it; else the remote person.
    pub here: bool,
    /// How much it touches.
    pub scope: String,
    /// Which series, 0 being the one that starts first.
    pub part: usize,
    /// Which occurrence.
    pub at: Option<Place>,
    /// What it does.
    pub change: Change,
}

impl Case {
    /// The cases of a file.
    pub(crate) fn read(file: &str) -> Vec<Self> {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("cases/series").join(file);
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
        text.lines().map(|line| Self::of(&serde_json::from_str(line).unwrap())).collect()
    }

    fn of(row: &Value) -> Self {
        let number = |value: &Value| usize::try_from(value.as_u64().unwrap()).unwrap();
        let day = |date: &str| parse_rfc3339(&format!("{date}T00:00:00Z")).unwrap();
        let mut seen: Vec<Occurrence> =
            row["expect"]["occurrences"].as_array().unwrap().iter().map(Occurrence::expected).collect();
        seen.sort();
        Self {
            id: row["id"].as_str().unwrap().to_owned(),
            series: row["series"].clone(),
            policy: match row["policy"].as_str().unwrap() {
                "newest" => ConflictPolicy::Newest,
                "remote" => ConflictPolicy::Remote,
                "local" => ConflictPolicy::Local,
                "ask" => ConflictPolicy::Ask,
                other => panic!("no policy: {other}"),
            },
            edits: row["edits"].as_array().unwrap().iter().map(Step::of).collect(),
            needs: row["needs"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|need| need.as_str().unwrap().to_owned())
                .collect(),
            window: (day(WINDOW.0), day(row["until"].as_str().unwrap_or(WINDOW.1))),
            seen,
            parts: number(&row["expect"]["series"]),
            conflicts: number(&row["expect"]["conflicts"]),
        }
    }
}

impl Step {
    fn of(row: &Value) -> Self {
        let here = match row["who"].as_str().unwrap() {
            "app" => true,
            "remote" => false,
            "sync" => return Self::Sync,
            other => panic!("who is {other}?"),
        };
        let at = row["recurrenceId"].as_str().map(|recurrence_id| Place {
            recurrence_id: recurrence_id.to_owned(),
            utc: row["utc"].as_str().map(str::to_owned),
        });
        Self::Edit(Edit {
            here,
            scope: row["scope"].as_str().unwrap().to_owned(),
            part: usize::try_from(row["part"].as_u64().unwrap_or(1)).unwrap() - 1,
            at,
            change: Change::new(row["change"].clone()),
        })
    }
}
