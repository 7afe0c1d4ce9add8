//! Events as a caller sees them.
//! Invariant: only here stored items become JSON; the zone, the form of ids and of bodies follow the caller's headers.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;

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
    /// Members asked for, sorted; none for all.
    pub(crate) select: Option<Vec<String>>,
    /// Ids of extended properties asked for.
    pub(crate) properties: Vec<String>,
    /// Open extensions are asked for.
    pub(crate) extensions: bool,
    pub(crate) exceptions: bool,
    /// A test's own eye: times in the events' own zones.
    pub(crate) own_zones: bool,
}

/// The members of an event on their way out, by name. What is stored is not copied.
pub(crate) type Members<'a> = BTreeMap<&'a str, Cow<'a, Value>>;

/// Members as the text of a JSON object.
pub(crate) fn to_text(members: &Members<'_>) -> String {
    serde_json::to_string(members).unwrap_or_default()
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
    pub(crate) fn bare(&self, item: &Item, occurrence: &Occurrence<'_>, config: &Config) -> Members<'static> {
        let span = &occurrence.span;
        let members = [
            ("@odata.etag", json!(etag(item.change))),
            ("@odata.type", json!("#microsoft.graph.event")),
            ("end", self.moment(&span.end, span.all_day, config)),
            ("id", json!(item.id(Some(occurrence.original_ms), self.immutable))),
            ("seriesMasterId", json!(item.id(None, self.immutable))),
            ("start", self.moment(&span.start, span.all_day, config)),
            ("type", json!("occurrence")),
        ];
        members.map(|(name, value)| (name, Cow::Owned(value))).into()
    }

    /// Whether a member is shown: all are, unless the caller selects some.
    fn asks_for(&self, name: &str) -> bool {
        let selected = |names: &Vec<String>| names.binary_search_by(|one| one.as_str().cmp(name)).is_ok();
        self.select.as_ref().is_none_or(|names| matches!(name, "id" | "@odata.etag") || selected(names))
    }

    /// An event, or one occurrence of it, as JSON.
    pub(crate) fn event(&self, item: &Item, occurrence: Option<&Occurrence<'_>>, config: &Config) -> Value {
        let members = self.members(item, occurrence, config).into_iter();
        Value::Object(members.map(|(name, value)| (name.to_owned(), value.into_owned())).collect())
    }

    /// An event, or one occurrence of it. Only what is asked for is made.
    pub(crate) fn members<'a>(
        &self,
        item: &'a Item,
        occurrence: Option<&Occurrence<'a>>,
        config: &Config,
    ) -> Members<'a> {
        let original_ms = occurrence.map(|occurrence| occurrence.original_ms);
        let span = occurrence.map_or(&item.span, |occurrence| &occurrence.span);
        let exception = occurrence.and_then(|occurrence| occurrence.exception);
        // The master's content, with an occurrence's own on top.
        let own = exception.map(|exception| &exception.body);
        let content = item.body.iter().chain(own.into_iter().flatten()).filter(|(name, _)| self.asks_for(name));
        let mut all: Members<'a> = content.map(|(name, value)| (name.as_str(), Cow::Borrowed(value))).collect();
        let change = change_of(item, original_ms);
        let organizer = own.and_then(|own| own.get("organizer")).or_else(|| item.body.get("organizer"));
        let organizer = organizer.map(body::address).unwrap_or_default();
        let kind = match (&item.series, occurrence, exception) {
            (None, ..) => "singleInstance",
            (Some(_), None, _) => "seriesMaster",
            (_, Some(_), None) => "occurrence",
            _ => "exception",
        };
        let id = item.id(original_ms, self.immutable);
        let day = || original_ms.map(|at| item.span.start.moved(at).civil().date());
        let mut set = |name: &'static str, value: &dyn Fn() -> Value| {
            if self.asks_for(name) {
                all.insert(name, Cow::Owned(value()));
            }
        };
        set("@odata.etag", &|| json!(etag(change)));
        set("id", &|| json!(id));
        set("changeKey", &|| json!(ids::change_key(change)));
        set("createdDateTime", &|| json!(stamp_text(item.created_ms)));
        set("lastModifiedDateTime", &|| json!(stamp_text(exception.map_or(item.stamp_ms, |own| own.stamp_ms))));
        set("transactionId", &|| json!(item.transaction));
        set("iCalUId", &|| json!(ids::ical(&item.core, day())));
        set("isAllDay", &|| json!(span.all_day));
        set("isOrganizer", &|| json!(organizer.eq_ignore_ascii_case(&self.account)));
        set("seriesMasterId", &|| json!(occurrence.map(|_| item.id(None, self.immutable))));
        set("type", &|| json!(kind));
        set("webLink", &|| json!(web_link(&id)));
        set("start", &|| self.moment(&span.start, span.all_day, config));
        set("end", &|| self.moment(&span.end, span.all_day, config));
        let series = item.series.as_ref().filter(|_| occurrence.is_none());
        set("recurrence", &|| series.map_or(Value::Null, |series| series.rule.write(config)));
        self.originals(&mut all, span, original_ms, config);
        if self.text_bodies && self.asks_for("body") {
            let content = all.get("body").and_then(|body| body.get("content")).and_then(Value::as_str);
            let plain = html::to_text(content.unwrap_or_default());
            all.insert("body", Cow::Owned(json!({ "contentType": "text", "content": plain })));
        }
        self.expanded(&mut all, item, occurrence, config);
        all
    }

    /// The zones that the event was written in, and an occurrence's original start.
    fn originals(&self, all: &mut Members<'_>, span: &Span, original_ms: Option<i64>, config: &Config) {
        for (name, at) in [("originalStartTimeZone", &span.start), ("originalEndTimeZone", &span.end)] {
            if self.asks_for(name) && !all.contains_key(name) {
                let windows = zones::windows_name(&at.zone).filter(|_| !config.keeps_iana);
                all.insert(name, Cow::Owned(json!(windows.unwrap_or(&at.zone))));
            }
        }
        if let Some(at) = original_ms.filter(|_| self.asks_for("originalStart")) {
            all.insert("originalStart", Cow::Owned(json!(super::time::second_text(at))));
        }
    }

    /// What comes only when `$select` or `$expand` names it.
    fn expanded(&self, all: &mut Members<'_>, item: &Item, occurrence: Option<&Occurrence<'_>>, config: &Config) {
        let series = item.series.as_ref().filter(|_| occurrence.is_none());
        if let Some(series) = series.filter(|_| self.select.is_some() && self.asks_for("cancelledOccurrences")) {
            let id = item.id(None, self.immutable);
            let day = |at: &i64| item.span.start.moved(*at).civil().date();
            let list: Vec<String> = series.cancelled.iter().map(|at| format!("OID.{id}.{}", day(at))).collect();
            all.insert("cancelledOccurrences", Cow::Owned(json!(list)));
        }
        if let Some(series) = series.filter(|_| self.exceptions) {
            let plain = Self { exceptions: false, select: None, ..self.clone() };
            let later = series.exceptions.iter();
            let later =
                later.map(|(at, own)| Occurrence { original_ms: *at, span: own.span.clone(), exception: Some(own) });
            let list: Vec<Value> = later.map(|one| plain.event(item, Some(&one), config)).collect();
            all.insert("exceptionOccurrences", Cow::Owned(Value::Array(list)));
        }
        let (extended, extensions) = extension::of(item, occurrence.map(|occurrence| occurrence.original_ms));
        let marks = extended.iter().filter(|(id, _)| self.properties.contains(id) || self.own_zones);
        let marks: Vec<Value> = marks.map(|(id, value)| json!({ "id": id, "value": value })).collect();
        if !marks.is_empty() {
            all.insert("singleValueExtendedProperties", Cow::Owned(Value::Array(marks)));
        }
        if self.extensions || (self.own_zones && !extensions.is_empty()) {
            let list: Vec<Value> = extensions.iter().map(|(name, own)| extension::shown(name, own)).collect();
            all.insert("extensions", Cow::Owned(Value::Array(list)));
        }
    }
}

fn web_link(id: &str) -> String {
    format!("https://outlook.office365.com/owa/?itemid={}&exvsurl=1&path=/calendar/item", crate::http::encode(id))
}

/// What every event has.
static KNOWN: LazyLock<Object> = LazyLock::new(|| body::defaults(""));

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
    for name in names {
        let name = name.as_str();
        let there = own.contains(&name)
            || KNOWN.contains_key(name)
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
