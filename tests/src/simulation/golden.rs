//! Golden scenarios: small histories that everybody who syncs calendars must survive, with the process dying after every
//! single effect of the work that follows, and for the smallest ones after every pair of effects. Or with somebody who edits
//! after every single effect, and another worker that takes over around that.

use tandem_engine::effects::ConflictPolicy;

use super::history::{
    Act, Change, Edit, Form, GoogleWays, History, Misfortune, OutlookWays, Rhythm, Setup, Side, Trouble, Write,
};
use super::marks::Mark;
use super::observer::Violation;
use super::play::{Played, play};
use crate::world::EngineKind;

/// Steps of the work that is cut off: enough for all of it.
const STEPS: u8 = 40;
/// Effects that a scenario may have; more is a defect of the scenario.
const MOST_EFFECTS: u16 = 400;
/// So many effects before an edit until so many after it another worker takes over.
const NEAR: (u16, u16) = (2, 8);

/// A history with a name. Its last act is the work that is cut off.
#[derive(Debug, Clone)]
pub struct Golden {
    /// Which sides, and what happens.
    pub name: String,
    there: Side,
    history: History,
}

/// What a pass found.
#[derive(Debug, Default)]
pub struct Pass {
    /// Deaths died, or histories with an edit and a rival.
    pub tries: u64,
    /// What did not hold: scenario, the whole history, the violation.
    pub broken: Vec<(String, History, Violation)>,
}

/// All scenarios, the smallest first.
#[must_use]
pub fn all() -> Vec<Golden> {
    let sides: [(&str, bool, bool); 3] =
        [("google", true, false), ("outlook", false, true), ("three sides", true, true)];
    let mut all = Vec::new();
    for (name, story) in STORIES {
        for (sides, google, outlook) in sides {
            let there = if outlook { Side::Outlook } else { Side::Google };
            let setup = Setup {
                google: google.then(GoogleWays::default),
                outlook: outlook.then(OutlookWays::default),
                policy: ConflictPolicy::Newest,
                push: false,
                push_trouble: 0,
            };
            let mut acts = story(there);
            acts.push(Act::Work { steps: STEPS, trouble: None, meanwhile: None });
            all.push(Golden { name: format!("{name}, {sides}"), there, history: History { seed: 1, setup, acts } });
        }
    }
    all
}

type Story = fn(Side) -> Vec<Act>;

