//! The three-way merge over JSCalendar documents, property by property.
//!
//! There are two bases: what the local side and what the remote side looked like when they last agreed. They differ
//! where the provider cannot express something or normalises it. A side has changed a property when it differs from
//! *its own* base, so a provider's normalisation is never mistaken for somebody's edit (invariants I1, I18, I20).

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{Document, is_excluded};
use crate::seeded::{Bug, has};

/// Properties that only make sense together: they win or lose as one.
pub(crate) const TIME: [&str; 6] =
    ["start", "timeZone", "duration", "showWithoutTime", "recurrenceRules", "excludedRecurrenceRules"];

/// Which side a clash goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The application's.
    Local,
    /// The provider's.
    Remote,
}

/// How clashes are decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preference {
    /// Who wins where both changed the same property.
    pub winner: Side,
    /// Whether an edit of an item wins over its removal on the other side, whoever did it.
    pub edit_beats_delete: bool,
}

/// The four documents of a merge.
#[derive(Debug, Clone, Copy)]
pub struct Versions<'a> {
    /// The local side when both last agreed.
    pub local_base: &'a Document,
    /// The local side now.
    pub local: &'a Document,
    /// The remote side when both last agreed.
    pub remote_base: &'a Document,
    /// The remote side now.
    pub remote: &'a Document,
}

/// The outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// What the local side should be.
    pub local: Document,
    /// What the remote side should be.
    pub remote: Document,
    /// Where both sides had changed the same thing differently.
    pub clashes: Vec<Clash>,
}

/// One clash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clash {
    /// JSON Pointer (RFC 6901); for properties that change together, that of the first.
    pub pointer: String,
    /// Whose value stands.
    pub winner: Side,
}

/// What a value is to the merge.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// Indivisible.
    Atom,
    /// A map from ids to items of a shape.
    Set(&'static Shape),
    /// A map from ids to recurrence overrides.
    Overrides,
    /// An override: like an object, but indivisible when it excludes its occurrence.
    Override,
    /// Properties, each with its own shape.
    Object,
}

/// The shape of a top-level property.
fn shape_of(name: &str) -> Shape {
    match name {
        "participants" | "locations" | "virtualLocations" | "links" => Shape::Set(&Shape::Object),
        "alerts" | "keywords" | "categories" | "relatedTo" => Shape::Set(&Shape::Atom),
        "recurrenceOverrides" if !has(Bug::OverridesAsOne) => Shape::Overrides,
        // What a provider keeps for other programs are names with values, each of which stands for itself.
        vendor if vendor.ends_with(":private") || vendor.ends_with(":shared") => Shape::Set(&Shape::Atom),
        _ => Shape::Atom,
    }
}

/// Merge.
#[must_use]
pub fn merge(versions: Versions<'_>, preference: Preference) -> Merged {
    let mut merge = Merge { preference, path: Vec::new(), clashes: Vec::new() };
    let (local, remote) = merge.properties(
        Four {
            local_base: Some(versions.local_base.properties()),
            local: Some(versions.local.properties()),
            remote_base: Some(versions.remote_base.properties()),
            remote: Some(versions.remote.properties()),
        },
        shape_of,
    );
    Merged { local: Document::from_clean(local), remote: Document::from_clean(remote), clashes: merge.clashes }
}

/// The same place in the four documents.
#[derive(Clone, Copy)]
struct Four<T> {
    local_base: Option<T>,
    local: Option<T>,
    remote_base: Option<T>,
    remote: Option<T>,
}

impl<T> Four<T> {
    fn map<U>(self, f: impl Fn(T) -> Option<U>) -> Four<U> {
        Four {
            local_base: self.local_base.and_then(&f),
            local: self.local.and_then(&f),
            remote_base: self.remote_base.and_then(&f),
            remote: self.remote.and_then(&f),
        }
    }
}

type Properties = Map<String, Value>;

struct Merge {
    preference: Preference,
    path: Vec<String>,
    clashes: Vec<Clash>,
}

impl Merge {
    /// Merge the properties of an object. Those that belong together are decided together.
    fn properties(&mut self, four: Four<&Properties>, shape: fn(&str) -> Shape) -> (Properties, Properties) {
        let names: BTreeSet<&String> = [four.local_base, four.local, four.remote_base, four.remote]
            .into_iter()
            .flatten()
            .flat_map(Map::keys)
            .collect();
        let (mut local, mut remote) = (Map::new(), Map::new());
        let group = self.group(four);
        for name in names {
            let at = four.map(|properties| properties.get(name));
            let (l, r) = match group {
                Some(verdict) if TIME.contains(&name.as_str()) => verdict.pick(at.local, at.remote),
                _ => self.within(name, |merge| merge.value(at, shape(name))),
            };
            if let Some(value) = l {
                local.insert(name.clone(), value);
            }
            if let Some(value) = r {
                remote.insert(name.clone(), value);
            }
        }
        (local, remote)
    }

    /// The decision for the group of time properties; none when there is nothing to group.
    fn group(&mut self, four: Four<&Properties>) -> Option<Verdict> {
        // An override that is not there says nothing of times, like one that speaks of other things.
        let pick = |side: Option<&Properties>| Some(TIME.map(|name| side.and_then(|p| p.get(name)).cloned()));
        let group = Four {
            local_base: pick(four.local_base),
            local: pick(four.local),
            remote_base: pick(four.remote_base),
            remote: pick(four.remote),
        };
        let local_changed = group.local != group.local_base;
        let remote_changed = group.remote != group.remote_base;
        Some(match (local_changed, remote_changed) {
            (false, false) => Verdict::Keep,
            (true, false) => Verdict::Take(Side::Local),
            (false, true) => Verdict::Take(Side::Remote),
            (true, true) if group.local == group.remote => Verdict::Keep,
            (true, true) => {
                let winner = self.preference.winner;
                self.within("start", |merge| merge.clash(winner));
                Verdict::Take(winner)
            }
        })
    }

