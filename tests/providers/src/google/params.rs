//! Query parameters, checked strictly.
//! Invariant: a parameter is modelled, or known and answered with 501, or unknown and answered with 400.

use super::error::ApiError;

/// Accepted everywhere and without effect here.
const COMMON: [&str; 5] = ["alt", "prettyPrint", "key", "quotaUser", "userIp"];
/// Known everywhere and not modelled.
const COMMON_UNMODELLED: [&str; 6] = ["fields", "access_token", "oauth_token", "callback", "uploadType", "$.xgafv"];

/// The query of one request.
#[derive(Debug)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    /// Checks the names: `modelled` pass, `unmodelled` are 501, others 400.
    pub(crate) fn check(
        pairs: Vec<(String, String)>,
        modelled: &[&str],
        unmodelled: &[&str],
    ) -> Result<Self, ApiError> {
        for (name, value) in &pairs {
            let name = name.as_str();
            if name == "alt" && value != "json" {
                return Err(ApiError::not_modelled("alt other than json"));
            }
            if COMMON.contains(&name) || modelled.contains(&name) {
                continue;
            }
            if COMMON_UNMODELLED.contains(&name) || unmodelled.contains(&name) {
                return Err(ApiError::not_modelled(&format!("query parameter {name}")));
            }
            return Err(ApiError::bad_request(&format!("Unknown name \"{name}\": Cannot bind query parameter.")));
        }
        Ok(Self(pairs))
    }

    /// The last value of that name.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// All values of that name.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        self.0.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect()
    }

    /// `true` or `false`; else 400.
    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, ApiError> {
        match self.get(name) {
            None => Ok(None),
            Some(text) if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
            Some(text) if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
            Some(_) => Err(ApiError::invalid_parameter(name, "Invalid boolean value.")),
        }
    }

    /// The page size: at least 1, at most `cap`.
    pub(crate) fn page_size(&self, default: usize, cap: usize) -> Result<usize, ApiError> {
        match self.get("maxResults") {
            None => Ok(default),
            Some(text) => match text.parse::<usize>() {
                Ok(size) if size > 0 => Ok(size.min(cap)),
                _ => Err(ApiError::invalid_parameter("maxResults", "Invalid value for maxResults.")),
            },
        }
    }

    /// Whether mail is wanted; `sendUpdates` or the deprecated `sendNotifications`.
    pub(crate) fn sends_mail(&self) -> Result<bool, ApiError> {
        let old = self.flag("sendNotifications")?.unwrap_or(false);
        match self.get("sendUpdates") {
            None => Ok(old),
            Some("all" | "externalOnly") => Ok(true),
            Some("none") => Ok(false),
            Some(_) => Err(ApiError::invalid_parameter("sendUpdates", "Invalid value for sendUpdates.")),
        }
    }
}
