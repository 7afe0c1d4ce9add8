//! Which sides a calendar has, and at which of them the remote person edits.

use tandem_engine::effects::ReplicaMode;
use tandem_providers::microsoft::{Config, EventsDelta};
use tandem_tests::person::Person;
use tandem_tests::person::google::GooglePerson;
use tandem_tests::person::microsoft::OutlookPerson;
use tandem_tests::world::{EngineKind, Sides, World};

use crate::case::{Case, Step};

/// A set-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SetUp {
    /// Google and the application.
    Google,
    /// Microsoft and the application.
    Microsoft,
    /// Google, the application and Microsoft; the person edits at Google.
    ThreeAtGoogle,
    /// The same three; the person edits at Microsoft.
    ThreeAtMicrosoft,
}

/// Those who own the calendar at the providers. The first one edits.
pub(crate) type People = Vec<(&'static str, Box<dyn Person>)>;

/// What Graph's `events/delta` does, in turn: cases of all kinds meet all of them.
const DELTAS: [EventsDelta; 3] = [EventsDelta::Full, EventsDelta::NotImplemented, EventsDelta::Minimal];

impl SetUp {
    /// The world of a case, and the people at its providers. `number` chooses what Graph's delta is like.
    pub(crate) fn world(self, case: &Case, number: usize, engine: EngineKind) -> (World, People) {
        let events_delta = DELTAS[number / 3 % DELTAS.len()];
        let mut sides = match self {
            Self::Google => Sides::google(),
            Self::Microsoft => Sides::microsoft(),
            Self::ThreeAtGoogle | Self::ThreeAtMicrosoft => Sides::both(),
        };
        sides.microsoft = sides.microsoft.map(|config| Config { events_delta, ..config });
        let mut world = World::of(sides, ReplicaMode::TwoWay, case.policy);
        world.engine = engine;
        let google = || ("Google", Box::new(GooglePerson::new(&world.google)) as Box<dyn Person>);
        let outlook = || ("Outlook", Box::new(OutlookPerson::new(&world.microsoft)) as Box<dyn Person>);
        let people = match self {
            Self::Google => vec![google()],
            Self::Microsoft => vec![outlook()],
            Self::ThreeAtGoogle => vec![google(), outlook()],
            Self::ThreeAtMicrosoft => vec![outlook(), google()],
        };
        (world, people)
    }

    /// Why a case makes no sense here; none when it does.
    pub(crate) fn refuses(self, case: &Case, people: &People) -> Option<String> {
        let missing = case.needs.iter().find(|way| !people[0].1.has(way));
        if let Some(way) = missing {
            return Some(format!("the provider has not the way: {way}"));
        }
        let at_outlook = matches!(self, Self::Microsoft | Self::ThreeAtMicrosoft);
        let invites = case.edits.iter().any(|step| match step {
            Step::Edit(edit) => edit.change.participants().is_some() && (edit.here || !at_outlook),
            Step::Sync => false,
        });
        (self != Self::Google && invites).then(|| "Outlook invites nobody without mail, and none is asked for".into())
    }
}

/// What Graph has no words for, by the code of its refusal; whatever else is set aside is wrong.
const INEXPRESSIBLE: [(&str, &str); 3] = [
    ("ErrorOccurrenceCrossingBoundary", "Outlook moves no occurrence to the day of a neighbour or past it"),
    ("start-out-of-step", "Outlook has no series that starts on a day its rule does not name"),
    ("deleted-occurrence", "Outlook brings no deleted occurrence back"),
];
/// The same, only in a case over a change of clocks.
const REPEATED_HOUR: (&str, &str) =
    ("ErrorCalendarEndDateIsEarlierThanStartDate", "Outlook has wall times only: none for an end in a repeated hour");

/// The reason in a refusal of Graph's, or in the code of what was set aside.
pub(crate) fn inexpressible(case: &Case, refusal: &str) -> Option<&'static str> {
    let hour = case.id.ends_with("dst").then_some(&REPEATED_HOUR);
    INEXPRESSIBLE.iter().chain(hour).find(|(code, _)| refusal.contains(code)).map(|(_, reason)| *reason)
}
