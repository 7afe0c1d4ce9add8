//! `Event.recurrence`: lines of RFC 5545, without DTSTART. What cannot be understood is kept word for word in
//! `google.com:recurrence` and sent back as it came.

use chrono::NaiveDateTime;
use serde_json::{Map, Value, json};

use crate::event::{Document, is_excluded};
use crate::provider::{Lines, Target};
use crate::recurrence::{self, DatesKind, ListedDate, Place, Rule, format_dates, parse_dates};
use crate::time::{LocalDateTime, format_rfc3339};

/// Lines that are kept as they came.
const VERBATIM: &str = "google.com:recurrence";

/// A wall time without a zone.
pub(super) fn parse_local(text: &str) -> Option<NaiveDateTime> {
    LocalDateTime::parse(text).map(|local| local.0)
}

/// The text of a wall time.
pub(super) fn local_text(local: NaiveDateTime) -> String {
    LocalDateTime(local).to_string()
}

/// Read the lines into `recurrenceRules`, `excludedRecurrenceRules` and `recurrenceOverrides`.
pub(super) fn read(target: &Target<'_>, lines: &[String], properties: &mut Map<String, Value>) -> Lines {
    let mut found = Lines::default();
    let (mut rules, mut excluded_rules, mut verbatim) = (Vec::new(), Vec::new(), Vec::new());
    let (mut days_off, mut overrides) = (Vec::new(), Map::new());
    let place = Place {
        all_day: properties.contains_key("showWithoutTime"),
        zone: properties.get("timeZone").and_then(Value::as_str),
        zones: target.zones,
    };
    for line in lines {
        let name = line.split([':', ';']).next().unwrap_or_default().to_ascii_uppercase();
        match name.as_str() {
            "RRULE" | "EXRULE" => match Rule::from_rrule(line, &place) {
                Ok(mut rule) => {
                    end_before_gap(&mut rule, properties, &place);
                    let list = if name == "RRULE" { &mut rules } else { &mut excluded_rules };
                    list.push(rule.to_json());
                }
                Err(_) => verbatim.push(line.clone()),
            },
            _ => match parse_dates(line, &place) {
                Ok(dates) => {
                    for date in dates.dates {
                        match (dates.kind, date) {
                            (DatesKind::Excluded, ListedDate::At(at)) => found.excluded.push(at.to_string()),
                            (DatesKind::Excluded, ListedDate::Day(day)) => days_off.push(day),
                            (DatesKind::Additional, ListedDate::At(at)) => found.added.push(at.to_string()),
                            (DatesKind::Additional, ListedDate::Day(_)) => verbatim.push(line.clone()),
                        }
                    }
                }
                Err(_) => verbatim.push(line.clone()),
            },
        }
    }
    for (name, list) in [("recurrenceRules", rules), ("excludedRecurrenceRules", excluded_rules)] {
        if !list.is_empty() {
            properties.insert(name.into(), Value::Array(list));
        }
    }
    if !days_off.is_empty() {
        let series = Value::Object(properties.clone());
        for day in days_off {
            let occurrences = recurrence::occurrences_on(&series, day).unwrap_or_default();
            found.excluded.extend(occurrences.iter().map(LocalDateTime::to_string));
        }
    }
    overrides.extend(found.added.iter().map(|id| (id.clone(), json!({}))));
    overrides.extend(found.excluded.iter().map(|id| (id.clone(), json!({"excluded": true}))));
    if !overrides.is_empty() {
        properties.insert("recurrenceOverrides".into(), Value::Object(overrides));
    }
    if !verbatim.is_empty() {
        verbatim.sort();
        properties.insert(VERBATIM.into(), verbatim.into());
    }
    found
}

