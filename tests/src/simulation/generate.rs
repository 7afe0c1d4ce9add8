//! A seed becomes a history.

use tandem_engine::effects::ConflictPolicy;

use super::dice::{Dice, Stream};
use super::history::{
    Act, Change, Edit, Form, GoogleOddity, GoogleWays, History, Misfortune, OutlookOddity, OutlookWays, Rhythm, Setup,
    Side, Trouble, Write,
};

/// Misfortunes that a provider may have, by how often they come.
const MISFORTUNES: [Misfortune; 21] = [
    Misfortune::TooManyRequests,
    Misfortune::RetryAfter,
    Misfortune::RateLimited,
    Misfortune::ServerError,
    Misfortune::ServerErrorAfterApplying,
    Misfortune::ServerErrorAfterApplying,
    Misfortune::Unauthorized,
    Misfortune::PreconditionFailed,
    Misfortune::Truncated,
    Misfortune::LostRequest,
    Misfortune::LostAnswer,
    Misfortune::LostAnswer,
    Misfortune::EmptyPage,
    Misfortune::EmptyListing,
    Misfortune::LostCursor,
    Misfortune::LostCursor,
    Misfortune::LostChannels,
    Misfortune::ExpiredAccess,
    Misfortune::Forgery,
    Misfortune::Churn,
    Misfortune::Unreadable,
];

/// All of them.
const GOOGLES_ODDITIES: [GoogleOddity; 3] =
    [GoogleOddity::NoRowsOfLeftovers, GoogleOddity::NoRevival, GoogleOddity::DeletedIsNotFound];

/// All of them.
const OUTLOOKS_ODDITIES: [OutlookOddity; 10] = [
    OutlookOddity::NothingOutsideTheWindow,
    OutlookOddity::SlowDeltas,
    OutlookOddity::RemovedOccurrences,
    OutlookOddity::NoOpKeepsKey,
    OutlookOddity::WindowsZones,
    OutlookOddity::BlankZone,
    OutlookOddity::BodiesStay,
    OutlookOddity::BlanksStay,
    OutlookOddity::QuietDrift,
    OutlookOddity::NoExceptionsInDeltas,
];

/// The history of a seed.
#[must_use]
pub fn generate(seed: u64) -> History {
    let mut setup = setup(&mut Dice::stream(seed, Stream::Data));
    let mut oddities = Dice::stream(seed, Stream::Oddities);
    if oddities.once_in(2) {
        let mut some = |n| oddities.once_in(n);
        setup.google.iter_mut().for_each(|ways| ways.odd = GOOGLES_ODDITIES.into_iter().filter(|_| some(3)).collect());
        setup
            .outlook
            .iter_mut()
            .for_each(|ways| ways.odd = OUTLOOKS_ODDITIES.into_iter().filter(|_| some(5)).collect());
    }
    let mut workload = Dice::stream(seed, Stream::Workload);
    let mut faults = Dice::stream(seed, Stream::Faults);
    let mut schedule = Dice::stream(seed, Stream::Schedule);
    let mut people = People { who: people(&setup), reads_only: reads_only(&setup), token: 0 };
    let mut acts = Vec::new();
    // Some begin with calendars in step, some with a first listing under way.
    if schedule.once_in(2) {
        acts.push(Act::Settle);
    }
    // What is short is lived fast; what is long has more that meets.
    let rounds = if schedule.once_in(2) { 1 + schedule.below(3) } else { 3 + schedule.below(7) };
    for _ in 0..rounds {
        for _ in 0..=workload.below(3) {
            acts.push(Act::Edit(people.edit(&mut workload)));
            if schedule.once_in(3) {
                acts.push(Act::Wait { ms: u32::try_from(schedule.below(4_000)).unwrap_or(0) });
            }
        }
        if faults.once_in(3) {
            acts.push(fault(&mut faults, &setup));
        }
        if faults.once_in(30) {
            let ahead_ms = [-600_000, -5_000, 90_000, 7_200_000, 0][usize::from(faults.small(5))];
            acts.push(Act::Clock { ahead_ms });
        }
        if workload.once_in(8) {
            let lost = lost_write(&mut faults, &setup);
            acts.extend(people.on_the_heels(&mut workload, lost));
        }
        let trouble = faults.once_in(3).then(|| trouble(&mut faults));
        let meanwhile = workload.once_in(4).then(|| (workload.small(30), people.edit(&mut workload)));
        acts.push(match schedule.below(4) {
            0 if trouble.is_none() && meanwhile.is_none() => Act::Settle,
            _ => Act::Work { steps: schedule.small(10), trouble, meanwhile },
        });
    }
    History { seed, setup, acts }
}

