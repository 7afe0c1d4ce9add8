//! The same work inside the sandbox and outside of it.
//!
//! `probe` is a component with the profile, the allocator and the sandbox of the one that ships; it expands one series
//! many times in one call. Then the component that ships answers a whole calendar's window, beside the same function
//! of the engine in native code, both over a store in memory: that is mostly documents, as JSON.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use tandem_engine::agenda;
use tandem_engine::effects::EventRow;
use tandem_engine::time::BundledZones;
use tandem_host::bindings::exports::tandem::calendar::recurrence::Window;
use tandem_host::bindings::tandem::calendar::storage::{Batch, Change};
use tandem_host::bindings::tandem::calendar::types::Event;
use tandem_host::store::Store;

use super::effects::OneCalendar;
use super::engines;
use super::workloads::{Workload, ZONE};
use crate::Failed;
use crate::memory_store::MemoryStore;
use crate::report::{Bar, Report, median};
use crate::rig::{Rig, TENANT};

static PROBE: &[u8] = include_bytes!(env!("TANDEM_BENCH_PROBE"));
/// How much slower the sandbox may be.
const BAR: Bar = Bar::Below(1.6);

pub(super) async fn run(
    report: &mut Report,
    full: &[Workload],
    windows: &[Workload],
    runs: usize,
) -> Result<(), Failed> {
    let cache = tempfile::tempdir()?;
    let rig = Rig::with(PROBE, Arc::new(MemoryStore::default()), cache.path(), false).await?;
    for workload in full.iter().chain(windows) {
        probe(report, &rig, workload, runs).await?;
    }
    whole(report, cache.path(), runs).await
}

/// Expansion alone. Two numbers of times, so that the cost of the call itself cancels out.
async fn probe(report: &mut Report, rig: &Rig, workload: &Workload, runs: usize) -> Result<(), Failed> {
    let document = workload.document();
    let zones = BundledZones::new();
    let native = engines::engine_counted(workload, &document, &zones)?;
    let native_us = super::libraries::sample(runs, &native);
    // About 2 ms.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of times")]
    let times = (2_000.0 / median(&native_us)).clamp(10.0, 1e6) as u32;
    let text = document.to_string();
    let mut inside = Vec::new();
    for _ in 0..runs.min(21) {
        let few = call(rig, workload, &text, times).await?;
        let many = call(rig, workload, &text, times * 3).await?;
        inside.push((many - few) / f64::from(times * 2));
    }
    let name = workload.name;
    report.add(format!("{name}: sandbox, expansion alone"), &inside, "us", Bar::None);
    report.add(format!("{name}: sandbox / native"), &[median(&inside) / median(&native_us)], "x", BAR);
    Ok(())
}

/// Microseconds of one call.
async fn call(rig: &Rig, workload: &Workload, document: &str, times: u32) -> Result<f64, Failed> {
    let window = Window {
        calendar: document.to_owned(),
        from_ms: u64::try_from(workload.from_s)? * 1_000,
        to_ms: u64::try_from(workload.to_s)? * 1_000,
        time_zone: ZONE.into(),
        limit: times,
    };
    let start = Instant::now();
    let page = rig.runtime.occurrences(TENANT, window).await?.map_err(|error| format!("{error:?}"))?;
    let took = start.elapsed().as_secs_f64() * 1e6;
    let found = page.items.first().map_or(0, |item| item.start_ms);
    if found != workload.expected as u64 * u64::from(times) {
        return Err(format!("the probe found {found} occurrences").into());
    }
    Ok(took)
}

/// A calendar of series, and a year of it.
async fn whole(report: &mut Report, cache: &std::path::Path, runs: usize) -> Result<(), Failed> {
    let rows = calendar();
    let store = Arc::new(MemoryStore::default());
    let change = |row: &EventRow| Change::PutEvent(("calendar".into(), event(row)));
    let batch = Batch { expectations: Vec::new(), changes: rows.iter().map(change).collect() };
    store.commit(TENANT, batch, 0).await.map_err(|error| format!("{error:?}"))?;
    let rig = Rig::new(store, cache, false).await?;
    // 2025, UTC.
    let (from_ms, to_ms) = (1_735_689_600_000, 1_767_225_600_000);
    let query = agenda::Query { calendar: "calendar".into(), from_ms, to_ms, time_zone: ZONE.into(), limit: 10_000 };
    let mut effects = OneCalendar { rows };
    let (mut native, mut inside) = (Vec::new(), Vec::new());
    for _ in 0..runs.min(21) {
        let start = Instant::now();
        // A fresh instance has read no zones either.
        let found = agenda::occurrences(&mut effects, &BundledZones::new(), &query)?;
        native.push(start.elapsed().as_secs_f64() * 1_000.0);
        let asked = Window { calendar: "calendar".into(), from_ms, to_ms, time_zone: ZONE.into(), limit: 10_000 };
        let start = Instant::now();
        let page = rig.runtime.occurrences(TENANT, asked).await?.map_err(|error| format!("{error:?}"))?;
        inside.push(start.elapsed().as_secs_f64() * 1_000.0);
        let same =
            |(a, b): (&agenda::Entry, &tandem_host::bindings::exports::tandem::calendar::recurrence::Occurrence)| {
                a.start_ms == b.start_ms && a.uid == b.uid && a.document == b.document
            };
        let agree = found.entries.len() == page.items.len() && found.entries.iter().zip(&page.items).all(same);
        if !agree || page.items.len() < 2_000 {
            return Err(format!("{} occurrences in the sandbox", page.items.len()).into());
        }
        black_box((found, page));
    }
    report.add("year of 25 series, with documents: engine, native", &native, "ms", Bar::None);
    report.add("year of 25 series: the component, call to answer", &inside, "ms", Bar::None);
    report.add("year of 25 series: component / native", &[median(&inside) / median(&native)], "x", BAR);
    Ok(())
}

/// 20 weekly series of three days and 5 daily ones: some 4,900 occurrences a year.
fn calendar() -> Vec<EventRow> {
    let windows = Workload::windows();
    let row = |number: usize| {
        let workload = &windows[if number < 20 { 1 } else { 4 }];
        let mut document = workload.document();
        let uid = format!("series-{number}");
        document["uid"] = uid.as_str().into();
        document["description"] = "Agenda and notes are in the shared folder. Please be there on time.".into();
        document["locations"] = serde_json::json!({"room": {"@type": "Location", "name": "Room 12, second floor"}});
        EventRow {
            uid,
            revision: 1,
            deleted: false,
            start_ms: 1_299_506_400_000 + number as u64,
            end_ms: u64::MAX,
            recurring: true,
            updated_ms: 0,
            document: document.to_string(),
        }
    };
    (0..25).map(row).collect()
}

fn event(row: &EventRow) -> Event {
    Event {
        uid: row.uid.clone(),
        revision: row.revision,
        deleted: row.deleted,
        start_ms: row.start_ms,
        end_ms: row.end_ms,
        recurring: row.recurring,
        updated_ms: row.updated_ms,
        document: row.document.clone(),
    }
}
