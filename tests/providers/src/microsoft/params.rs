//! Query options and Prefer headers, checked strictly.
//! Invariant: an option is modelled, or known and answered with 501, or unknown and answered with 400.

use super::error::ApiError;
use super::extension::is_property_id;
use super::state::State;
use super::time::query_time;
use super::view::{View, check_select, no_property};
use super::zones;
use crate::http::SimRequest;

const KNOWN: [&str; 10] =
    ["$top", "$skip", "$select", "$expand", "$filter", "$orderby", "$count", "$search", "$format", "$skiptoken"];

/// The query of one request.
#[derive(Debug)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    /// Checks the names: `modelled` pass, other OData options are 501, anything else 400.
    pub(crate) fn check(request: &SimRequest, modelled: &[&str]) -> Result<Self, ApiError> {
        let pairs = request.query();
        for (name, _) in &pairs {
            let name = name.as_str();
            if modelled.contains(&name) {
                continue;
            }
            if KNOWN.contains(&name) {
                return Err(ApiError::not_modelled(&format!("query option {name} here")));
            }
            return Err(ApiError::bad_request(&format!("The query specified in the URI is not valid: '{name}'.")));
        }
        Ok(Self(pairs))
    }

    /// The last value of that name; an empty one counts as none.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().rev().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// A number in bounds.
    pub(crate) fn number(&self, name: &str, low: usize, high: usize) -> Result<Option<usize>, ApiError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let number = text.parse().ok().filter(|number| (low..=high).contains(number));
        let bad = || ApiError::bad_request(&format!("The value '{text}' of '{name}' is invalid."));
        number.map(Some).ok_or_else(bad)
    }

    /// `startDateTime` and `endDateTime` in UTC milliseconds; both are wanted.
    pub(crate) fn window(&self) -> Result<(i64, i64), ApiError> {
        let read = |name: &str| {
            let missing = || {
                let message =
                    format!("This request requires a time window specified by the query string parameter {name}.");
                ApiError::new(400, "ErrorInvalidRequest", &message)
            };
            query_time(name, self.get(name).ok_or_else(missing)?)
        };
        let window = (read("startDateTime")?, read("endDateTime")?);
        if window.0 >= window.1 {
            return Err(ApiError::new(400, "ErrorInvalidParameter", "The end of the window lies before its start."));
        }
        Ok(window)
    }

    /// All pairs but those of these names.
    pub(crate) fn without(&self, names: &[&str]) -> Vec<(String, String)> {
        self.0.iter().filter(|(key, _)| !names.contains(&key.as_str())).cloned().collect()
    }

    /// Reads `$select` and `$expand` into a view.
    pub(crate) fn shape(&self, state: &State, view: &mut View) -> Result<(), ApiError> {
        if let Some(text) = self.get("$select") {
            let mut names: Vec<String> = text.split(',').map(|name| name.trim().to_owned()).collect();
            check_select(state, &names)?;
            names.sort_unstable();
            view.select = Some(names);
        }
        for part in self.get("$expand").map(split_top).unwrap_or_default() {
            let (name, inner) = match part.split_once('(') {
                Some((name, inner)) => (name.trim(), inner.strip_suffix(')').unwrap_or(inner)),
                None => (part.trim(), ""),
            };
            match name {
                "singleValueExtendedProperties" => view.properties = property_ids(inner)?,
                "extensions" => view.extensions = true,
                "exceptionOccurrences" if state.config.occurrence_properties => view.exceptions = true,
                "exceptionOccurrences" | "cancelledOccurrences" => return Err(no_property(name)),
                _ => return Err(ApiError::not_modelled(&format!("$expand={name}"))),
            }
        }
        Ok(())
    }
}

/// Splits at commas outside parentheses.
fn split_top(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut begin) = (Vec::new(), 0_i32, 0);
    for (at, letter) in text.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.extend(text.get(begin..at));
                begin = at + 1;
            }
            _ => {}
        }
    }
    parts.extend(text.get(begin..));
    parts
}

/// The ids of `$filter=id eq '…' or id eq '…'`.
fn property_ids(text: &str) -> Result<Vec<String>, ApiError> {
    let bad = || ApiError::bad_request("singleValueExtendedProperties can only be expanded with $filter=id eq '...'.");
    let filter = text.trim().strip_prefix("$filter=").ok_or_else(bad)?;
    filter
        .split(" or ")
        .map(|one| {
            let id = one.trim().strip_prefix("id eq ").and_then(quoted).ok_or_else(bad)?;
            if is_property_id(&id) { Ok(id) } else { Err(bad()) }
        })
        .collect()
}

/// The content of a text in single quotes.
pub(crate) fn quoted(text: &str) -> Option<String> {
    Some(text.trim().strip_prefix('\'')?.strip_suffix('\'')?.replace("''", "'"))
}

/// What Prefer headers ask for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Prefer {
    pub(crate) zone: Option<String>,
    pub(crate) text_bodies: bool,
    pub(crate) immutable: bool,
    pub(crate) page: Option<usize>,
    /// What was understood, for Preference-Applied.
    pub(crate) applied: Vec<String>,
}

impl Prefer {
    /// Reads all Prefer headers; an unknown zone is 400, an unknown preference is passed over.
    pub(crate) fn read(request: &SimRequest) -> Result<Self, ApiError> {
        let mut read = Self::default();
        let headers = request.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("prefer"));
        for part in headers.flat_map(|(_, value)| value.split([',', ';'])) {
            let Some((name, value)) = part.trim().split_once('=') else { continue };
            let value = value.trim().trim_matches('"');
            match name.trim().to_ascii_lowercase().as_str() {
                "outlook.timezone" => {
                    zones::zone(value).ok_or_else(|| ApiError::time_zone(value))?;
                    read.zone = Some(value.to_owned());
                }
                "outlook.body-content-type" => read.text_bodies = value.eq_ignore_ascii_case("text"),
                "idtype" => read.immutable = value == "ImmutableId",
                "odata.maxpagesize" => read.page = value.parse().ok().filter(|size| *size > 0),
                _ => continue,
            }
            read.applied.push(part.trim().to_owned());
        }
        Ok(read)
    }

    /// The view of that account with these preferences.
    pub(crate) fn view(&self, account: &str) -> View {
        View {
            account: account.to_owned(),
            zone: self.zone.clone(),
            text_bodies: self.text_bodies,
            immutable: self.immutable,
            ..View::default()
        }
    }
}
