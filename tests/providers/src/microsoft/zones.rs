//! Names of time zones: Windows' own, and the IANA names that Graph takes beside them.
//! Invariant: a name that Graph does not take is no zone here either, although the database may know it.

use std::cell::RefCell;
use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use windows_timezones::WindowsTimezone;

/// The IANA names that Graph's page on dateTimeTimeZone lists, each with its Windows name.
const IANA: [(&str, &str); 101] = [
    ("Etc/GMT+12", "Dateline Standard Time"),
    ("Etc/GMT+11", "UTC-11"),
    ("Pacific/Honolulu", "Hawaiian Standard Time"),
    ("America/Anchorage", "Alaskan Standard Time"),
    ("America/Santa_Isabel", "Pacific Standard Time (Mexico)"),
    ("America/Los_Angeles", "Pacific Standard Time"),
    ("America/Phoenix", "US Mountain Standard Time"),
    ("America/Chihuahua", "Central Standard Time (Mexico)"),
    ("America/Denver", "Mountain Standard Time"),
    ("America/Guatemala", "Central America Standard Time"),
    ("America/Chicago", "Central Standard Time"),
    ("America/Mexico_City", "Central Standard Time (Mexico)"),
    ("America/Regina", "Canada Central Standard Time"),
    ("America/Bogota", "SA Pacific Standard Time"),
    ("America/New_York", "Eastern Standard Time"),
    ("America/Indiana/Indianapolis", "US Eastern Standard Time"),
    ("America/Caracas", "Venezuela Standard Time"),
    ("America/Asuncion", "Paraguay Standard Time"),
    ("America/Halifax", "Atlantic Standard Time"),
    ("America/Cuiaba", "Central Brazilian Standard Time"),
    ("America/La_Paz", "SA Western Standard Time"),
    ("America/Santiago", "Pacific SA Standard Time"),
    ("America/St_Johns", "Newfoundland Standard Time"),
    ("America/Sao_Paulo", "E. South America Standard Time"),
    ("America/Argentina/Buenos_Aires", "Argentina Standard Time"),
    ("America/Cayenne", "SA Eastern Standard Time"),
    ("America/Godthab", "Greenland Standard Time"),
    ("America/Montevideo", "Montevideo Standard Time"),
    ("America/Bahia", "Bahia Standard Time"),
    ("Etc/GMT+2", "UTC-02"),
    ("Atlantic/Azores", "Azores Standard Time"),
    ("Atlantic/Cape_Verde", "Cape Verde Standard Time"),
    ("Africa/Casablanca", "Morocco Standard Time"),
    ("Etc/GMT", "Greenwich Standard Time"),
    ("Europe/London", "GMT Standard Time"),
    ("Atlantic/Reykjavik", "Greenwich Standard Time"),
    ("Europe/Berlin", "W. Europe Standard Time"),
    ("Europe/Budapest", "Central Europe Standard Time"),
    ("Europe/Paris", "Romance Standard Time"),
    ("Europe/Warsaw", "Central European Standard Time"),
    ("Africa/Lagos", "W. Central Africa Standard Time"),
    ("Africa/Windhoek", "Namibia Standard Time"),
    ("Europe/Bucharest", "GTB Standard Time"),
    ("Asia/Beirut", "Middle East Standard Time"),
    ("Africa/Cairo", "Egypt Standard Time"),
    ("Asia/Damascus", "Syria Standard Time"),
    ("Africa/Johannesburg", "South Africa Standard Time"),
    ("Europe/Kyiv", "FLE Standard Time"),
    ("Europe/Kiev", "FLE Standard Time"),
    ("Europe/Istanbul", "Turkey Standard Time"),
    ("Asia/Jerusalem", "Israel Standard Time"),
    ("Asia/Amman", "Jordan Standard Time"),
    ("Asia/Baghdad", "Arabic Standard Time"),
    ("Europe/Kaliningrad", "Kaliningrad Standard Time"),
    ("Asia/Riyadh", "Arab Standard Time"),
    ("Africa/Nairobi", "E. Africa Standard Time"),
    ("Asia/Tehran", "Iran Standard Time"),
    ("Asia/Dubai", "Arabian Standard Time"),
    ("Asia/Baku", "Azerbaijan Standard Time"),
    ("Europe/Moscow", "Russian Standard Time"),
    ("Indian/Mauritius", "Mauritius Standard Time"),
    ("Asia/Tbilisi", "Georgian Standard Time"),
    ("Asia/Yerevan", "Caucasus Standard Time"),
    ("Asia/Kabul", "Afghanistan Standard Time"),
    ("Asia/Karachi", "Pakistan Standard Time"),
    ("Asia/Tashkent", "West Asia Standard Time"),
    ("Asia/Kolkata", "India Standard Time"),
    ("Asia/Colombo", "Sri Lanka Standard Time"),
    ("Asia/Kathmandu", "Nepal Standard Time"),
    ("Asia/Almaty", "West Asia Standard Time"),
    ("Asia/Dhaka", "Bangladesh Standard Time"),
    ("Asia/Yekaterinburg", "Ekaterinburg Standard Time"),
    ("Asia/Yangon", "Myanmar Standard Time"),
    ("Asia/Rangoon", "Myanmar Standard Time"),
    ("Asia/Bangkok", "SE Asia Standard Time"),
    ("Asia/Novosibirsk", "N. Central Asia Standard Time"),
    ("Asia/Shanghai", "China Standard Time"),
    ("Asia/Krasnoyarsk", "North Asia Standard Time"),
    ("Asia/Singapore", "Singapore Standard Time"),
    ("Australia/Perth", "W. Australia Standard Time"),
    ("Asia/Taipei", "Taipei Standard Time"),
    ("Asia/Ulaanbaatar", "Ulaanbaatar Standard Time"),
    ("Asia/Irkutsk", "North Asia East Standard Time"),
    ("Asia/Tokyo", "Tokyo Standard Time"),
    ("Asia/Seoul", "Korea Standard Time"),
    ("Australia/Adelaide", "Cen. Australia Standard Time"),
    ("Australia/Darwin", "AUS Central Standard Time"),
    ("Australia/Brisbane", "E. Australia Standard Time"),
    ("Australia/Sydney", "AUS Eastern Standard Time"),
    ("Pacific/Port_Moresby", "West Pacific Standard Time"),
    ("Australia/Hobart", "Tasmania Standard Time"),
    ("Asia/Yakutsk", "Yakutsk Standard Time"),
    ("Pacific/Guadalcanal", "Central Pacific Standard Time"),
    ("Asia/Vladivostok", "Vladivostok Standard Time"),
    ("Pacific/Auckland", "New Zealand Standard Time"),
    ("Etc/GMT-12", "UTC+12"),
    ("Pacific/Fiji", "Fiji Standard Time"),
    ("Asia/Magadan", "Magadan Standard Time"),
    ("Pacific/Tongatapu", "Tonga Standard Time"),
    ("Pacific/Apia", "Samoa Standard Time"),
    ("Pacific/Kiritimati", "Line Islands Standard Time"),
];

