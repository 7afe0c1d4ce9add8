//! The decision table `tests/cases/plan.jsonl` against `plan`, and what must hold for every decision.
//!
//! The table was written from the rules, not from the code; a row is (mode, writable, base, local, remote) with the
//! policy and the origin where they matter, the decision and its reason.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use serde_json::Value;
use tandem_engine::effects::{ConflictPolicy, ReplicaMode};
use tandem_engine::sync::plan::{Base, Decision, Rules, State, plan};

const MODES: [ReplicaMode; 4] = [ReplicaMode::TwoWay, ReplicaMode::Pull, ReplicaMode::Push, ReplicaMode::BusyOnly];
const POLICIES: [ConflictPolicy; 4] =
    [ConflictPolicy::Newest, ConflictPolicy::Remote, ConflictPolicy::Local, ConflictPolicy::Ask];
const BASES: [Base; 3] = [Base::None, Base::Agreed, Base::Gone];
const STATES: [State; 4] = [State::Missing, State::Same, State::Changed, State::Deleted];

/// Everything that `plan` is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Question {
    base: Base,
    local: State,
    remote: State,
    rules: Rules,
}

impl Question {
    fn decide(self) -> Decision {
        plan(self.base, self.local, self.remote, self.rules)
    }

    /// The name of a value in the table: its Rust name in kebab-case.
    fn matches(&self, row: &Value) -> bool {
        let is = |name: &str, value: String| row[name] == kebab(&value) || row[name] == "any";
        is("base", format!("{:?}", self.base))
            && is("local", format!("{:?}", self.local))
            && is("remote", format!("{:?}", self.remote))
            && is("mode", format!("{:?}", self.rules.mode))
            && is("policy", format!("{:?}", self.rules.policy))
            && row["writable"] == self.rules.writable
            && (row["ours"] == "any" || row["ours"] == self.rules.ours)
    }
}

fn kebab(name: &str) -> String {
    let mut text = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !text.is_empty() {
            text.push('-');
        }
        text.push(c.to_ascii_lowercase());
    }
    text
}

fn rows() -> Vec<Value> {
    let text = include_str!("../../../tests/cases/plan.jsonl");
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn questions() -> impl Iterator<Item = Question> {
    let rules = MODES.into_iter().flat_map(|mode| {
        POLICIES.into_iter().flat_map(move |policy| {
            [(true, true), (true, false), (false, true), (false, false)].map(|(writable, ours)| Rules {
                mode,
                policy,
                writable,
                ours,
            })
        })
    });
    rules.flat_map(|rules| {
        BASES.into_iter().flat_map(move |base| {
            STATES.into_iter().flat_map(move |local| STATES.map(|remote| Question { base, local, remote, rules }))
        })
    })
}

/// What a decision, carried out to its end, makes of an event.
fn after(question: Question, decision: Decision) -> Question {
    let (base, local, remote) = match decision {
        Decision::Nothing => (question.base, question.local, question.remote),
        Decision::CreateLocal
        | Decision::UpdateLocal
        | Decision::Merge
        | Decision::RestoreLocal
        | Decision::RestoreLocalEdited
        | Decision::CreateRemote
        | Decision::UpdateRemote
        | Decision::RecreateRemote => (Base::Agreed, State::Same, State::Same),
        Decision::DeleteLocal
        | Decision::DeleteLocalEdited
        | Decision::DeleteRemote
        | Decision::DeleteRemoteEdited
        | Decision::Forget => (Base::Gone, State::Deleted, State::Deleted),
    };
    Question { base, local, remote, ..question }
}

fn writes_remotely(decision: Decision) -> bool {
    matches!(
        decision,
        Decision::CreateRemote
            | Decision::UpdateRemote
            | Decision::RecreateRemote
            | Decision::DeleteRemote
            | Decision::DeleteRemoteEdited
    )
}

fn writes_locally(decision: Decision) -> bool {
    matches!(
        decision,
        Decision::CreateLocal
            | Decision::UpdateLocal
            | Decision::Merge
            | Decision::DeleteLocal
            | Decision::DeleteLocalEdited
            | Decision::RestoreLocal
            | Decision::RestoreLocalEdited
    )
}

fn there(state: State) -> bool {
    matches!(state, State::Same | State::Changed)
}

#[test]
fn every_question_has_exactly_one_row() {
    let rows = rows();
    for question in questions() {
        let found = rows.iter().filter(|row| question.matches(row)).count();
        assert_eq!(found, 1, "{question:?}");
    }
    let unused = rows.iter().find(|row| !questions().any(|question| question.matches(row)));
    assert!(unused.is_none(), "a row that answers nothing: {unused:?}");
}

#[test]
fn plan_decides_as_the_table_says() {
    let rows = rows();
    let mut wrong = Vec::new();
    for question in questions() {
        let row = rows.iter().find(|row| question.matches(row)).unwrap();
        let decision = kebab(&format!("{:?}", question.decide()));
        if row["then"] != decision.as_str() {
            wrong.push(format!(
                "{question:?}\n  decided {decision}, expected {} because {}",
                row["then"], row["because"]
            ));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn planning_again_after_the_effect_gives_nothing() {
    for question in questions() {
        let decision = question.decide();
        let next = after(question, decision);
        assert_eq!(next.decide(), Decision::Nothing, "after {decision:?} of {question:?}");
    }
}

#[test]
fn what_is_read_only_or_pulled_is_never_written() {
    for question in questions().filter(|q| !q.rules.writable || q.rules.mode == ReplicaMode::Pull) {
        assert!(!writes_remotely(question.decide()), "{question:?}");
    }
}

#[test]
fn what_is_pushed_never_changes_the_application() {
    let pushes = |q: &Question| matches!(q.rules.mode, ReplicaMode::Push | ReplicaMode::BusyOnly);
    for question in questions().filter(pushes) {
        assert!(!writes_locally(question.decide()), "{question:?}");
    }
}

#[test]
fn two_writable_ways_leave_nothing_that_only_one_side_has() {
    let both = |q: &Question| q.rules.mode == ReplicaMode::TwoWay && q.rules.writable;
    for question in questions().filter(both).filter(|q| there(q.local) != there(q.remote)) {
        assert_ne!(question.decide(), Decision::Nothing, "{question:?}");
    }
}

#[test]
fn nothing_comes_back_that_one_side_deleted_and_the_other_left_alone() {
    for question in questions().filter(|q| q.base == Base::Agreed && q.rules.mode == ReplicaMode::TwoWay) {
        match (question.local, question.remote) {
            (State::Same, State::Deleted) => assert_eq!(question.decide(), Decision::DeleteLocal),
            (State::Deleted, State::Same) if question.rules.writable => {
                assert_eq!(question.decide(), Decision::DeleteRemote)
            }
            _ => {}
        }
    }
}

#[test]
fn policy_decides_only_an_edit_against_a_deletion() {
    for question in questions() {
        let clash = matches!(
            (question.local, question.remote),
            (State::Changed, State::Deleted | State::Missing) | (State::Deleted, State::Changed)
        );
        let newest = Question { rules: Rules { policy: ConflictPolicy::Newest, ..question.rules }, ..question };
        if !clash {
            assert_eq!(question.decide(), newest.decide(), "{question:?}");
        }
    }
}
