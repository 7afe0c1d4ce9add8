//! Many histories on all cores, and what they came to in one table.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use sha2::{Digest, Sha256};
use tandem_engine::seeded::{self, Bug};

use super::history::History;
use super::marks::{Mark, Marks};
use super::{Played, Tally, Violation, generate, golden, play, shrink};
use crate::component;
use crate::world::EngineKind;

/// How the program is called.
pub const USAGE: &str = "usage: simulate [--seeds N] [--from SEED] [--native|--component|--sqlite] [--wasm FILE] [--threads N] [--keep-going]
       simulate --bugs | --bug NAME [--seeds N]
       simulate --golden | --races [--native|--component] [--threads N]
       simulate --seed N | --replay FILE [--native|--component] [--trace] [--no-shrink]";
/// Runs with so many histories must have been on every rare path.
const LARGE: u64 = 20_000;

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    seeds: u64,
    from: u64,
    engine: EngineKind,
    threads: usize,
    one: Option<Source>,
    trace: bool,
    shrinks: bool,
    keep_going: bool,
    golden: bool,
    races: bool,
    bugs: bool,
    /// Only the planted bug of this name.
    bug: Option<String>,
}

/// One history.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Source {
    Seed(u64),
    File(PathBuf),
}

impl Order {
    /// Out of the arguments of the program.
    ///
    /// # Errors
    /// When an argument is not known, or its value is not a number.
    pub fn parse(arguments: &[String]) -> Result<Self, String> {
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let mut order = Self {
            seeds: 1_000,
            from: 0,
            engine: EngineKind::Component,
            threads,
            one: None,
            trace: false,
            shrinks: true,
            keep_going: false,
            golden: false,
            races: false,
            bugs: false,
            bug: None,
        };
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let mut value = || rest.next().ok_or_else(|| format!("{argument} needs a value"));
            let number =
                |text: &String| text.parse::<u64>().map_err(|_| format!("{argument} needs a number, not {text}"));
            match argument.as_str() {
                "--seeds" => order.seeds = number(value()?)?,
                "--from" => order.from = number(value()?)?,
                "--threads" => order.threads = usize::try_from(number(value()?)?).unwrap_or(1).max(1),
                "--seed" => order.one = Some(Source::Seed(number(value()?)?)),
                "--replay" => order.one = Some(Source::File(value()?.into())),
                "--native" => order.engine = EngineKind::Native,
                "--component" => order.engine = EngineKind::Component,
                "--sqlite" => order.engine = EngineKind::Sqlite,
                "--wasm" => {
                    let path = value()?;
                    let bytes = std::fs::read(path).map_err(|error| format!("{path} cannot be read: {error}"))?;
                    if !component::use_bytes(bytes) {
                        return Err("--wasm can be given once".to_owned());
                    }
                }
                "--trace" => order.trace = true,
                "--no-shrink" => order.shrinks = false,
                "--bugs" => order.bugs = true,
                "--bug" => {
                    order.bugs = true;
                    order.bug = Some(value()?.clone());
                }
                "--golden" => order.golden = true,
                "--races" => order.races = true,
                "--keep-going" => order.keep_going = true,
                _ => return Err(format!("unknown argument {argument}")),
            }
        }
        Ok(order)
    }
}

/// Do it.
#[must_use]
pub fn run(order: &Order) -> ExitCode {
    // A panic is a result here, and is told with its history.
    std::panic::set_hook(Box::new(|_| {}));
    match &order.one {
        Some(source) => one(order, source),
        None if order.bugs => bugs(order),
        None if order.golden => deaths(order),
        None if order.races => races(order),
        None => many(order),
    }
}

fn say(text: &str) {
    use std::io::Write as _;
    // Whoever closed the pipe has seen enough.
    let _ = writeln!(std::io::stdout(), "{text}");
}

fn one(order: &Order, source: &Source) -> ExitCode {
    let history = match source {
        Source::Seed(seed) => generate(*seed),
        Source::File(path) => match read(path) {
            Ok(history) => history,
            Err(error) => {
                say(&error);
                return ExitCode::from(2);
            }
        },
    };
    let played = play(&history, order.engine, order.trace);
    if order.trace {
        say(&played.trace);
    }
    say(&format!("seed {} {:?}: trace {:016x}", history.seed, order.engine, played.hash));
    if played.violations.is_empty() {
        say("nothing is violated");
        return ExitCode::SUCCESS;
    }
    say(&told(&history, &played, order));
    ExitCode::FAILURE
}

