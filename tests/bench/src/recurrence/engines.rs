//! The engine and the libraries, each in its natural fast way: rules are read before the clock starts, results are
//! instants (ms since the epoch).

use std::collections::BTreeSet;

use ical::recur::expand::IcalRecurExpand;
use ical::recur::{IcalRecurDateTime, IcalRecurRule};
use jiff::tz::TimeZone;
use rrule::RRuleSet;
use serde_json::Value;
use tandem_engine::recurrence::{Series, Window, occurrences};
use tandem_engine::time::{BundledZones, Zones as _};

use super::workloads::{Workload, ZONE, basic, wall};
use crate::Failed;

fn window(workload: &Workload) -> Window<'static> {
    let ms = |s: i64| u64::try_from(s).unwrap_or(0) * 1_000;
    Window { from_ms: ms(workload.from_s), to_ms: ms(workload.to_s), zone: ZONE, limit: 10_000 }
}

/// A series that was read, to its times.
pub(super) fn engine<'a>(
    workload: &Workload,
    document: &'a Value,
    zones: &'a BundledZones,
) -> Result<impl Fn() -> Vec<i64> + use<'a>, Failed> {
    let (series, window) = (Series::read(document)?, window(workload));
    Ok(move || {
        let times = series.times(&window, zones).map(|times| times.items).unwrap_or_default();
        times.iter().map(|time| time.start_ms.cast_signed()).collect()
    })
}

/// A document, read anew, to a document for each occurrence: what the API gives.
pub(super) fn engine_with_documents<'a>(
    workload: &Workload,
    document: &'a Value,
    zones: &'a BundledZones,
) -> impl Fn() -> Vec<i64> + use<'a> {
    let window = window(workload);
    move || {
        let items = occurrences(document, &window, zones).map(|found| found.items).unwrap_or_default();
        items.iter().map(|item| item.start_ms.cast_signed()).collect()
    }
}

/// `all` of a set that ends, or `after` and `before`. Both use the set up, so it is cloned.
pub(super) fn rrule(workload: &Workload, zones: &BundledZones) -> Result<impl Fn() -> Vec<i64> + use<>, Failed> {
    let mut text = format!("DTSTART;TZID={ZONE}:{}\nRRULE:{}", workload.start, workload.rule);
    if let Some(until) = workload.until {
        let utc =
            zones.to_utc_ms(ZONE, chrono::DateTime::from_timestamp(wall(until), 0).unwrap_or_default().naive_utc());
        text += &format!(";UNTIL={}Z", basic(utc.unwrap_or(0) / 1_000));
    }
    let excluded: Vec<String> = workload.excluded().into_iter().map(basic).collect();
    if !excluded.is_empty() {
        text += &format!("\nEXDATE;TZID={ZONE}:{}", excluded.join(","));
    }
    let set: RRuleSet = text.parse()?;
    let at = |s: i64| chrono::DateTime::from_timestamp(s, 0).unwrap_or_default().with_timezone(&rrule::Tz::UTC);
    let window = workload.until.is_none().then(|| (at(workload.from_s), at(workload.to_s)));
    Ok(move || {
        let set = set.clone();
        let dates = match window {
            Some((from, to)) => set.after(from).before(to).all(u16::MAX).dates,
            None => set.all_unchecked(),
        };
        dates.iter().map(chrono::DateTime::timestamp_millis).collect()
    })
}

/// Wall times in order, each converted with jiff; a window is cut out of them, since there is no way to enter late.
pub(super) fn ical(workload: &Workload) -> Result<impl Fn() -> Vec<i64> + use<>, Failed> {
    let until = workload.until.map(|until| format!(";UNTIL={until}")).unwrap_or_default();
    let rule = IcalRecurRule::parse(&format!("{}{until}", workload.rule)).map_err(|error| format!("{error:?}"))?;
    let start = IcalRecurDateTime::from_seconds(wall(workload.start));
    let excluded: BTreeSet<IcalRecurDateTime> =
        workload.excluded().into_iter().map(IcalRecurDateTime::from_seconds).collect();
    let zone = TimeZone::get(ZONE)?;
    // A day on each side for the offset.
    let day = 86_400;
    let (first, last) =
        (IcalRecurDateTime::from_seconds(workload.from_s - day), IcalRecurDateTime::from_seconds(workload.to_s + day));
    let (from_ms, to_ms) = (workload.from_s * 1_000, workload.to_s * 1_000);
    let instant = move |t: IcalRecurDateTime| {
        let small = u8::cast_signed;
        let year = i16::try_from(t.year).ok()?;
        let at = jiff::civil::DateTime::new(
            year,
            small(t.month),
            small(t.day),
            small(t.hour),
            small(t.minute),
            small(t.second),
            0,
        );
        Some(zone.to_ambiguous_timestamp(at.ok()?).compatible().ok()?.as_millisecond())
    };
    Ok(move || {
        let all = IcalRecurExpand::new(rule.clone(), start).skip_while(|t| *t < first).take_while(|t| *t <= last);
        let kept = all.filter(|t| !excluded.contains(t));
        kept.filter_map(&instant).filter(|ms| (from_ms..to_ms).contains(ms)).collect()
    })
}

/// The same as [`engine`], without copying its answer: what the probe does.
pub(super) fn engine_counted<'a>(
    workload: &Workload,
    document: &'a Value,
    zones: &'a BundledZones,
) -> Result<impl Fn() -> usize + use<'a>, Failed> {
    let (series, window) = (Series::read(document)?, window(workload));
    Ok(move || series.times(&window, zones).map_or(0, |times| times.items.len()))
}
