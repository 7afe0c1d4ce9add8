//! Names of time zones: Windows' own and IANA's, both ways.
//!
//! Several IANA zones share a Windows name, so a received name is kept wherever writing would give another one.

use super::windows_zones::WINDOWS_ZONES;
use crate::provider::Target;
use crate::time::is_utc;

/// The name that is not one of the table's.
const UTC: &str = "tzone://Microsoft/Utc";

/// A received name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    /// The zone; UTC when the name says nothing.
    pub(super) zone: String,
    /// The name as it came, when the zone alone would be written with another one.
    pub(super) kept: Option<String>,
}

/// Read a name. A custom zone (`tzone://Microsoft/Custom`) or an unknown one is kept, and stands for UTC, in which the
/// instants are exact.
pub(super) fn read(target: &Target<'_>, name: &str) -> Named {
    let found = zone_of(target, name);
    let zone = found.clone().unwrap_or_else(|| "Etc/UTC".to_owned());
    let same = name.is_empty() || name == UTC || (found.is_some() && windows(&zone) == Some(name));
    Named { zone, kept: (!same).then(|| name.to_owned()) }
}

/// The zone of a name; none when it is not known.
pub(super) fn zone_of(target: &Target<'_>, name: &str) -> Option<String> {
    if name == UTC || is_utc(name) {
        return Some("Etc/UTC".to_owned());
    }
    let windows = WINDOWS_ZONES.iter().find(|(windows, ..)| windows.eq_ignore_ascii_case(name));
    let zone = windows.map_or(name, |(_, zone, _)| zone);
    (!zone.is_empty() && target.zones.exists(zone)).then(|| zone.to_owned())
}

/// The Windows name of an IANA zone.
fn windows(zone: &str) -> Option<&'static str> {
    let has = |others: &str| others.split(' ').any(|other| other == zone);
    let main = WINDOWS_ZONES.iter().find(|(_, main, _)| *main == zone);
    main.or_else(|| WINDOWS_ZONES.iter().find(|(_, _, others)| has(others))).map(|(windows, ..)| *windows)
}

/// The name to write for a zone: the one that was received if it still means this zone, else the Windows name. None:
/// Windows has no such zone.
pub(super) fn write(target: &Target<'_>, zone: &str, kept: Option<&str>) -> Option<String> {
    let kept = kept.filter(|kept| !kept.starts_with("tzone:"));
    if let Some(kept) = kept.filter(|kept| zone_of(target, kept).as_deref() == Some(zone)) {
        return Some(kept.to_owned());
    }
    if is_utc(zone) { Some("UTC".to_owned()) } else { windows(zone).map(str::to_owned) }
}