    fn value(&mut self, four: Four<&Value>, shape: Shape) -> (Option<Value>, Option<Value>) {
        let local_changed = four.local != four.local_base;
        let remote_changed = four.remote != four.remote_base;
        match (local_changed, remote_changed) {
            (false, false) => (four.local.cloned(), four.remote.cloned()),
            (true, true) if four.local == four.remote => (four.local.cloned(), four.remote.cloned()),
            _ if self.divisible(four, shape) => self.divide(four, shape),
            (true, false) => Verdict::Take(Side::Local).pick(four.local, four.remote),
            (false, true) => Verdict::Take(Side::Remote).pick(four.local, four.remote),
            (true, true) => {
                let winner = self.winner(four);
                self.clash(winner);
                Verdict::Take(winner).pick(four.local, four.remote)
            }
        }
    }

    /// True when the place can be merged deeper: every version that is there is an object, and none of them is an
    /// item that one side added or removed as a whole.
    fn divisible(&self, four: Four<&Value>, shape: Shape) -> bool {
        let all = [four.local_base, four.local, four.remote_base, four.remote];
        let objects = all.iter().flatten().all(|value| value.is_object());
        match shape {
            Shape::Atom => false,
            Shape::Set(_) | Shape::Overrides => objects,
            Shape::Object => objects && four.local.is_some() && four.remote.is_some(),
            Shape::Override => {
                objects
                    && four.local.is_some()
                    && four.remote.is_some()
                    && !all.iter().flatten().any(|v| is_excluded(v))
            }
        }
    }

    fn divide(&mut self, four: Four<&Value>, shape: Shape) -> (Option<Value>, Option<Value>) {
        let inner = four.map(Value::as_object);
        let (local, remote) = match shape {
            Shape::Object | Shape::Override => self.properties(inner, |_| Shape::Atom),
            Shape::Set(&Shape::Object) => self.items(inner, Shape::Object),
            Shape::Overrides => self.items(inner, Shape::Override),
            Shape::Set(_) | Shape::Atom => self.items(inner, Shape::Atom),
        };
        let filled = |items: Properties, like: Option<&Value>| {
            // An empty object stays where it was one; a set whose last item went is removed.
            let was_empty = like.and_then(Value::as_object).is_some_and(Map::is_empty);
            let item = matches!(shape, Shape::Object | Shape::Override);
            (!items.is_empty() || was_empty || item).then_some(Value::Object(items))
        };
        // Whether an empty set is there or not is up to the side that changed.
        let likes = match (four.local != four.local_base, four.remote != four.remote_base) {
            (true, false) => (four.local, four.local),
            (false, true) => (four.remote, four.remote),
            _ => (four.local, four.remote),
        };
        (filled(local, likes.0), filled(remote, likes.1))
    }

    fn items(&mut self, four: Four<&Properties>, shape: Shape) -> (Properties, Properties) {
        let names: BTreeSet<&String> = [four.local_base, four.local, four.remote_base, four.remote]
            .into_iter()
            .flatten()
            .flat_map(Map::keys)
            .collect();
        let (mut local, mut remote) = (Map::new(), Map::new());
        for name in names {
            let at = four.map(|items| items.get(name));
            let (l, r) = self.within(name, |merge| merge.value(at, shape));
            if let Some(value) = l {
                local.insert(name.clone(), value);
            }
            if let Some(value) = r {
                remote.insert(name.clone(), value);
            }
        }
        (local, remote)
    }

    /// Who wins a clash here. The provider decides what other people answered; an edit survives a removal.
    fn winner(&self, four: Four<&Value>) -> Side {
        if let [set, _, property] = self.path.as_slice()
            && set == "participants"
            && property == "participationStatus"
        {
            return Side::Remote;
        }
        if self.preference.edit_beats_delete {
            let removed = |value: Option<&Value>| value.is_none_or(is_excluded);
            match (removed(four.local), removed(four.remote)) {
                (true, false) => return Side::Remote,
                (false, true) => return Side::Local,
                _ => {}
            }
        }
        self.preference.winner
    }

    fn clash(&mut self, winner: Side) {
        let mut pointer = String::new();
        for step in &self.path {
            pointer.push('/');
            pointer.push_str(&step.replace('~', "~0").replace('/', "~1"));
        }
        self.clashes.push(Clash { pointer, winner });
    }

    fn within<T>(&mut self, name: &str, f: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(name.to_owned());
        let result = f(self);
        self.path.pop();
        result
    }
}

#[derive(Clone, Copy)]
enum Verdict {
    /// Each side keeps what it has.
    Keep,
    /// Both get this side's.
    Take(Side),
}

impl Verdict {
    fn pick(self, local: Option<&Value>, remote: Option<&Value>) -> (Option<Value>, Option<Value>) {
        match self {
            Self::Keep => (local.cloned(), remote.cloned()),
            Self::Take(Side::Local) => (local.cloned(), local.cloned()),
            Self::Take(Side::Remote) => (remote.cloned(), remote.cloned()),
        }
    }
}
