//! Extended properties and open extensions: where a caller leaves marks of its own.
//! Invariant: neither is in any answer unless it was asked for with `$expand`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::error::ApiError;
use super::series::Target;
use super::state::{Item, Object, State, text};
use super::write::{self, Writer};

const TYPES: [&str; 10] =
    ["String", "Integer", "Boolean", "Double", "Float", "Long", "Short", "SystemTime", "Binary", "CLSID"];
const MAX_BYTES: usize = 2 * 1024;
const OPEN: &str = "microsoft.graph.openTypeExtension";

/// Whether an id is like `String {GUID} Name x` or `String {GUID} Id 0x1`.
pub(crate) fn is_property_id(id: &str) -> bool {
    let mut parts = id.splitn(4, ' ');
    let kind = parts.next().is_some_and(|kind| TYPES.contains(&kind));
    let guid = parts.next().is_some_and(|guid| {
        let inner = guid.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or_default();
        inner.len() == 36 && inner.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
    });
    let word = parts.next().is_some_and(|word| matches!(word, "Name" | "Id"));
    kind && guid && word && parts.next().is_some_and(|name| !name.is_empty())
}

/// `singleValueExtendedProperties` of a write.
pub(crate) fn read_properties(value: &Value) -> Result<BTreeMap<String, String>, ApiError> {
    let bad = || ApiError::new(400, "ErrorInvalidExtendedProperty", "The extended property is invalid.");
    let mut read = BTreeMap::new();
    for property in value.as_array().ok_or_else(bad)? {
        let object = property.as_object().ok_or_else(bad)?;
        let (id, content) = (text(object, "id"), object.get("value").and_then(Value::as_str));
        if !is_property_id(id) || object.keys().any(|key| !matches!(key.as_str(), "id" | "value") && !key.contains('@'))
        {
            return Err(bad());
        }
        read.insert(id.to_owned(), content.ok_or_else(bad)?.to_owned());
    }
    Ok(read)
}

/// An open extension: its name and its members.
pub(crate) fn read_open(value: &Value, name: Option<&str>) -> Result<(String, Object), ApiError> {
    let bad = |why: &str| ApiError::new(400, "ErrorInvalidExtension", why);
    let object = value.as_object().ok_or_else(|| bad("The extension is no object."))?;
    if !matches!(text(object, "@odata.type").trim_start_matches('#'), OPEN) && name.is_none() {
        return Err(bad("The type of an open extension must be microsoft.graph.openTypeExtension."));
    }
    let name = name.unwrap_or(text(object, "extensionName"));
    if name.is_empty() {
        return Err(bad("The extension has no name."));
    }
    if value.to_string().len() > MAX_BYTES {
        return Err(bad("The extension is too large."));
    }
    let own = |key: &str| !key.starts_with("@odata") && !matches!(key, "id" | "extensionName");
    let members = object.iter().filter(|(key, _)| own(key)).map(|(k, v)| (k.clone(), v.clone())).collect();
    Ok((name.to_owned(), members))
}

/// An open extension as it is answered.
pub(crate) fn shown(name: &str, members: &Object) -> Value {
    let mut all = json!({
        "@odata.type": format!("#{OPEN}"),
        "id": format!("Microsoft.OutlookServices.OpenTypeExtension.{name}"),
        "extensionName": name,
    });
    if let Some(map) = all.as_object_mut() {
        map.extend(members.clone());
    }
    all
}

/// The marks of what an id names: those of its own for a changed occurrence, else the item's.
pub(crate) fn of(item: &Item, original_ms: Option<i64>) -> (&BTreeMap<String, String>, &BTreeMap<String, Object>) {
    let exception = original_ms.and_then(|at| item.series.as_ref()?.exceptions.get(&at));
    exception.map_or((&item.extended, &item.extensions), |own| (&own.extended, &own.extensions))
}

/// POST, GET, PATCH and DELETE of /events/{id}/extensions.
pub(crate) fn serve(
    state: &mut State,
    method: &str,
    target: &Target,
    name: &str,
    body: Option<&Value>,
    writer: &Writer,
) -> Result<(u16, Option<Value>), ApiError> {
    let calendar = state.calendars.get(&target.calendar).ok_or_else(ApiError::item_not_found)?;
    let item = super::series::live(calendar, &target.core)?;
    let all = of(item, target.original_ms).1;
    let name = name.trim_start_matches("Microsoft.OutlookServices.OpenTypeExtension.").to_owned();
    let known = || all.get(&name).ok_or_else(ApiError::not_found);
    match method {
        "GET" if name.is_empty() => {
            let list: Vec<Value> = all.iter().map(|(name, members)| shown(name, members)).collect();
            return Ok((200, Some(json!({ "value": list }))));
        }
        "GET" => return Ok((200, Some(shown(&name, known()?)))),
        _ => {}
    }
    let mut changed = all.clone();
    let (status, answer) = match method {
        "POST" => {
            let (given, members) = read_open(body.unwrap_or(&Value::Null), None)?;
            let answer = shown(&given, &members);
            changed.insert(given, members);
            (201, Some(answer))
        }
        "PATCH" => {
            let mut members = known()?.clone();
            members.extend(read_open(body.unwrap_or(&Value::Null), Some(&name))?.1);
            members.retain(|_, value| !value.is_null());
            let answer = shown(&name, &members);
            changed.insert(name, members);
            (200, Some(answer))
        }
        _ => {
            known()?;
            changed.remove(&name);
            (204, None)
        }
    };
    write::extend(state, target, changed, writer)?;
    Ok((status, answer))
}
