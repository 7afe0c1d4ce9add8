//! Listings: events, calendarView and instances.
//! Invariant: /events has no occurrences, calendarView no masters, and neither has what is deleted.

use serde_json::{Value, json};

use super::config::Bound;
use super::error::ApiError;
use super::params::{Params, quoted};
use super::route::Call;
use super::series::{self, Occurrence, Target, occurrences};
use super::state::{Calendar, Item, State};
use super::time::query_time;
use super::view::{View, to_text};

const DEFAULT_PAGE: usize = 10;
const MAX_PAGE: usize = 1000;
const DAY_MS: i64 = 86_400_000;

/// One row on its way out: an event, or an occurrence of one.
type Row<'a> = (&'a Item, Option<Occurrence<'a>>);

/// A window of a calendar, made shorter or refused when it is too long.
pub(crate) fn bounded(state: &State, window: (i64, i64)) -> Result<(i64, i64), ApiError> {
    let Some(days) = state.config.max_window_days else { return Ok(window) };
    let last = window.0.saturating_add(i64::from(days) * DAY_MS);
    match state.config.long_window {
        _ if window.1 <= last => Ok(window),
        Bound::Clamp => Ok((window.0, last)),
        Bound::Reject => {
            Err(ApiError::new(400, "ErrorCalendarViewRangeTooBig", "The requested time window is too long."))
        }
    }
}

/// A listing as text: rows are text already, and what stands around them comes before `value`.
pub(crate) fn with_rows(head: &Value, rows: &[String]) -> String {
    let mut text = head.to_string();
    text.pop();
    text.push_str(",\"value\":[");
    text.push_str(&rows.join(","));
    text.push_str("]}");
    text
}

/// The wanted page of rows, wrapped up with a link to the next.
fn page(call: &Call<'_>, params: &Params, rows: &[String], total: usize, from: usize) -> String {
    let rows = if call.empty_page { &[] } else { rows };
    let mut head = json!({ "@odata.context": format!("{}$metadata#events", call.base) });
    let next = from + rows.len();
    if next < total {
        let mut pairs = params.without(&["$skip"]);
        pairs.push(("$skip".to_owned(), next.to_string()));
        if let Some(map) = head.as_object_mut() {
            map.insert("@odata.nextLink".to_owned(), json!(call.link(&pairs)));
        }
    }
    with_rows(&head, rows)
}

fn sizes(state: &State, call: &Call<'_>, params: &Params) -> Result<(usize, usize), ApiError> {
    let wanted = params.number("$top", 1, MAX_PAGE)?.or(call.prefer.page).unwrap_or(DEFAULT_PAGE);
    let size = wanted.min(state.config.page_limit.unwrap_or(MAX_PAGE)).clamp(1, MAX_PAGE);
    Ok((params.number("$skip", 0, usize::MAX)?.unwrap_or(0), size))
}

fn cut(state: &State, call: &Call<'_>, params: &Params, view: &View, rows: &[Row<'_>]) -> Result<String, ApiError> {
    let (from, size) = sizes(state, call, params)?;
    let shown = rows.iter().skip(from).take(size);
    let shown: Vec<String> =
        shown.map(|(item, one)| to_text(&view.members(item, one.as_ref(), &state.config))).collect();
    Ok(page(call, params, &shown, rows.len(), from))
}

/// GET events: singles and masters.
pub(crate) fn events(state: &State, calendar: &Calendar, call: &Call<'_>) -> Result<String, ApiError> {
    let params = Params::check(call.request, &["$top", "$skip", "$select", "$expand", "$filter", "$orderby"])?;
    let mut view = call.prefer.view(&call.account);
    params.shape(state, &mut view)?;
    let filter = params.get("$filter").map(Filter::read).transpose()?;
    let wanted = |item: &&Item| !item.deleted && filter.as_ref().is_none_or(|filter| filter.passes(item));
    let (from, size) = sizes(state, call, &params)?;
    let shown = |items: &[&Item]| -> Vec<String> {
        items.iter().take(size).map(|item| to_text(&view.members(item, None, &state.config))).collect()
    };
    let all = calendar.placed_from(0).filter(wanted);
    if params.get("$orderby").is_none() {
        // One more than the page, to know whether there is a next.
        let items: Vec<&Item> = all.skip(from).take(size + 1).collect();
        return Ok(page(call, &params, &shown(&items), from + items.len(), from));
    }
    let mut items: Vec<&Item> = all.collect();
    order(&params, &mut items)?;
    let rows = shown(items.get(from..).unwrap_or_default());
    Ok(page(call, &params, &rows, items.len(), from))
}