thread_local! {
    /// Zones by name, because every occurrence asks for its own again.
    static KNOWN: RefCell<BTreeMap<String, TimeZone>> = const { RefCell::new(BTreeMap::new()) };
}

/// The zone of a name that Graph takes; none for others.
pub(crate) fn zone(name: &str) -> Option<TimeZone> {
    KNOWN.with_borrow_mut(|known| {
        if let Some(zone) = known.get(name) {
            return Some(zone.clone());
        }
        let zone = find(name)?;
        known.insert(name.to_owned(), zone.clone());
        Some(zone)
    })
}

fn find(name: &str) -> Option<TimeZone> {
    match name {
        "tzone://Microsoft/Utc" => return Some(TimeZone::UTC),
        // The rules behind a custom zone are lost, so nothing can be written in it.
        "tzone://Microsoft/Custom" | "Customized Time Zone" => return None,
        _ => {}
    }
    if let Ok(windows) = name.parse::<WindowsTimezone>() {
        return TimeZone::get(windows.tzdb_id()).ok();
    }
    IANA.iter().find(|(iana, _)| *iana == name).and_then(|(iana, _)| TimeZone::get(iana).ok())
}

/// The Windows name of a listed IANA name.
pub(crate) fn windows_name(name: &str) -> Option<&'static str> {
    IANA.iter().find(|(iana, _)| *iana == name).map(|(_, windows)| *windows)
}