fn read(path: &PathBuf) -> Result<History, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("{} is no history: {error}", path.display()))
}

/// A failing history for a person: what it broke, and its smallest form.
fn told(history: &History, played: &Played, order: &Order) -> String {
    let mut words = format!("seed {}, component {}\n", history.seed, component_hash());
    for violation in &played.violations {
        let _ = writeln!(words, "  {} {}", violation.invariant, violation.what);
    }
    let Some(first) = played.violations.first().filter(|_| order.shrinks) else { return words };
    let small = shrink::shrink(history, order.engine, first.invariant);
    let _ = writeln!(words, "the smallest history that breaks {}:\n  {:?}", first.invariant, small.setup);
    for act in &small.acts {
        let _ = writeln!(words, "  {act:?}");
    }
    for violation in play(&small, order.engine, false).violations {
        let _ = writeln!(words, "  -> {} {}", violation.invariant, violation.what);
    }
    let _ = write!(words, "as a file: {}", serde_json::to_string(&small).unwrap_or_default());
    words
}

/// The component's bytes, by their SHA-256.
#[must_use]
pub fn component_hash() -> String {
    if component::bytes().is_empty() {
        return "not built in".to_owned();
    }
    let hash = Sha256::digest(component::bytes());
    hash.iter().take(8).fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Each bug that can be planted in the linked engine must be found, and the engine without it must be well.
fn bugs(order: &Order) -> ExitCode {
    let mut takes = Vec::new();
    let mut missed = Vec::new();
    for bug in Bug::ALL {
        if order.bug.as_ref().is_some_and(|name| *name != format!("{bug:?}")) {
            continue;
        }
        match seeds_to_find(bug, order.from, order.seeds) {
            Some((seeds, violation)) => {
                let what: String = violation.what.chars().take(90).collect();
                say(&format!("{bug:?}: found after {seeds} seeds, {} {what}", violation.invariant));
                takes.push(seeds);
            }
            None => {
                say(&format!("{bug:?}: NOT found in {} seeds", order.seeds));
                missed.push(bug);
            }
        }
    }
    takes.sort_unstable();
    let median = takes.get(takes.len() / 2).copied().unwrap_or(0);
    let all = takes.len() + missed.len();
    say(&format!("{} of {all} bugs found, after {median} seeds in the median", takes.len()));
    if missed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// How many seeds it takes to find a planted bug, and what it broke.
#[must_use]
pub fn seeds_to_find(bug: Bug, from: u64, most: u64) -> Option<(u64, Violation)> {
    seeded::plant(Some(bug));
    let found = (from..from + most).find_map(|seed| {
        let violation = play(&generate(seed), EngineKind::Native, false).violations.into_iter().next()?;
        Some((seed - from + 1, violation))
    });
    seeded::plant(None);
    found
}

/// Pairs of deaths are died in so many scenarios, the smallest ones.
const PAIRS: usize = 10;

fn deaths(order: &Order) -> ExitCode {
    let all = golden::all();
    let mut pass = golden::Pass::default();
    let mut sizes: Vec<(u16, &golden::Golden)> =
        all.iter().map(|scenario| (scenario.singles(order.engine, &mut pass), scenario)).collect();
    let singles = pass.tries;
    sizes.sort_by_key(|(effects, _)| *effects);
    for (effects, scenario) in sizes.iter().take(PAIRS) {
        scenario.pairs(order.engine, *effects, &mut pass);
    }
    say(&format!(
        "{} scenarios: {singles} single deaths, {} pairs of deaths in the {PAIRS} smallest",
        all.len(),
        pass.tries - singles
    ));
    end_of(&pass)
}

fn races(order: &Order) -> ExitCode {
    let (all, next) = (golden::all(), AtomicUsize::new(0));
    let sum = Mutex::new(golden::Pass::default());
    std::thread::scope(|scope| {
        for _ in 0..order.threads {
            scope.spawn(|| {
                while let Some(scenario) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let mut pass = golden::Pass::default();
                    let effects = scenario.singles(order.engine, &mut golden::Pass::default());
                    scenario.races(order.engine, effects, &mut pass);
                    let mut sum = sum.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    sum.tries += pass.tries;
                    sum.broken.extend(pass.broken);
                }
            });
        }
    });
    let pass = sum.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    say(&format!(
        "{} scenarios: {} edits in the middle of the work, each with a rival around it",
        all.len(),
        pass.tries
    ));
    end_of(&pass)
}

/// What did not hold, and a history of it for `--replay`.
fn end_of(pass: &golden::Pass) -> ExitCode {
    for (name, history, violation) in pass.broken.iter().take(20) {
        say(&format!("{name}, {:?}: {} {}", history.acts.last(), violation.invariant, violation.what));
    }
    say(&format!("violations: {}", pass.broken.len()));
    let Some((_, history, _)) = pass.broken.first() else { return ExitCode::SUCCESS };
    say(&serde_json::to_string(history).unwrap_or_default());
    ExitCode::FAILURE
}

#[derive(Default)]
struct Sum {
    tally: Tally,
    marks: Marks,
    broken: BTreeMap<&'static str, Vec<u64>>,
    hash: u64,
}

fn many(order: &Order) -> ExitCode {
    let (next, stop) = (AtomicU64::new(order.from), AtomicBool::new(false));
    let end = order.from + order.seeds;
    let sum = Mutex::new(Sum::default());
    let failed = Mutex::new(Vec::<(u64, History, Played)>::new());
    // The component is compiled before the clock runs.
    drop(play(&generate(order.from), order.engine, false));
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..order.threads {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        return;
                    }
                    let history = generate(seed);
                    let played = play(&history, order.engine, false);
                    let mut sum = sum.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    sum.tally.add(&played.tally);
                    sum.marks.0.extend(&played.marks.0);
                    // The order in which histories end does not matter.
                    sum.hash ^= played.hash.rotate_left(u32::try_from(seed % 64).unwrap_or(0));
                    for violation in &played.violations {
                        sum.broken.entry(violation.invariant).or_default().push(seed);
                    }
                    drop(sum);
                    if !played.violations.is_empty() {
                        stop.fetch_or(!order.keep_going, Ordering::Relaxed);
                        let mut failed = failed.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                        if failed.len() < 3 {
                            failed.push((seed, history, played));
                        }
                    }
                }
            });
        }
    });
    let lived = next.load(Ordering::Relaxed).min(end) - order.from;
    let seconds = began.elapsed().as_secs_f64();
    let sum = sum.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    say(&table(order, &sum, lived, seconds));
    let failed = failed.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    for (_, history, played) in &failed {
        say(&told(history, played, order));
    }
    let missed = missed(&sum.marks);
    if lived >= LARGE && !missed.is_empty() {
        say(&format!("never reached, so the histories are too tame: {missed:?}"));
        return ExitCode::FAILURE;
    }
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn missed(marks: &Marks) -> Vec<Mark> {
    Mark::ALL.iter().filter(|mark| !marks.0.contains(mark)).copied().collect()
}