fn order(params: &Params, items: &mut [&Item]) -> Result<(), ApiError> {
    let Some(text) = params.get("$orderby") else { return Ok(()) };
    let (name, descending) = match text.split_once(' ') {
        Some((name, word)) => (name, word.trim() == "desc"),
        None => (text, false),
    };
    match name {
        "lastModifiedDateTime" => items.sort_by_key(|item| item.stamp_ms),
        "createdDateTime" => items.sort_by_key(|item| item.created_ms),
        "start/dateTime" => items.sort_by_key(|item| item.span.start.at_ms),
        _ => return Err(ApiError::not_modelled(&format!("$orderby={name}"))),
    }
    if descending {
        items.reverse();
    }
    Ok(())
}

/// The filters that are modelled.
enum Filter {
    /// `singleValueExtendedProperties/Any(ep: ep/id eq '…' and ep/value eq '…')`.
    Property(String, String),
    /// `lastModifiedDateTime gt …` (milliseconds); true for `ge`.
    Modified(i64, bool),
    /// `iCalUId eq '…'`.
    ICal(String),
}

impl Filter {
    fn read(text: &str) -> Result<Self, ApiError> {
        let unmodelled = || ApiError::not_modelled(&format!("$filter={text}"));
        if let Some(value) = text.strip_prefix("iCalUId eq ") {
            return quoted(value).map(Self::ICal).ok_or_else(unmodelled);
        }
        for (word, inclusive) in [(" gt ", false), (" ge ", true)] {
            if let Some(value) = text.strip_prefix("lastModifiedDateTime").and_then(|rest| rest.strip_prefix(word)) {
                return Ok(Self::Modified(query_time("lastModifiedDateTime", value.trim())?, inclusive));
            }
        }
        let inner = text
            .strip_prefix("singleValueExtendedProperties/Any(")
            .or_else(|| text.strip_prefix("singleValueExtendedProperties/any("))
            .and_then(|rest| rest.strip_suffix(')'))
            .and_then(|rest| rest.split_once(':'))
            .ok_or_else(unmodelled)?;
        let name = inner.0.trim();
        let (id, value) = inner.1.split_once(" and ").ok_or_else(unmodelled)?;
        let read =
            |part: &str, member: &str| part.trim().strip_prefix(&format!("{name}/{member} eq ")).and_then(quoted);
        match (read(id, "id"), read(value, "value")) {
            (Some(id), Some(value)) => Ok(Self::Property(id, value)),
            _ => Err(unmodelled()),
        }
    }

    fn passes(&self, item: &Item) -> bool {
        match self {
            Self::Property(id, value) => item.extended.get(id) == Some(value),
            Self::Modified(at, inclusive) => item.stamp_ms > *at || (*inclusive && item.stamp_ms == *at),
            Self::ICal(uid) => super::ids::ical(&item.core, None) == *uid,
        }
    }
}

fn in_window<'a>(state: &State, item: &'a Item, window: (i64, i64)) -> Vec<Row<'a>> {
    if item.series.is_some() {
        return occurrences(item, &state.config, window).into_iter().map(|one| (item, Some(one))).collect();
    }
    if item.span.meets(window) { vec![(item, None)] } else { Vec::new() }
}

/// GET calendarView: singles, occurrences and exceptions, by start.
pub(crate) fn calendar_view(state: &State, calendar: &Calendar, call: &Call<'_>) -> Result<String, ApiError> {
    let known = ["startDateTime", "endDateTime", "$top", "$skip", "$select", "$expand"];
    let params = Params::check(call.request, &known)?;
    let mut view = call.prefer.view(&call.account);
    params.shape(state, &mut view)?;
    let window = bounded(state, params.window()?)?;
    let live = calendar.placed_from(0).filter(|item| !item.deleted);
    let mut rows: Vec<Row<'_>> = live.flat_map(|item| in_window(state, item, window)).collect();
    rows.sort_by_key(|(item, one)| one.as_ref().map_or(&item.span, |one| &one.span).start.at_ms);
    cut(state, call, &params, &view, &rows)
}

/// GET events/{id}/instances: occurrences and exceptions of a master.
pub(crate) fn instances(state: &State, target: &Target, call: &Call<'_>) -> Result<String, ApiError> {
    let known = ["startDateTime", "endDateTime", "$top", "$skip", "$select", "$expand"];
    let params = Params::check(call.request, &known)?;
    let mut view = call.prefer.view(&call.account);
    params.shape(state, &mut view)?;
    let window = bounded(state, params.window()?)?;
    let calendar = state.calendars.get(&target.calendar).ok_or_else(ApiError::item_not_found)?;
    let item = series::live(calendar, &target.core)?;
    if item.series.is_none() || target.original_ms.is_some() {
        return Err(ApiError::new(400, "ErrorInvalidRequest", "Only a series master has instances."));
    }
    let found = occurrences(item, &state.config, window).into_iter();
    let shown = found.filter(|one| one.exception.is_none() || !state.config.instances_omit_exceptions);
    let rows: Vec<Row<'_>> = shown.map(|one| (item, Some(one))).collect();
    cut(state, call, &params, &view, &rows)
}
