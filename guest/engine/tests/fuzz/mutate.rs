//! Damage to JSON that keeps most of its shape: members dropped, types swapped, values from the edges, copies of other
//! parts, deep nesting; and damage to the text, so that it may not be JSON any more.

use arbtest::arbitrary::{Result, Unstructured};
use serde_json::{Value, json};

/// A word that stands in every title, place and note: it must never come out in an error.
pub(crate) const SECRET: &str = "Geheimnis";

/// Texts from the edges of what fields may hold.
const TEXTS: &[&str] = &[
    "",
    " ",
    "\u{0}",
    "Geheimnis \u{1f512}\u{202e}",
    "null",
    "0",
    "-1",
    "99999999999999999999",
    "1e400",
    "cancelled",
    "confirmed",
    "deleted",
    "unknownFutureValue",
    "singleInstance",
    "occurrence",
    "exception",
    "seriesMaster",
    "2026-02-30",
    "2026-03-03",
    "0000-01-01",
    "9999-12-31",
    "+12026-01-01",
    "-0001-01-01",
    "2026-03-02T09:00:00",
    "2026-03-29T02:30:00",
    "2026-10-25T02:30:00",
    "0001-01-01T00:00:00",
    "1969-12-31T23:59:59",
    "9999-12-31T23:59:59",
    "2026-03-02T09:00:00Z",
    "2026-03-02T09:00:00.0000000",
    "2026-03-02T09:00:60Z",
    "2026-03-02T24:00:00+26:00",
    "9999-12-31T23:59:59-14:00",
    "0001-01-01T00:00:00+14:00",
    "1601-01-01T00:00:00Z",
    "Europe/Berlin",
    "W. Europe Standard Time",
    "tzone://Microsoft/Custom",
    "Etc/GMT+14",
    "../../etc/passwd",
    "PT0S",
    "PT1H",
    "P1D",
    "-PT15M",
    "P99999999999W",
    "PT9223372036854775807S",
    "RRULE:FREQ=DAILY",
    "RRULE:FREQ=SECONDLY;INTERVAL=1",
    "RRULE:FREQ=YEARLY;BYDAY=MO,TU,WE;BYSETPOS=-366",
    "RRULE:FREQ=MONTHLY;BYMONTHDAY=31;COUNT=4294967295",
    "RRULE:FREQ=WEEKLY;UNTIL=00010101T000000Z",
    "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
    "EXDATE;TZID=Europe/Berlin:20260302T090000,20260309T090000",
    "EXDATE:99991231T235959Z",
    "RDATE;VALUE=PERIOD:20260302T090000Z/PT1H",
    "RDATE;VALUE=DATE:20260302",
    "https://evil.invalid/v1.0/next",
    "https://sim.invalid/v1.0/me/events/delta?$deltatoken=x",
    "mailto:ada@example.com",
    "ADA@EXAMPLE.COM",
    "a/b~c%20d?e#f",
    "daily",
    "weekly",
    "relativeYearly",
    "absoluteMonthly",
    "noEnd",
    "numbered",
    "endDate",
    "sunday",
    "first",
    "last",
];

/// Numbers from the edges.
fn number(source: &mut Unstructured<'_>) -> Result<Value> {
    let numbers = [
        json!(0),
        json!(1),
        json!(-1),
        json!(31),
        json!(366),
        json!(999),
        json!(100_000_000),
        json!(i32::MAX),
        json!(i32::MIN),
        json!(u32::MAX),
        json!(i64::MAX),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(0.5),
        json!(-1e300),
        json!(1.797e308),
    ];
    Ok(source.choose(&numbers)?.clone())
}

/// A text that some field may hold.
pub(crate) fn text(source: &mut Unstructured<'_>) -> Result<String> {
    Ok((*source.choose(TEXTS)?).to_owned())
}

/// A value of another kind than was there.
fn junk(source: &mut Unstructured<'_>) -> Result<Value> {
    Ok(match source.int_in_range(0..=9)? {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(false),
        3 => number(source)?,
        4 => json!([]),
        5 => json!({}),
        6 => nested(source.int_in_range(1..=140)?),
        7 => Value::String(SECRET.repeat(source.int_in_range(1..=4_000)?)),
        _ => Value::String(text(source)?),
    })
}

fn nested(depth: usize) -> Value {
    (0..depth).fold(json!("deep"), |inner, level| if level % 2 == 0 { json!([inner]) } else { json!({"a": inner}) })
}