/// Everybody who edits.
struct People {
    who: Vec<Side>,
    /// Google may only be read.
    reads_only: bool,
    token: u32,
}

impl People {
    fn edit(&mut self, dice: &mut Dice) -> Edit {
        self.token += 1;
        let mut edit = edit(dice, &self.who, self.token);
        if self.reads_only && edit.side == Side::Outlook {
            edit.change = Change::New { day: 2 + dice.small(26), hour: 9, series: None, form: form(dice) };
        } else if self.token == 1 {
            // Without an event there is nothing to edit.
            let series = dice.once_in(2).then(|| rhythm(dice));
            let (day, hour) = (2 + dice.small(26), 7 + dice.small(11));
            edit.change = Change::New { day, hour, series, form: form(dice) };
        }
        edit
    }

    /// Somebody edits, the write of it goes wrong, and the same person edits the same event again.
    fn on_the_heels(&mut self, dice: &mut Dice, lost: Act) -> Vec<Act> {
        let mut first = self.edit(dice);
        if self.reads_only && first.side == Side::Outlook {
            return vec![Act::Edit(first)];
        }
        let mut second = self.edit(dice);
        (second.side, second.event, second.following) = (first.side, first.event, false);
        if dice.once_in(2) {
            second.occurrence = None;
            second.change = Change::Delete;
        } else if dice.once_in(2) {
            first.change = dice.pick(&[Change::Title, Change::Notes, Change::Erase]).cloned().unwrap_or(Change::Title);
            first.following = false;
            (second.event, second.change) = (0, Change::Undo);
        }
        vec![
            Act::Settle,
            Act::Edit(first),
            lost,
            Act::Work { steps: 1 + dice.small(2), trouble: None, meanwhile: None },
            Act::Edit(second),
        ]
    }
}

fn setup(dice: &mut Dice) -> Setup {
    let sides = dice.below(3);
    let policy = match dice.below(5) {
        0 => ConflictPolicy::Remote,
        1 => ConflictPolicy::Local,
        2 => ConflictPolicy::Ask,
        _ => ConflictPolicy::Newest,
    };
    let google = (sides != 1).then(|| google(dice));
    let mut outlook = (sides != 0).then(|| outlook(dice, sides == 2));
    // What is there before could not be written to the other side.
    let one_way = google.as_ref().is_some_and(|ways| ways.read_only);
    outlook.iter_mut().filter(|ways| one_way || ways.busy_only).for_each(|ways| ways.events = 0);
    Setup { google, outlook, policy, push: !dice.once_in(3), push_trouble: if dice.once_in(2) { 100 } else { 0 } }
}

fn google(dice: &mut Dice) -> GoogleWays {
    GoogleWays {
        page_limit: dice.once_in(2).then(|| 1 + dice.small(4)),
        shuffle: dice.once_in(2),
        bare_tombstones: dice.once_in(2),
        delete_cancels_exceptions: dice.once_in(2),
        no_op_keeps_etag: dice.once_in(2),
        read_only: dice.once_in(24),
        events: if dice.once_in(40) { 14 } else { dice.small(4) },
        odd: Vec::new(),
    }
}

fn outlook(dice: &mut Dice, third: bool) -> OutlookWays {
    let apart = dice.once_in(6);
    OutlookWays {
        // Occurrences that have to be listed and compared come in pages of hundreds.
        page_limit: Some(1 + dice.small(4)).filter(|_| !apart && dice.once_in(2)),
        shuffle: dice.once_in(3),
        delta: dice.small(5),
        whole_rows: dice.once_in(3),
        lost_token: dice.small(5),
        reset: dice.small(3),
        transaction: dice.small(3),
        removal: dice.small(3),
        no_drift: dice.once_in(3),
        repeats: dice.once_in(5),
        empty_first_page: dice.once_in(5),
        no_occurrence_properties: apart,
        busy_only: third && dice.once_in(10),
        events: if dice.once_in(40) { 14 } else { dice.small(4) },
        odd: Vec::new(),
    }
}

fn reads_only(setup: &Setup) -> bool {
    setup.google.as_ref().is_some_and(|google| google.read_only)
}

