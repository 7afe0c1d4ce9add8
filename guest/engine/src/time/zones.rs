//! The rules of the world's time zones: one small trait, and its one implementation over `jiff`.
//!
//! The rules inside the program are the floor, so the answers depend on no machine. A host may have newer ones: they
//! are asked first, zone by zone, so that a release of the tz database needs no new component.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use chrono::{Datelike, NaiveDateTime, Timelike};
use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::{SECOND_MS, utc};

/// Zones that one [`BundledZones`] keeps parsed; the database has about 600 names.
const CACHED_ZONES: usize = 1_000;
/// Changes of offset that one [`ZoneWindow`] holds: 400 years of two a year, with room.
const WINDOW_TRANSITIONS: usize = 1_000;
/// No offset of a zone, and no jump of one, is longer than this, in seconds.
const WIDEST_OFFSET_S: i64 = 26 * 3_600;
/// How much further than asked for a window of offsets reaches on both sides, in seconds: two years.
const WINDOW_MARGIN_S: i64 = 2 * 366 * 86_400;
/// Longest rules of one zone that a host may give, in bytes; those of the tz database have some 4,000.
const MOST_RULES: usize = 1 << 16;

/// What the zones of the world say. None always means: no such zone, or a time outside the years 0 to 9999.
pub trait Zones {
    /// Whether the name is known.
    fn exists(&self, zone: &str) -> bool;
    /// The instant of a wall time, ms since the epoch.
    fn to_utc_ms(&self, zone: &str, local: NaiveDateTime) -> Option<i64>;
    /// The wall time of an instant (whole seconds).
    fn to_local(&self, zone: &str, utc_ms: i64) -> Option<NaiveDateTime>;
    /// The offsets of a zone for wall times in `[from, to]`, to convert many of them cheaply.
    fn window(&self, zone: &str, from: NaiveDateTime, to: NaiveDateTime) -> Option<ZoneWindow>;
}

/// Whether a zone is UTC under one of its names, so that times in it are written with `Z`.
pub fn is_utc(zone: &str) -> bool {
    matches!(zone, "UTC" | "Etc/UTC" | "Etc/UCT" | "UCT" | "Zulu" | "Etc/Zulu" | "Universal" | "Etc/Universal")
}

/// The offsets of one zone in one span of time. Good only for wall times inside the span it was made for.
#[derive(Debug, Clone)]
pub struct ZoneWindow {
    /// Up to which wall time (civil seconds, exclusive) which offset in seconds holds; the last has no end.
    offsets: Arc<[(i64, i64)]>,
    /// From when to when, and which offset, the last answer held: times mostly come in order.
    last: Cell<(i64, i64, i64)>,
}

impl PartialEq for ZoneWindow {
    fn eq(&self, other: &Self) -> bool {
        self.offsets == other.offsets
    }
}

impl Eq for ZoneWindow {}

impl ZoneWindow {
    fn new(offsets: Arc<[(i64, i64)]>) -> Self {
        Self { offsets, last: Cell::new((1, 0, 0)) }
    }

    /// The instant of a wall time given in seconds as if it were UTC; ms since the epoch.
    pub fn to_utc_ms(&self, local_s: i64) -> i64 {
        let (mut from, mut to, mut offset) = self.last.get();
        if !(from..to).contains(&local_s) {
            let i = self.offsets.partition_point(|(end, _)| *end <= local_s);
            from = i.checked_sub(1).and_then(|i| self.offsets.get(i)).map_or(i64::MIN, |(end, _)| *end);
            (to, offset) = self.offsets.get(i).copied().unwrap_or((i64::MAX, 0));
            self.last.set((from, to, offset));
        }
        (local_s - offset) * SECOND_MS
    }
}

/// Offsets that were computed, and the wall times (civil seconds) for which they are good.
#[derive(Debug)]
struct KnownOffsets {
    from: i64,
    to: i64,
    offsets: Arc<[(i64, i64)]>,
}

/// Newer rules of a zone as TZif (RFC 9636), by IANA name; none where the program's own are to be used.
pub type Newer = Box<dyn Fn(&str) -> Option<Vec<u8>> + Send>;

/// [`Zones`] over the tz database inside the program. Zones are looked up once and kept.
pub struct BundledZones {
    database: TimeZoneDatabase,
    newer: Option<Newer>,
    cache: RefCell<BTreeMap<String, TimeZone>>,
    windows: RefCell<BTreeMap<String, KnownOffsets>>,
}

impl fmt::Debug for BundledZones {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BundledZones").field("overridden", &self.newer.is_some()).finish_non_exhaustive()
    }
}

