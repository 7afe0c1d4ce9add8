//! The rules of the merge as data, `tests/cases/merge/*.json`: each case names its rule.
//!
//! A case gives `base` (or `localBase` and `remoteBase`; null: they never met), `local`, `remote`, who wins (`policy`
//! local or remote, else `newer`), and what both sides should be (`expect`, or `expectLocal` and `expectRemote`) with
//! the clashes as [pointer, winner]. `align` gives the remote side the application's participant keys first, as sync
//! does. The laws that hold for every document are in `merge_laws.rs`.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(clippy::disallowed_methods, reason = "a test may read its cases")]

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;
use tandem_engine::event::Document;
use tandem_engine::event::keys::align;
use tandem_engine::event::merge::{Preference, Side, Versions, merge};

fn document(case: &Value, names: [&str; 2]) -> Document {
    let value = case.get(names[0]).or_else(|| case.get(names[1]));
    match value.unwrap_or_else(|| panic!("{}: neither {} nor {}", case["name"], names[0], names[1])) {
        Value::Null => Document::default(),
        value => Document::new(value.as_object().unwrap().clone()),
    }
}

fn preference(case: &Value) -> Preference {
    let side = |name: &Value| if name == "local" { Side::Local } else { Side::Remote };
    match case.get("policy") {
        Some(policy) => Preference { winner: side(policy), edit_beats_delete: false },
        None => Preference { winner: side(&case["newer"]), edit_beats_delete: true },
    }
}

fn side_name(side: Side) -> &'static str {
    match side {
        Side::Local => "local",
        Side::Remote => "remote",
    }
}

/// What is wrong with a case; none when the merge does as it says.
fn check(case: &Value) -> Option<String> {
    let [local_base, mut remote_base] = [document(case, ["localBase", "base"]), document(case, ["remoteBase", "base"])];
    let [local, mut remote] = [document(case, ["local", ""]), document(case, ["remote", ""])];
    if case["align"] == true {
        remote_base = align(&remote_base, &local);
        remote = align(&remote, &local);
    }
    let versions = Versions { local_base: &local_base, local: &local, remote_base: &remote_base, remote: &remote };
    let merged = merge(versions, preference(case));
    let expected: Vec<(String, &str)> = case["clashes"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|clash| (clash[0].as_str().unwrap().to_owned(), clash[1].as_str().unwrap()))
        .collect();
    let clashes: Vec<(String, &str)> =
        merged.clashes.into_iter().map(|clash| (clash.pointer, side_name(clash.winner))).collect();
    let differ = [
        ("local", merged.local.text().to_owned(), document(case, ["expectLocal", "expect"]).text().to_owned()),
        ("remote", merged.remote.text().to_owned(), document(case, ["expectRemote", "expect"]).text().to_owned()),
        ("clashes", format!("{clashes:?}"), format!("{expected:?}")),
    ];
    let differ: Vec<String> = differ
        .into_iter()
        .filter(|(_, found, expected)| found != expected)
        .map(|(what, found, expected)| format!("  {what}\n    is       {found}\n    expected {expected}"))
        .collect();
    (!differ.is_empty()).then(|| format!("{}\n{}", case["name"], differ.join("\n")))
}

#[test]
fn every_case_merges_as_its_name_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases/merge");
    let (mut names, mut wrong) = (BTreeSet::new(), Vec::new());
    for file in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        for case in serde_json::from_str::<Vec<Value>>(&text).unwrap() {
            let name = case["name"].as_str().unwrap().to_owned();
            assert!(names.insert(name.clone()), "two cases are called {name:?}");
            wrong.extend(check(&case));
        }
    }
    assert!(names.len() >= 90, "only {} cases were found", names.len());
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}
