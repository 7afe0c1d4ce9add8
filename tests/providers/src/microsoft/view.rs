//! Events as a caller sees them.
//! Invariant: only here stored items become JSON; the zone, the form of ids and of bodies follow the caller's headers.

use serde_json::{Value, json};

use super::config::Config;
use super::error::ApiError;
use super::series::Occurrence;
use super::state::{Item, Object, State};
use super::time::{Moment, Span, stamp_text};
use super::{body, extension, html, ids, zones};

/// How events are shown to a caller.
#[derive(Clone, Debug, Default)]
pub(crate) struct View {
    /// The mailbox.
    pub(crate) account: String,
    /// Zone of the answered times; none for UTC.
    pub(crate) zone: Option<String>,
    pub(crate) text_bodies: bool,
    pub(crate) immutable: bool,
    /// Members asked for; none for all.
    pub(crate) select: Option<Vec<String>>,
    /// Ids of extended properties asked for.
    pub(crate) properties: Vec<String>,
    /// Open extensions are asked for.
    pub(crate) extensions: bool,
    pub(crate) exceptions: bool,
    /// A test's own eye: times in the events' own zones.
    pub(crate) own_zones: bool,
}

/// Where content comes from: the master's, with an occurrence's own on top.
fn members(item: &Item, occurrence: Option<&Occurrence<'_>>) -> Object {
    let mut all = item.body.clone();
    if let Some(exception) = occurrence.and_then(|occurrence| occurrence.exception) {
        all.extend(exception.body.clone());
    }
    all
}

/// The etag of a change number.
pub(crate) fn etag(change: u64) -> String {
    format!("W/\"{}\"", ids::change_key(change))
}

/// The change number that an event or an occurrence answers with.
pub(crate) fn change_of(item: &Item, original_ms: Option<i64>) -> u64 {
    let exception = original_ms.and_then(|at| item.series.as_ref()?.exceptions.get(&at));
    exception.map_or(item.change, |exception| exception.change)
}

impl View {
    /// A test's own view: everything, in the events' own zones.
    pub(crate) fn of_god(account: &str) -> Self {
        Self { account: account.to_owned(), own_zones: true, ..Self::default() }
    }

    fn moment(&self, at: &Moment, all_day: bool, config: &Config) -> Value {
        let shown = match &self.zone {
            _ if self.own_zones => at.zone.as_str(),
            Some(zone) => zone,
            None => "UTC",
        };
        if all_day && config.all_day_floats {
            let mut value = at.write(&at.zone);
            if let Some(map) = value.as_object_mut() {
                map.insert("timeZone".to_owned(), json!(shown));
            }
            return value;
        }
        at.write(shown)
    }

    /// The few members of a plain occurrence in a delta.
    pub(crate) fn bare(&self, item: &Item, occurrence: &Occurrence<'_>, config: &Config) -> Value {
        let span = &occurrence.span;
        json!({
            "@odata.type": "#microsoft.graph.event",
            "@odata.etag": etag(item.change),
            "seriesMasterId": item.id(None, self.immutable),
            "type": "occurrence",
            "id": item.id(Some(occurrence.original_ms), self.immutable),
            "start": self.moment(&span.start, span.all_day, config),
            "end": self.moment(&span.end, span.all_day, config),
        })
    }

    /// An event, or one occurrence of it.
    pub(crate) fn event(&self, item: &Item, occurrence: Option<&Occurrence<'_>>, config: &Config) -> Value {
        let original_ms = occurrence.map(|occurrence| occurrence.original_ms);
        let span = occurrence.map_or(&item.span, |occurrence| &occurrence.span);
        let exception = occurrence.and_then(|occurrence| occurrence.exception);
        let mut all = members(item, occurrence);
        let change = change_of(item, original_ms);
        let organizer = all.get("organizer").map(body::address).unwrap_or_default().to_owned();
        let kind = match (&item.series, occurrence, exception) {
            (None, ..) => "singleInstance",
            (Some(_), None, _) => "seriesMaster",
            (_, Some(_), None) => "occurrence",
            _ => "exception",
        };
        let master = occurrence.map(|_| item.id(None, self.immutable));
        let id = item.id(original_ms, self.immutable);
        let day = original_ms.map(|at| item.span.start.moved(at).civil().date());
        let link = format!(
            "https://outlook.office365.com/owa/?itemid={}&exvsurl=1&path=/calendar/item",
            crate::http::encode(&id)
        );
        let set = json!({
            "@odata.etag": etag(change),
            "id": id,
            "changeKey": ids::change_key(change),
            "createdDateTime": stamp_text(item.created_ms),
            "lastModifiedDateTime": stamp_text(exception.map_or(item.stamp_ms, |own| own.stamp_ms)),
            "transactionId": item.transaction,
            "iCalUId": ids::ical(&item.core, day),
            "isAllDay": span.all_day,
            "isOrganizer": organizer.eq_ignore_ascii_case(&self.account),
            "seriesMasterId": master,
            "type": kind,
            "webLink": link,
            "recurrence": null,
            "start": self.moment(&span.start, span.all_day, config),
            "end": self.moment(&span.end, span.all_day, config),
        });
        if let Value::Object(set) = set {
            all.extend(set);
        }
        originals(&mut all, span, original_ms, config);
        if let (Some(series), None) = (&item.series, occurrence) {
            all.insert("recurrence".to_owned(), series.rule.write(config));
        }
        if self.text_bodies {
            let content = all.get("body").and_then(|body| body.get("content")).and_then(Value::as_str);
            let plain = html::to_text(content.unwrap_or_default());
            all.insert("body".to_owned(), json!({ "contentType": "text", "content": plain }));
        }
        self.asked_for(&mut all, item, occurrence, config);
        Value::Object(all)
    }

