//! A write without an answer that was applied: what was sent is what both sides last agreed on, whatever was done since, here
//! or there. Else an edit that is taken back here would be somebody's edit there, and one that somebody made there since
//! would be merged as if it had not seen ours (invariants I1, I6).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::plan::State;
use super::present::{Present, overrides};
use super::scene::{Local, Pending, Scene, remote_base, wanted_remote};
use super::sent::{Apart, told};
use super::session::Session;
use super::settle::followed;
use crate::effects::{Effects, Shadow};
use crate::event::Document;
use crate::event::keys::align;
use crate::event::merge::TIME;
use crate::provider::Notes;
use crate::recurrence::has_occurrence;
use crate::seeded::{Bug, has};

/// Properties of an event or series itself that are told together.
type Group<'a> = Vec<&'a str>;

/// What of a request the provider shows.
struct Reading {
    /// The event or series itself as it was when the request had been applied.
    document: Document,
    /// Groups of properties that the request changed and that are as it said.
    hits: usize,
    /// Groups of properties that it changed and that are not: of a known event it is not applied then, or somebody has written
    /// over it, which is a clash to be recorded.
    misses: usize,
}

impl<F: Effects> Session<'_, F> {
    /// The shadow as the answer to a write that was applied would have left it, when the provider shows that one was: of a
    /// known event, or of one that was created (its shadow is gone or has no remote id).
    pub(super) fn applied(&self, local: &Local, shadow: Option<&Shadow>, present: &Present) -> Option<Shadow> {
        let shadow = shadow.filter(|_| local.is_there() && !has(Bug::OwnWriteTakenForEdit))?;
        let notes = Notes::parse(&shadow.notes);
        if notes.unanswered().next().is_none() || !shadow.gone && present.document.text() == shadow.remote {
            return None;
        }
        let is_known = !shadow.gone;
        let known = if is_known { remote_base(shadow, local) } else { Document::default() };
        let base = align(&known, &present.document);
        let sent = notes.sent.iter().filter_map(|sent| Document::parse(sent).ok());
        // Where two fit alike, the first: what was edited here after it is an edit then.
        let best = sent
            .rev()
            .map(|sent| (self.reading(present, &base, &align(&sent, &present.document)), sent))
            .filter(|(reading, _)| reading.hits > 0 && !(is_known && reading.misses > 0))
            .max_by_key(|(reading, _)| reading.hits.cast_signed() - reading.misses.cast_signed());
        let told = told(&notes, present);
        let apart = Apart { session: self, present, told: &told, base: &base, notes: &notes };
        let (now, before) = (overrides(&present.document), overrides(&base));
        let ids: BTreeSet<&String> = now.keys().chain(before.keys()).collect();
        let is_written = ids.iter().any(|id| now.get(*id) != before.get(*id) && apart.was_sent(id));
        if best.is_none() && !(is_known && is_written) {
            return None;
        }
        let mut exceptions = Map::new();
        for id in ids {
            let value = if apart.is_ours(id) { now.get(id) } else { before.get(id) };
            if let Some(value) = value {
                exceptions.insert(id.clone(), value.clone());
            }
        }
        let mut remote = best.as_ref().map_or_else(|| base.clone(), |(reading, _)| reading.document.clone());
        remote.set_overrides(exceptions);
        remote.set_uid(&shadow.uid);
        let agreed = match best {
            // What the provider has no words for is in what was sent, and is not taken away there.
            Some((_, mut sent)) if !is_known => {
                self.doubt_what_was_overwritten(present, &notes, &mut remote, &mut sent);
                sent.set_overrides(overrides(&remote));
                sent
            }
            _ => followed(&local.base, &known, &remote),
        };
        let notes = Notes { sent: Vec::new(), earlier: Vec::new(), deleted: false, sent_ms: 0, ..notes };
        Some(Shadow {
            gone: false,
            local: (agreed != remote).then(|| agreed.text().to_owned()),
            remote: remote.text().to_owned(),
            notes: notes.text(),
            ..shadow.clone()
        })
    }

    /// Of several tries to create an event one was applied, and what is there need not tell which: a value that somebody wrote
    /// there since may stand over the first try. That is what was agreed on then, so that what was edited here after it is a
    /// clash, and recorded.
    fn doubt_what_was_overwritten(&self, present: &Present, notes: &Notes, remote: &mut Document, sent: &mut Document) {
        let Some(first) = notes.sent.first().and_then(|first| Document::parse(first).ok()) else { return };
        let aligned = align(&first, &present.document);
        let chosen = remote.clone();
        for group in groups([&aligned, &chosen, &present.document]) {
            if self.shows(present, &group, &chosen) {
                continue;
            }
            for name in group {
                remote.set(name, aligned.get(name).cloned());
                sent.set(name, first.get(name).cloned());
            }
        }
    }

    /// What the lost answer would have said: nothing was done there since. What was done here since is written next.
    pub(super) fn answered_late(&mut self, out: &mut Pending, scene: &Scene, present: &Present) {
        let revision = scene.local.revision();
        let is_open = scene.local.document != scene.local.base;
        self.write_shadow(out, scene, present, &scene.local.base, (revision, is_open));
        if is_open {
            self.queue(out, scene);
        }
    }

    /// Compare what is there with what was there before and with what was sent, property by property.
    fn reading(&self, present: &Present, base: &Document, sent: &Document) -> Reading {
        let mut reading = Reading { document: base.clone(), hits: 0, misses: 0 };
        for group in groups([base, sent, &present.document]) {
            let same = |a: &Document, b: &Document| group.iter().all(|name| a.get(name) == b.get(name));
            if same(sent, base) {
                continue;
            }
            let is_sent = self.shows(present, &group, sent);
            reading.hits += usize::from(is_sent && !self.shows(present, &group, base));
            reading.misses += usize::from(!is_sent);
            let from = if is_sent { &present.document } else { sent };
            for name in group {
                reading.document.set(name, from.get(name).cloned());
            }
        }
        reading
    }

    /// Whether some properties are as in a document, or so that the provider could not be told the difference.
    fn shows(&self, present: &Present, group: &Group<'_>, document: &Document) -> bool {
        if group.iter().all(|name| present.document.get(name) == document.get(name)) {
            return true;
        }
        let mut to = present.document.clone();
        for name in group {
            to.set(name, document.get(name).cloned());
        }
        self.difference(present, &to) == Ok(None)
    }
}