/// UNTIL is an instant. Where a change of clocks leaves the wall time of the series out, its occurrence of that day is
/// later than UNTIL says although its wall time is earlier: it must not come back.
fn end_before_gap(rule: &mut Rule, properties: &Map<String, Value>, place: &Place<'_>) {
    let Some(start) = properties.get("start").and_then(Value::as_str).and_then(parse_local) else { return };
    let Some(LocalDateTime(until)) = rule.until else { return };
    let last = until.date().and_time(start.time());
    let instant = |wall| place.zone.and_then(|zone| place.zones.to_utc_ms(zone, wall));
    if !place.all_day && last <= until && instant(last) > instant(until) {
        rule.until = Some(LocalDateTime(last - chrono::TimeDelta::seconds(1)));
    }
}

/// The lines of a new event: every excluded occurrence is an EXDATE, every additional one an RDATE.
pub(super) fn whole(target: &Target<'_>, document: &Document) -> Vec<String> {
    let excluded = overrides(document).filter(|(_, patch)| is_excluded(patch)).map(|(id, _)| id.clone()).collect();
    let lines = Lines { excluded, added: additional(document).cloned().collect(), ..Lines::default() };
    current(target, document, &lines)
}

/// The lines that an event should have: those that it has, less what its overrides say no longer, plus occurrences
/// that no rule gives. Newly excluded occurrences are cancelled exceptions at Google, not lines.
pub(super) fn wanted(target: &Target<'_>, from: &Document, to: &Document, lines: &Lines) -> Vec<String> {
    if !to.is_recurring() && !from.is_recurring() {
        return current(target, to, &Lines::default());
    }
    let patch = |id: &String| to.overrides().and_then(|overrides| overrides.get(id));
    let excluded = lines.excluded.iter().filter(|id| patch(id).is_some_and(is_excluded)).cloned().collect();
    let mut added: Vec<String> = lines.added.iter().filter(|id| patch(id).is_some()).cloned().collect();
    let known = |id: &String| lines.added.contains(id) || overrides(from).any(|(known, _)| known == id);
    added.extend(additional(to).filter(|id| !known(id)).cloned());
    current(target, to, &Lines { excluded, added, ..Lines::default() })
}

/// The lines of a document whose master names these dates.
pub(super) fn current(target: &Target<'_>, document: &Document, lines: &Lines) -> Vec<String> {
    let place = Place::of(document.value(), target.zones);
    let mut out = Vec::new();
    for (property, name) in [("recurrenceRules", "RRULE"), ("excludedRecurrenceRules", "EXRULE")] {
        let rules = document.get(property).and_then(Value::as_array);
        let rules = rules.into_iter().flatten().filter_map(|rule| Rule::from_json(rule).ok());
        out.extend(rules.map(|rule| format!("{name}:{}", rule.to_rrule(&place))));
    }
    for (kind, ids) in [(DatesKind::Excluded, &lines.excluded), (DatesKind::Additional, &lines.added)] {
        let mut ids: Vec<LocalDateTime> = ids.iter().filter_map(|id| LocalDateTime::parse(id)).collect();
        ids.sort();
        ids.dedup();
        out.extend(format_dates(kind, &ids, &place));
    }
    let verbatim = document.get(VERBATIM).and_then(Value::as_array);
    out.extend(verbatim.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned));
    out
}

fn overrides(document: &Document) -> impl Iterator<Item = (&String, &Value)> {
    document.overrides().into_iter().flatten()
}

/// Overrides at times that no rule of the document gives.
fn additional(document: &Document) -> impl Iterator<Item = &String> {
    let mut rules_only = document.clone();
    rules_only.set("recurrenceOverrides", None);
    overrides(document)
        .filter(|(_, patch)| !is_excluded(patch))
        .filter(move |(id, _)| !recurrence::contains(rules_only.value(), id).unwrap_or(true))
        .map(|(id, _)| id)
}

/// The original start of an occurrence as `events.instances` asks for it.
pub(super) fn original_start(target: &Target<'_>, master: &Document, recurrence_id: &str) -> Option<String> {
    let local = parse_local(recurrence_id)?;
    if master.is_without_time() {
        return Some(local.format("%Y-%m-%d").to_string());
    }
    let zone = master.str("timeZone").unwrap_or(target.time_zone);
    format_rfc3339(target.zones.to_utc_ms(zone, local)?)
}