/// Every place of a value, as JSON pointers.
fn places(value: &Value, here: &str, all: &mut Vec<String>) {
    all.push(here.to_owned());
    match value {
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| places(item, &format!("{here}/{index}"), all));
        }
        Value::Object(members) => members.iter().for_each(|(name, item)| {
            places(item, &format!("{here}/{}", name.replace('~', "~0").replace('/', "~1")), all);
        }),
        _ => {}
    }
}

/// Damage a value in one to four places.
pub(crate) fn value(source: &mut Unstructured<'_>, mut value: Value) -> Result<Value> {
    for _ in 0..source.int_in_range(1..=4)? {
        one(source, &mut value)?;
    }
    Ok(value)
}

fn one(source: &mut Unstructured<'_>, value: &mut Value) -> Result<()> {
    let mut all = Vec::new();
    places(value, "", &mut all);
    let place = source.choose(&all)?.clone();
    match source.int_in_range(0..=7)? {
        0 | 1 => remove(value, &place),
        2 | 3 => replace(value, &place, junk(source)?),
        4 => {
            let other = value.pointer(source.choose(&all)?).cloned().unwrap_or_default();
            replace(value, &place, other);
        }
        5 => double(value, &place),
        6 => bend(source, value, &place)?,
        _ => {
            let (name, new) = (text(source)?, junk(source)?);
            if let Some(Value::Object(members)) = value.pointer_mut(&place) {
                members.insert(name, new);
            }
        }
    }
    Ok(())
}

fn replace(value: &mut Value, place: &str, new: Value) {
    if let Some(at) = value.pointer_mut(place) {
        *at = new;
    }
}

fn remove(value: &mut Value, place: &str) {
    let Some((parent, name)) = place.rsplit_once('/') else { return };
    match value.pointer_mut(parent) {
        Some(Value::Object(members)) => drop(members.remove(&name.replace("~1", "/").replace("~0", "~"))),
        Some(Value::Array(items)) => drop(items.remove(name.parse().unwrap())),
        _ => {}
    }
}

/// The same item twice in its list, or the list the other way round.
fn double(value: &mut Value, place: &str) {
    let Some((parent, name)) = place.rsplit_once('/') else { return };
    if let Some(Value::Array(items)) = value.pointer_mut(parent) {
        let index: usize = name.parse().unwrap();
        items.push(items[index].clone());
        if index == 0 {
            items.reverse();
        }
    }
}

/// Another value of the same kind, not far away.
fn bend(source: &mut Unstructured<'_>, value: &mut Value, place: &str) -> Result<()> {
    match value.pointer_mut(place) {
        Some(Value::String(old)) => {
            let mut letters: Vec<char> = old.chars().collect();
            let at = source.int_in_range(0..=letters.len())?;
            match source.int_in_range(0..=3)? {
                0 => letters.truncate(at),
                1 => letters.insert(at, *source.choose(&['0', '9', '-', ':', ';', ',', 'Z', '\u{fe0f}', '"', '%'])?),
                2 if at < letters.len() => letters[at] = *source.choose(&['0', '1', '3', '9', 'T', ' '])?,
                _ => letters.extend(text(source)?.chars()),
            }
            *old = letters.into_iter().collect();
        }
        Some(Value::Bool(old)) => *old = !*old,
        Some(old @ Value::Number(_)) => *old = number(source)?,
        Some(other) => *other = junk(source)?,
        None => {}
    }
    Ok(())
}

/// Damage a body: mostly as JSON, sometimes as bytes.
pub(crate) fn body(source: &mut Unstructured<'_>, body: &[u8]) -> Result<Vec<u8>> {
    let parsed = serde_json::from_slice::<Value>(body).ok();
    match (parsed, source.int_in_range(0..=7)?) {
        (Some(parsed), 0..=6) => Ok(value(source, parsed)?.to_string().into_bytes()),
        _ => bytes(source, body),
    }
}

/// Damage bytes.
pub(crate) fn bytes(source: &mut Unstructured<'_>, body: &[u8]) -> Result<Vec<u8>> {
    let mut body = body.to_vec();
    let at = source.int_in_range(0..=body.len())?;
    match source.int_in_range(0..=4)? {
        0 => body.truncate(at),
        1 if at < body.len() => body[at] ^= source.int_in_range(1..=255)?,
        2 => body.splice(at..at, source.bytes(8)?.to_vec()).for_each(drop),
        3 => body.splice(at..at, text(source)?.into_bytes()).for_each(drop),
        _ => {
            let again = body[at..].to_vec();
            body.extend(again);
        }
    }
    Ok(body)
}