const STORIES: [(&str, Story); 29] = [
    ("created here", |_| vec![Act::Settle, new(Side::App, 1, None)]),
    ("created there", |there| vec![Act::Settle, new(there, 1, None)]),
    ("renamed here", |_| vec![new(Side::App, 1, None), Act::Settle, change(Side::App, 2, Change::Title)]),
    ("renamed there", |there| vec![new(Side::App, 1, None), Act::Settle, change(there, 2, Change::Title)]),
    ("deleted here", |there| vec![new(there, 1, None), Act::Settle, change(Side::App, 2, Change::Delete)]),
    ("deleted there", |there| vec![new(Side::App, 1, None), Act::Settle, change(there, 2, Change::Delete)]),
    ("deleted and brought back here", |there| {
        let first = vec![new(there, 1, None), Act::Settle, change(Side::App, 2, Change::Delete)];
        let steps = Act::Work { steps: 1, trouble: None, meanwhile: None };
        [first, vec![steps, change(Side::App, 3, Change::Restore)]].concat()
    }),
    ("deleted there and brought back here", |there| {
        let first = vec![new(Side::App, 1, None), Act::Settle, change(there, 2, Change::Delete)];
        [first, vec![Act::Settle, change(Side::App, 3, Change::Restore)]].concat()
    }),
    ("renamed on both sides", |there| {
        let first = vec![new(there, 1, None), Act::Settle];
        [first, vec![change(there, 2, Change::Title), change(Side::App, 3, Change::Title)]].concat()
    }),
    ("deleted here, renamed there", |there| {
        let first = vec![new(there, 1, None), Act::Settle];
        [first, vec![change(Side::App, 2, Change::Delete), change(there, 3, Change::Title)]].concat()
    }),
    ("an occurrence renamed here", |_| {
        vec![new(Side::App, 1, Some(Rhythm::Daily(4))), Act::Settle, one(Side::App, 2, Change::Title)]
    }),
    ("an occurrence deleted there", |there| {
        vec![new(Side::App, 1, Some(Rhythm::Daily(4))), Act::Settle, one(there, 2, Change::Delete)]
    }),
    ("a series with an exception, new here", |_| {
        vec![Act::Settle, new(Side::App, 1, Some(Rhythm::Daily(4))), one(Side::App, 2, Change::Title)]
    }),
    ("a series split here", |_| vec![new(Side::App, 1, Some(Rhythm::Weekly)), Act::Settle, split(Side::App, 2)]),
    ("a series split there", |there| vec![new(Side::App, 1, Some(Rhythm::Weekly)), Act::Settle, split(there, 2)]),
    ("another rhythm here", |_| {
        let series = new(Side::App, 1, Some(Rhythm::Daily(4)));
        let exception = one(Side::App, 2, Change::Title);
        vec![series, exception, Act::Settle, change(Side::App, 3, Change::Repeat(Some(Rhythm::Weekly)))]
    }),
    ("an event that becomes a series there", |there| {
        vec![new(Side::App, 1, None), Act::Settle, change(there, 2, Change::Repeat(Some(Rhythm::Daily(4))))]
    }),
    ("a series that comes once here, its occurrence renamed there", |there| {
        let series = new(Side::App, 1, Some(Rhythm::Daily(4)));
        vec![series, Act::Settle, one(there, 2, Change::Title), change(Side::App, 3, Change::Repeat(None))]
    }),
    ("a series moved to another day here", |there| {
        let series = new(there, 1, Some(Rhythm::Weekly));
        vec![
            series,
            Act::Settle,
            one(Side::App, 2, Change::Title),
            change(Side::App, 3, Change::Shift { days: 1, hour: 9 }),
        ]
    }),
    ("an occurrence moved to another day there", |there| {
        let series = new(Side::App, 1, Some(Rhythm::Weekly));
        vec![series, Act::Settle, one(there, 2, Change::Shift { days: -2, hour: 9 })]
    }),
    ("a whole day here", |there| vec![new(there, 1, None), Act::Settle, change(Side::App, 2, Change::Form(Form::Day))]),
    ("a title taken back here", |there| {
        taken_back(there, vec![new(Side::App, 1, None)], change(Side::App, 2, Change::Title))
    }),
    ("notes of an occurrence taken back here", |there| {
        taken_back(there, vec![new(Side::App, 1, Some(Rhythm::Daily(4)))], one(Side::App, 2, Change::Notes))
    }),
    ("an erasure taken back here", |there| {
        let first = vec![new(there, 1, None), change(there, 2, Change::Notes)];
        taken_back(there, first, change(Side::App, 3, Change::Erase))
    }),
    ("a title taken back there", |there| {
        let first = vec![new(Side::App, 1, None), Act::Settle, change(there, 2, Change::Title)];
        [first, vec![Act::Settle, change(there, 3, Change::Undo)]].concat()
    }),
    ("notes erased here", |there| {
        let first = vec![new(there, 1, None), change(there, 2, Change::Notes)];
        [first, vec![Act::Settle, change(Side::App, 3, Change::Erase)]].concat()
    }),
    ("the place of an occurrence erased there", |there| {
        let first = |side, token, what| Act::Edit(Edit { occurrence: Some(0), ..edit(side, token, what) });
        let series = vec![new(Side::App, 1, Some(Rhythm::Daily(4))), first(Side::App, 2, Change::Place)];
        [series, vec![Act::Settle, first(there, 3, Change::Erase)]].concat()
    }),
    ("a lost cursor, and a deletion meanwhile", |there| {
        let lost = Act::Fault { at: there, kind: Misfortune::LostCursor, after: 0, times: 1, on: None };
        let first = vec![new(there, 1, None), new(there, 2, None), Act::Settle];
        [first, vec![change(there, 3, Change::Delete), lost]].concat()
    }),
    ("a creation whose answer is lost", |there| {
        let lost = Act::Fault { at: there, kind: Misfortune::LostAnswer, after: 0, times: 1, on: None };
        vec![Act::Settle, new(Side::App, 1, None), lost]
    }),
];

fn edit(side: Side, token: u32, change: Change) -> Edit {
    Edit { side, token, event: 0, occurrence: None, following: false, change }
}

fn new(side: Side, token: u32, series: Option<Rhythm>) -> Act {
    Act::Edit(edit(side, token, Change::New { day: 3, hour: 9, series, form: Form::Hour }))
}

fn change(side: Side, token: u32, what: Change) -> Act {
    Act::Edit(edit(side, token, what))
}

fn one(side: Side, token: u32, what: Change) -> Act {
    Act::Edit(Edit { occurrence: Some(1), ..edit(side, token, what) })
}