fn table(order: &Order, sum: &Sum, lived: u64, seconds: f64) -> String {
    let engine = match order.engine {
        EngineKind::Native => "the linked engine".to_owned(),
        EngineKind::Component => format!("component {}", component_hash()),
        EngineKind::Sqlite => format!("component {} with SQLite beside the memory", component_hash()),
    };
    let faults: u64 = sum.tally.faults.values().sum();
    let mut words = format!(
        "{lived} histories from seed {} through {engine}, {} threads: {seconds:.1} s, {:.0} histories/s\n\
         {} edits ({} refused), {} steps, {} requests, {faults} faults, trace {:016x}\n",
        order.from,
        order.threads,
        lived as f64 / seconds.max(0.001),
        sum.tally.edits,
        sum.tally.refused,
        sum.tally.steps,
        sum.tally.requests,
        sum.hash,
    );
    let faults: Vec<String> = sum.tally.faults.iter().map(|(name, count)| format!("{name} {count}")).collect();
    let _ = writeln!(words, "faults: {}", faults.join(", "));
    let _ = writeln!(words, "marks: {} of {} reached", sum.marks.0.len(), Mark::ALL.len());
    let missed = missed(&sum.marks);
    if !missed.is_empty() {
        let _ = writeln!(words, "  not yet: {missed:?}");
    }
    match sum.broken.is_empty() {
        true => words.push_str("violations: none"),
        false => {
            for (invariant, seeds) in &sum.broken {
                let some: Vec<&u64> = seeds.iter().take(12).collect();
                let _ = writeln!(words, "violated: {invariant} in {} histories, such as {some:?}", seeds.len());
            }
        }
    }
    words
}