impl Default for BundledZones {
    fn default() -> Self {
        Self::new()
    }
}

impl BundledZones {
    /// The bundled database, nothing looked up yet.
    pub fn new() -> Self {
        BundledZones {
            database: TimeZoneDatabase::bundled(),
            newer: None,
            cache: RefCell::default(),
            windows: RefCell::default(),
        }
    }

    /// The bundled database, and newer rules that are asked first. Rules that cannot be read count as none.
    pub fn overridden_by(newer: Newer) -> Self {
        BundledZones { newer: Some(newer), ..Self::new() }
    }

    fn zone(&self, name: &str) -> Option<TimeZone> {
        if let Some(zone) = self.cache.borrow().get(name) {
            return Some(zone.clone());
        }
        let newer = self.newer.as_ref().and_then(|newer| newer(name)).filter(|rules| rules.len() <= MOST_RULES);
        let zone = match newer.and_then(|rules| TimeZone::tzif(name, &rules).ok()) {
            Some(zone) => zone,
            None => self.database.get(name).ok()?,
        };
        let mut cache = self.cache.borrow_mut();
        // Names in odd capitals also reach the database, so the number of names is not its number of zones.
        if cache.len() < CACHED_ZONES {
            cache.insert(name.to_owned(), zone.clone());
        }
        Some(zone)
    }
}

fn timestamp(seconds: i64) -> Option<jiff::Timestamp> {
    jiff::Timestamp::from_second(seconds).ok()
}

impl Zones for BundledZones {
    fn exists(&self, zone: &str) -> bool {
        self.zone(zone).is_some()
    }

    fn to_utc_ms(&self, zone: &str, local: NaiveDateTime) -> Option<i64> {
        let (date, time) = (local.date(), local.time());
        let small = |n: u32| i8::try_from(n).ok();
        let civil = jiff::civil::DateTime::new(
            i16::try_from(date.year()).ok()?,
            small(date.month())?,
            small(date.day())?,
            small(time.hour())?,
            small(time.minute())?,
            small(time.second())?,
            0,
        );
        let instant = self.zone(zone)?.to_ambiguous_timestamp(civil.ok()?).compatible().ok()?;
        Some(instant.as_second() * SECOND_MS)
    }

    fn to_local(&self, zone: &str, utc_ms: i64) -> Option<NaiveDateTime> {
        let seconds = utc_ms.div_euclid(SECOND_MS);
        let offset = self.zone(zone)?.to_offset(timestamp(seconds)?);
        utc(seconds + i64::from(offset.seconds()))
    }

    fn window(&self, zone: &str, from: NaiveDateTime, to: NaiveDateTime) -> Option<ZoneWindow> {
        let (from, to) = (from.and_utc().timestamp(), to.and_utc().timestamp());
        if let Some(known) = self.windows.borrow().get(zone).filter(|known| known.from <= from && to <= known.to) {
            return Some(ZoneWindow::new(Arc::clone(&known.offsets)));
        }
        let rules = self.zone(zone)?;
        // A little more than is asked for: the next window is often near.
        let wide = (from - WINDOW_MARGIN_S, to + WINDOW_MARGIN_S);
        let ((from, to), offsets) = match offsets(&rules, wide.0, wide.1) {
            Some(offsets) => (wide, offsets),
            None => ((from, to), offsets(&rules, from, to)?),
        };
        let mut windows = self.windows.borrow_mut();
        if windows.len() < CACHED_ZONES || windows.contains_key(zone) {
            windows.insert(zone.to_owned(), KnownOffsets { from, to, offsets: Arc::clone(&offsets) });
        }
        Some(ZoneWindow::new(offsets))
    }
}

/// The offsets that hold for wall times (civil seconds) in `[from, to]`; none outside of the years 0 to 9999.
fn offsets(zone: &TimeZone, from: i64, to: i64) -> Option<Arc<[(i64, i64)]>> {
    let first = timestamp(from - WIDEST_OFFSET_S)?;
    let last = timestamp(to + WIDEST_OFFSET_S)?;
    let mut offset = i64::from(zone.to_offset(first).seconds());
    let mut offsets = Vec::new();
    for change in zone.following(first).take_while(|t| t.timestamp() <= last).take(WINDOW_TRANSITIONS) {
        let (at, next) = (change.timestamp().as_second(), i64::from(change.offset().seconds()));
        // The old offset also covers the gap (shifted forward) and the first pass of an overlap.
        offsets.push((at + offset.max(next), offset));
        offset = next;
    }
    offsets.push((i64::MAX, offset));
    Some(offsets.into())
}
