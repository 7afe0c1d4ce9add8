//! The world of a history, before anything happens.

use tandem_engine::effects::ReplicaMode;
use tandem_providers::PushFaults;
use tandem_providers::google::{Config, Role};
use tandem_providers::microsoft::{
    self, EventsDelta, ExceptionReset, LostToken, OccurrenceRows, RepeatedTransaction, SeriesRemoval,
};

use super::history::{GoogleOddity, GoogleWays, OutlookOddity, OutlookWays, Setup, Side};
use super::observer::Observer;
use super::trace::Trace;
use crate::component::Mirror;
use crate::world::{ACCOUNT, EngineKind, OUTLOOK, Sides, World};

/// The sides of a setup that show everything.
#[must_use]
pub(crate) fn sides(setup: &Setup) -> Vec<Side> {
    let mut sides = vec![Side::App];
    sides.extend(setup.google.as_ref().map(|_| Side::Google));
    sides.extend(setup.outlook.as_ref().filter(|ways| !ways.busy_only).map(|_| Side::Outlook));
    sides
}

/// A world with these rules; with `kept` its trace can be read.
#[must_use]
pub(crate) fn set(setup: &Setup, seed: u64, engine: EngineKind, kept: bool) -> World {
    let sides = Sides {
        google: setup.google.as_ref().map(|ways| google(ways, seed)),
        microsoft: setup.outlook.as_ref().map(|ways| outlook(ways, seed)),
    };
    let mut world = World::of(sides, ReplicaMode::TwoWay, setup.policy);
    world.engine = engine;
    if !setup.push {
        world.settings.webhook_url = None;
    }
    let trouble = PushFaults {
        lost_permille: u32::from(setup.push_trouble),
        doubled_permille: u32::from(setup.push_trouble),
        reordered_permille: u32::from(setup.push_trouble),
        late_permille: u32::from(setup.push_trouble),
        late_ms: 5_000,
    };
    let mut observer = Observer::default();
    if kept {
        observer.trace = Trace::kept();
    }
    if let Some(ways) = &setup.google {
        world.google.generate(ACCOUNT, usize::from(ways.events), seed % 1_000).unwrap_or_default();
        world.google.set_push_faults(trouble.clone());
        if ways.read_only {
            world.google.set_role(ACCOUNT, ACCOUNT, Some(Role::Reader));
            observer.read_only.push("sim.invalid");
        }
    }
    if let Some(ways) = &setup.outlook {
        world.microsoft.generate(ACCOUNT, usize::from(ways.events), seed % 1_000).unwrap_or_default();
        world.microsoft.set_push_faults(trouble);
        if let Some(replica) = world.memory.replicas.get_mut(OUTLOOK) {
            replica.mode = ways.mode();
        }
    }
    if engine == EngineKind::Sqlite {
        world.mirror = Some(Mirror::of(&world));
    }
    world.observer = Some(Box::new(observer));
    world
}

fn google(ways: &GoogleWays, seed: u64) -> Config {
    let is = |odd| ways.odd.contains(&odd);
    Config {
        allow_http_webhooks: true,
        seed,
        shuffle: ways.shuffle.then_some(seed),
        page_limit: ways.page_limit.map(usize::from),
        bare_tombstones: ways.bare_tombstones,
        delete_cancels_exceptions: ways.delete_cancels_exceptions,
        no_op_keeps_etag: ways.no_op_keeps_etag,
        orphans_are_listed: !is(GoogleOddity::NoRowsOfLeftovers),
        revive: !is(GoogleOddity::NoRevival),
        patch_deleted: !is(GoogleOddity::DeletedIsNotFound),
        ..Config::default()
    }
}

fn of<T: Copy>(all: &[T], n: u8, first: T) -> T {
    all.get(usize::from(n) % all.len().max(1)).copied().unwrap_or(first)
}

fn outlook(ways: &OutlookWays, seed: u64) -> microsoft::Config {
    let deltas = [
        EventsDelta::Full,
        EventsDelta::Minimal,
        EventsDelta::BadRequest,
        EventsDelta::FirstPageOnly,
        EventsDelta::NotImplemented,
    ];
    let tokens = [
        LostToken::SyncStateNotFound,
        LostToken::SyncStateNotFoundWithLocation,
        LostToken::ResyncRequired,
        LostToken::NotFound,
        LostToken::BadRequest,
    ];
    let resets = [ExceptionReset::Any, ExceptionReset::PatternOrTime, ExceptionReset::Never];
    let answers = [RepeatedTransaction::Created, RepeatedTransaction::Ok, RepeatedTransaction::Conflict];
    let removals = [SeriesRemoval::Both, SeriesRemoval::Master, SeriesRemoval::Occurrences];
    let is = |odd| ways.odd.contains(&odd);
    microsoft::Config {
        allow_http_webhooks: true,
        seed,
        page_limit: ways.page_limit.map(usize::from),
        shuffle: ways.shuffle.then_some(seed),
        events_delta: of(&deltas, ways.delta, EventsDelta::Full),
        occurrence_rows: if ways.whole_rows { OccurrenceRows::Full } else { OccurrenceRows::Bare },
        lost_token: of(&tokens, ways.lost_token, LostToken::NotFound),
        exception_reset: of(&resets, ways.reset, ExceptionReset::Any),
        repeated_transaction: of(&answers, ways.transaction, RepeatedTransaction::Created),
        series_removal: of(&removals, ways.removal, SeriesRemoval::Both),
        drift_after_ms: (!ways.no_drift).then_some(5_000),
        repeats: ways.repeats,
        empty_first_page: ways.empty_first_page,
        occurrence_properties: !ways.no_occurrence_properties,
        delta_lag_ms: if is(OutlookOddity::SlowDeltas) { 3_000 } else { 0 },
        removed_outside_window: !is(OutlookOddity::NothingOutsideTheWindow),
        deleted_occurrence_rows: is(OutlookOddity::RemovedOccurrences),
        no_op_keeps_change_key: is(OutlookOddity::NoOpKeepsKey),
        keeps_iana: !is(OutlookOddity::WindowsZones),
        blank_recurrence_zone: is(OutlookOddity::BlankZone),
        rewrites_bodies: !is(OutlookOddity::BodiesStay),
        keeps_blanks: is(OutlookOddity::BlanksStay),
        drift_is_listed: !is(OutlookOddity::QuietDrift),
        exceptions_in_events_delta: !is(OutlookOddity::NoExceptionsInDeltas),
        ..microsoft::Config::default()
    }
}