    /// What `$select` and `$expand` add and take away.
    fn asked_for(&self, all: &mut Object, item: &Item, occurrence: Option<&Occurrence<'_>>, config: &Config) {
        let series = item.series.as_ref().filter(|_| occurrence.is_none());
        let wants = |name: &str| self.select.as_ref().is_some_and(|names| names.iter().any(|wanted| wanted == name));
        if let Some(series) = series.filter(|_| wants("cancelledOccurrences")) {
            let id = item.id(None, self.immutable);
            let day = |at: &i64| item.span.start.moved(*at).civil().date();
            let list: Vec<String> = series.cancelled.iter().map(|at| format!("OID.{id}.{}", day(at))).collect();
            all.insert("cancelledOccurrences".to_owned(), json!(list));
        }
        if let Some(names) = &self.select {
            let kept = |key: &str| matches!(key, "id" | "@odata.etag") || names.iter().any(|name| name == key);
            all.retain(|key, _| kept(key));
        }
        if series.is_some() && self.exceptions {
            let plain = Self { exceptions: false, select: None, ..self.clone() };
            let later = item.series.iter().flat_map(|series| series.exceptions.iter());
            let later =
                later.map(|(at, own)| Occurrence { original_ms: *at, span: own.span.clone(), exception: Some(own) });
            let list: Vec<Value> = later.map(|one| plain.event(item, Some(&one), config)).collect();
            all.insert("exceptionOccurrences".to_owned(), json!(list));
        }
        let (extended, extensions) = extension::of(item, occurrence.map(|occurrence| occurrence.original_ms));
        let marks = extended.iter().filter(|(id, _)| self.properties.contains(id) || self.own_zones);
        let marks: Vec<Value> = marks.map(|(id, value)| json!({ "id": id, "value": value })).collect();
        if !marks.is_empty() {
            all.insert("singleValueExtendedProperties".to_owned(), json!(marks));
        }
        if self.extensions || (self.own_zones && !extensions.is_empty()) {
            let list: Vec<Value> = extensions.iter().map(|(name, own)| extension::shown(name, own)).collect();
            all.insert("extensions".to_owned(), json!(list));
        }
    }
}

/// The zones that the event was written in, and an occurrence's original start.
fn originals(all: &mut Object, span: &Span, original_ms: Option<i64>, config: &Config) {
    for (key, at) in [("originalStartTimeZone", &span.start), ("originalEndTimeZone", &span.end)] {
        let kept = || {
            let windows = zones::windows_name(&at.zone).filter(|_| !config.keeps_iana);
            json!(windows.unwrap_or(&at.zone))
        };
        all.entry(key.to_owned()).or_insert_with(kept);
    }
    if let Some(at) = original_ms {
        all.insert("originalStart".to_owned(), json!(super::time::second_text(at)));
    }
}

/// Whether the members asked for are there at all.
pub(crate) fn check_select(state: &State, names: &[String]) -> Result<(), ApiError> {
    let optional = ["cancelledOccurrences", "exceptionOccurrences"];
    let own = [
        "id",
        "changeKey",
        "createdDateTime",
        "lastModifiedDateTime",
        "transactionId",
        "originalStartTimeZone",
        "originalEndTimeZone",
        "iCalUId",
        "isAllDay",
        "isOrganizer",
        "seriesMasterId",
        "type",
        "webLink",
        "recurrence",
        "start",
        "end",
        "originalStart",
    ];
    let known = body::defaults("");
    for name in names {
        let name = name.as_str();
        let there = own.contains(&name)
            || known.contains_key(name)
            || (optional.contains(&name) && state.config.occurrence_properties);
        if !there {
            return Err(no_property(name));
        }
    }
    Ok(())
}

/// The refusal of a property that events do not have.
pub(crate) fn no_property(name: &str) -> ApiError {
    ApiError::bad_request(&format!("Could not find a property named '{name}' on type 'microsoft.graph.event'."))
}
