//! The engine beside libraries, on the same workloads.
//!
//! Every row of one workload gives the same instants; that is checked before the clock starts.

use std::hint::black_box;
use std::time::{Duration, Instant};

use tandem_engine::time::BundledZones;

use super::workloads::Workload;
use super::{engines, python};
use crate::Failed;
use crate::report::{Bar, Report, median};

/// One sample takes at least so long: enough for the clock, and too short for most samples to be interrupted.
const SAMPLE: Duration = Duration::from_micros(300);

pub(super) fn run(report: &mut Report, full: &[Workload], windows: &[Workload], runs: usize) -> Result<(), Failed> {
    let zones = BundledZones::new();
    let python = python::measure(full.iter().chain(windows));
    let mut aged = Vec::new();
    for (index, workload) in full.iter().chain(windows).enumerate() {
        let us = compare(report, workload, &zones, runs)?;
        let name = format!("{}: python-dateutil", workload.name);
        match &python {
            Ok(all) if index < all.len() => report.add(name, &[all[index]], "us", Bar::None),
            Ok(_) => report.not_measured(name, "no answer"),
            Err(why) => report.not_measured(name, why),
        }
        if index >= full.len() {
            aged.push(us);
        }
    }
    for (name, ages) in ["weekly", "daily"].iter().zip(aged.chunks(3)) {
        if let [young, _, old] = ages {
            // As near to 1 as a measurement can be.
            report.add(format!("30 days of {name}: 100 y old / 1 y old"), &[old / young], "x", Bar::Below(1.25));
        }
    }
    Ok(())
}

/// All engines on one workload; microseconds of ours.
fn compare(report: &mut Report, workload: &Workload, zones: &BundledZones, runs: usize) -> Result<f64, Failed> {
    let name = workload.name;
    let document = workload.document();
    let engine = engines::engine(workload, &document, zones)?;
    let documents = engines::engine_with_documents(workload, &document, zones);
    let (rrule, ical) = (engines::rrule(workload, zones)?, engines::ical(workload)?);
    let expected = engine();
    if expected.len() != workload.expected {
        return Err(format!("{name}: {} occurrences, not {}", expected.len(), workload.expected).into());
    }
    for (other, found) in [("documents", documents()), ("rrule", rrule()), ("ical-rs", ical())] {
        if found != expected {
            return Err(format!("{name}: {other} gives {} other occurrences", found.len()).into());
        }
    }
    let ours = sample(runs, &engine);
    let theirs = sample(runs, &rrule);
    report.add(format!("{name}: engine"), &ours, "us", Bar::None);
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    let rate: Vec<f64> = ours.iter().map(|us| expected.len() as f64 / us).collect();
    report.add(format!("{name}: engine"), &rate, "M occ/s", Bar::None);
    report.add(format!("{name}: engine, read and with documents"), &sample(runs, &documents), "us", Bar::None);
    report.add(format!("{name}: rrule"), &theirs, "us", Bar::None);
    report.add(format!("{name}: ical-rs with jiff"), &sample(runs, &ical), "us", Bar::None);
    let ratio = median(&theirs) / median(&ours);
    report.add(format!("{name}: rrule / engine"), &[ratio], "x", workload.bar.map_or(Bar::None, Bar::Above));
    Ok(median(&ours))
}

/// Microseconds of one call, of several samples.
pub(super) fn sample<T>(runs: usize, call: impl Fn() -> T) -> Vec<f64> {
    let mut times = 1u32;
    let mut samples = Vec::new();
    while samples.len() < runs {
        let start = Instant::now();
        for _ in 0..times {
            black_box(call());
        }
        let took = start.elapsed();
        if took < SAMPLE && samples.is_empty() {
            times *= 2;
        } else {
            samples.push(took.as_secs_f64() * 1e6 / f64::from(times));
        }
    }
    samples
}