/// The properties of some documents: each for itself, and as one those that say when it is, and who comes.
pub(super) fn groups(documents: [&Document; 3]) -> Vec<Group<'_>> {
    const PEOPLE: [&str; 2] = ["participants", "replyTo"];
    let names: BTreeSet<&str> =
        documents.iter().flat_map(|document| document.properties().keys()).map(String::as_str).collect();
    let is_own = |name: &&str| {
        !TIME.contains(name) && !PEOPLE.contains(name) && !["recurrenceOverrides", "uid", "@type"].contains(name)
    };
    let alone = names.into_iter().filter(is_own).map(|name| vec![name]);
    [TIME.to_vec(), PEOPLE.to_vec()].into_iter().chain(alone).collect()
}

/// A property, unless nothing is in it: what was put into one and taken out again leaves it empty.
fn said(property: Option<&Value>) -> Option<&Value> {
    property.filter(|property| !property.as_object().is_some_and(Map::is_empty))
}

/// What an override changes, in the same way.
fn changes(override_patch: Option<&Value>) -> BTreeMap<&String, &Value> {
    let patch = override_patch.and_then(Value::as_object).into_iter().flatten();
    patch.filter_map(|(name, value)| Some((name, said(Some(value))?))).collect()
}

/// Whether something that was sent without an answer is here again as it was before: what is there now decides whether that
/// has to be written.
pub(super) fn takes_back(scene: &Scene) -> bool {
    if !scene.local.is_there() || scene.notes.unanswered().next().is_none() || has(Bug::OwnWriteTakenForEdit) {
        return false;
    }
    let base = scene.remote_base();
    let wanted = match scene.local.state {
        State::Same => base.clone(),
        _ => wanted_remote(&scene.local, &base),
    };
    let [was, is] = [&base, &wanted].map(overrides);
    let is_back = |sent: &Document| {
        let names = sent.properties().keys().chain(base.properties().keys());
        let mut names = names.filter(|name| *name != "recurrenceOverrides" && *name != "uid");
        names.any(|name| sent.get(name) != base.get(name) && said(wanted.get(name)) == said(base.get(name)))
    };
    // What ends with its series is not taken back.
    let ends = |id: &str| has_occurrence(&base, id) && !has_occurrence(&wanted, id);
    let is_back_apart = |sent: &Document| {
        let told = overrides(sent);
        let mut ids = told.keys().chain(was.keys());
        ids.any(|id| told.get(id) != was.get(id) && changes(is.get(id)) == changes(was.get(id)) && !ends(id))
    };
    let parsed = |sent: &String| Document::parse(sent).ok();
    scene.notes.sent.iter().filter_map(parsed).any(|sent| is_back(&sent) || is_back_apart(&sent))
        || scene.notes.earlier.iter().filter_map(parsed).any(|sent| is_back_apart(&sent))
}