/// Who edits. In a calendar that may only be read it is done there, and what is new elsewhere cannot go there.
fn people(setup: &Setup) -> Vec<Side> {
    if reads_only(setup) {
        let others = setup.outlook.as_ref().filter(|ways| !ways.busy_only).map(|_| Side::Outlook);
        return [Side::Google].into_iter().chain(others).collect();
    }
    let mut people = vec![Side::App];
    people.extend(setup.google.as_ref().map(|_| Side::Google));
    people.extend(setup.outlook.as_ref().filter(|ways| !ways.busy_only).map(|_| Side::Outlook));
    people
}

fn edit(dice: &mut Dice, people: &[Side], token: u32) -> Edit {
    let (day, hour) = (2 + dice.small(26), 7 + dice.small(11));
    let change = match dice.below(23) {
        0..=2 => Change::New { day, hour, series: dice.once_in(2).then(|| rhythm(dice)), form: form(dice) },
        3 | 4 => Change::Title,
        5 | 6 => Change::Notes,
        7 | 8 => Change::Place,
        9 | 10 => Change::Move { day, hour },
        11 => Change::Length { quarters: 1 + dice.small(10) },
        12 => Change::Repeat((!dice.once_in(4)).then(|| rhythm(dice))),
        13 | 14 => Change::Shift { days: shift(dice), hour },
        15 => Change::Form(form(dice)),
        16 => Change::Guest,
        17 => Change::Restore,
        18 | 19 => Change::Undo,
        20 => Change::Erase,
        _ => Change::Delete,
    };
    Edit {
        side: dice.pick(people).copied().unwrap_or(Side::App),
        token,
        // Few events are edited often: that is where the trouble is.
        event: u16::from(dice.small(4)),
        occurrence: (!dice.once_in(3)).then(|| u16::from(dice.small(8))),
        following: dice.once_in(7),
        change,
    }
}

/// Some days later or earlier, often one.
fn shift(dice: &mut Dice) -> i8 {
    [1, -1, 1, -1, 2, -2, 3, -4, 5, 7, -7, 14].get(usize::from(dice.small(12))).copied().unwrap_or(1)
}

fn form(dice: &mut Dice) -> Form {
    match dice.below(10) {
        0 | 1 => Form::Day,
        2 | 3 => Form::Abroad,
        4 => Form::Guest,
        _ => Form::Hour,
    }
}

fn rhythm(dice: &mut Dice) -> Rhythm {
    match dice.below(4) {
        0 => Rhythm::Daily(2 + dice.small(7)),
        1 => Rhythm::Fortnightly(2 + dice.small(5)),
        2 => Rhythm::Monthly(2 + dice.small(4)),
        _ => Rhythm::Weekly,
    }
}

/// A side with a provider.
fn provider(dice: &mut Dice, setup: &Setup) -> Side {
    match (&setup.google, &setup.outlook) {
        (Some(_), Some(_)) if dice.once_in(2) => Side::Google,
        (Some(_), None) => Side::Google,
        _ => Side::Outlook,
    }
}

fn fault(dice: &mut Dice, setup: &Setup) -> Act {
    let at = provider(dice, setup);
    let kind = dice.pick(&MISFORTUNES).copied().unwrap_or(Misfortune::LostAnswer);
    Act::Fault { at, kind, after: dice.small(5), times: 1 + dice.small(3), on: None }
}

/// A write that is done, or not, and nobody says which.
fn lost_write(dice: &mut Dice, setup: &Setup) -> Act {
    let at = provider(dice, setup);
    let kinds = [Misfortune::LostAnswer, Misfortune::ServerErrorAfterApplying, Misfortune::ServerError];
    let kind = dice.pick(&kinds).copied().unwrap_or(Misfortune::LostAnswer);
    let on = dice.pick(&[Write::Create, Write::Update, Write::Update, Write::Delete]).copied();
    Act::Fault { at, kind, after: 0, times: 1, on }
}

fn trouble(dice: &mut Dice) -> Trouble {
    match dice.below(9) {
        0..=3 => Trouble::Dies(u16::from(dice.small(60))),
        4 | 5 => Trouble::Rival(u16::from(dice.small(40))),
        6 => Trouble::UnansweredCommit(dice.small(5)),
        7 => Trouble::StaleCommit(dice.small(5)),
        _ => Trouble::StaleReads,
    }
}