fn split(side: Side, token: u32) -> Act {
    Act::Edit(Edit { occurrence: Some(2), following: true, ..edit(side, token, Change::Title) })
}

/// All sides know; an edit here is written without an answer, and then taken back.
fn taken_back(there: Side, first: Vec<Act>, edit: Act) -> Vec<Act> {
    let lost = Act::Fault { at: there, kind: Misfortune::LostAnswer, after: 0, times: 1, on: Some(Write::Update) };
    let steps = Act::Work { steps: 1, trouble: None, meanwhile: None };
    [first, vec![Act::Settle, edit, lost, steps, change(Side::App, 9, Change::Undo)]].concat()
}

impl Golden {
    /// The history in which the work is begun once more for each of these deaths.
    #[must_use]
    pub fn with_deaths(&self, deaths: &[u16]) -> History {
        let mut history = self.history.clone();
        let work = history.acts.pop();
        history.acts.extend(deaths.iter().map(|after| Act::Work {
            steps: STEPS,
            trouble: Some(Trouble::Dies(*after)),
            meanwhile: None,
        }));
        history.acts.extend(work);
        history
    }

    /// Die once after each effect. Returns how many effects the work has.
    pub fn singles(&self, engine: EngineKind, pass: &mut Pass) -> u16 {
        (0..MOST_EFFECTS).find(|after| !self.dies(engine, &[*after], pass)).unwrap_or(MOST_EFFECTS)
    }

    /// Die after each effect, and again after each effect of the second attempt.
    pub fn pairs(&self, engine: EngineKind, effects: u16, pass: &mut Pass) {
        for first in 0..effects {
            let mut died = |second: &u16| self.dies(engine, &[first, *second], pass);
            // The second attempt has more effects than the first had left.
            let _ = (0..MOST_EFFECTS).take_while(|second| died(second)).count();
        }
    }

    /// Whether the last of these deaths was died at all.
    fn dies(&self, engine: EngineKind, deaths: &[u16], pass: &mut Pass) -> bool {
        let played = self.live(self.with_deaths(deaths), engine, pass);
        let died = played.tally.deaths == deaths.len() as u64 && played.marks.0.contains(&Mark::Died);
        pass.tries += u64::from(died);
        died
    }

    /// The history in which somebody edits after so many effects of the work, and another worker takes over after so many.
    #[must_use]
    pub fn with_race(&self, edit: &Edit, at: u8, rival: u16) -> History {
        let mut history = self.history.clone();
        history.acts.pop();
        let (trouble, meanwhile) = (Some(Trouble::Rival(rival)), Some((at, edit.clone())));
        history.acts.push(Act::Work { steps: STEPS, trouble, meanwhile });
        history
    }

    /// Edit after each of so many effects, here and there, with another worker around that.
    pub fn races(&self, engine: EngineKind, effects: u16, pass: &mut Pass) {
        for edit in self.edits() {
            for at in 0..=u8::try_from(effects).unwrap_or(u8::MAX) {
                for rival in u16::from(at).saturating_sub(NEAR.0)..=u16::from(at) + NEAR.1 {
                    self.live(self.with_race(&edit, at, rival), engine, pass);
                    pass.tries += 1;
                }
            }
        }
    }

    /// What somebody may do while the work is done.
    #[must_use]
    pub fn edits(&self) -> Vec<Edit> {
        const TOKEN: u32 = 90;
        let whole = [Change::Title, Change::Delete, Change::Undo, Change::Restore];
        let apart = [Change::Title, Change::Delete];
        let repeats = |act: &Act| match act {
            Act::Edit(edit) => {
                matches!(edit.change, Change::New { series: Some(_), .. } | Change::Repeat(Some(_)))
            }
            _ => false,
        };
        let apart = apart.iter().filter(|_| self.history.acts.iter().any(repeats));
        let all = whole.iter().map(|what| (None, what)).chain(apart.map(|what| (Some(1), what)));
        let sides = |(occurrence, what): (Option<u16>, &Change)| {
            [Side::App, self.there].map(|side| Edit { occurrence, ..edit(side, TOKEN, what.clone()) })
        };
        all.flat_map(sides).collect()
    }

    fn live(&self, history: History, engine: EngineKind, pass: &mut Pass) -> Played {
        let mut played = play(&history, engine, false);
        let violations = std::mem::take(&mut played.violations);
        pass.broken.extend(violations.into_iter().map(|violation| (self.name.clone(), history.clone(), violation)));
        played
    }
}
