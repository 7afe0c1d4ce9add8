//! From a request to the method it names.
//! Invariant: whatever Graph has and the simulator has not is 501; what nobody has is 400 or 404.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::auth;
use super::calendar_list as lists;
use super::delta::delta;
use super::error::{ApiError, JSON};
use super::params::{Params, Prefer};
use super::series::{self, Target};
use super::state::{Calendar, State};
use super::view::{change_of, etag, to_text};
use super::write::{self, Writer};
use super::{extension, list, watch};
use crate::http::{Answer, SimRequest, decode, encode};

pub(crate) const BASE: &str = "/v1.0/";

/// The method that a request names, such as `events.list`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) name: &'static str,
    user: String,
    /// The calendar's id; none for the default calendar.
    calendar: Option<String>,
    /// An event's or a subscription's id.
    id: String,
    /// An extension's name, or an action.
    rest: String,
}

/// A request on its way.
pub(crate) struct Call<'a> {
    pub(crate) request: &'a SimRequest,
    pub(crate) account: String,
    pub(crate) prefer: Prefer,
    /// `https://graph.microsoft.com/v1.0/`, or where the request went.
    pub(crate) base: String,
    /// The path names a calendar by its id.
    pub(crate) names_calendar: bool,
    /// A fault wants a page without rows.
    pub(crate) empty_page: bool,
}

impl Call<'_> {
    /// An absolute link to the same path with another query.
    pub(crate) fn link(&self, pairs: &[(String, String)]) -> String {
        let path = self.request.path().strip_prefix(BASE).unwrap_or_default();
        let parts: Vec<String> = pairs.iter().map(|(key, value)| format!("{key}={}", encode(value))).collect();
        format!("{}{path}?{}", self.base, parts.join("&"))
    }
}

/// Why there is no answer yet, or none of the wanted kind.
pub(crate) enum Refusal {
    Error(ApiError),
    /// That URL has to prove itself first.
    Ask(String),
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        Self::Error(error)
    }
}

impl Route {
    /// Finds the method; an error when there is none or it is not modelled.
    pub(crate) fn find(method: &str, path: &str) -> Result<Self, ApiError> {
        if path.ends_with("/oauth2/v2.0/token") && method == "POST" {
            return Ok(Self { name: "token", ..Self::default() });
        }
        let Some(rest) = path.strip_prefix(BASE) else {
            return Err(if path.starts_with("/beta/") {
                ApiError::not_modelled("beta")
            } else {
                ApiError::not_found()
            });
        };
        let parts: Vec<String> = rest.split('/').filter(|part| !part.is_empty()).map(decode).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let of = |name, id: &str| Ok(Self { name, id: id.to_owned(), ..Self::default() });
        match (method, parts.as_slice()) {
            ("POST", ["$batch"]) => of("batch", ""),
            ("POST", ["subscriptions"]) => of("subscriptions.create", ""),
            ("GET", ["subscriptions"]) => of("subscriptions.list", ""),
            ("GET", ["subscriptions", id]) => of("subscriptions.get", id),
            ("PATCH", ["subscriptions", id]) => of("subscriptions.renew", id),
            ("DELETE", ["subscriptions", id]) => of("subscriptions.delete", id),
            ("POST", ["subscriptions", id, "reauthorize"]) => of("subscriptions.reauthorize", id),
            (_, ["me", rest @ ..]) => Self::of_user(method, "me", rest),
            (_, ["users", user, rest @ ..]) => Self::of_user(method, user, rest),
            _ => Err(ApiError::bad_request(&format!(
                "Resource not found for the segment '{}'.",
                parts.first().unwrap_or(&"")
            ))),
        }
    }

    fn of_user(method: &str, user: &str, parts: &[&str]) -> Result<Self, ApiError> {
        let (calendar, rest) = match parts {
            ["calendar", rest @ ..] => (None, rest),
            ["calendars", id, rest @ ..] => (Some((*id).to_owned()), rest),
            rest => (None, rest),
        };
        let is_delta =
            |word: &str| matches!(word, "delta" | "delta()" | "microsoft.graph.delta()" | "microsoft.graph.delta");
        let in_calendar = parts.len() != rest.len();
        let (name, id, more) = match (method, rest) {
            ("GET", []) if in_calendar => ("calendars.get", "", ""),
            ("GET", []) => ("user.get", "", ""),
            ("GET", ["calendars"]) if !in_calendar => ("calendars.list", "", ""),
            ("GET", ["mailboxSettings"]) if !in_calendar => ("settings.get", "", ""),
            ("GET", ["mailboxSettings", "timeZone"]) if !in_calendar => ("settings.get", "", "timeZone"),
            ("POST", ["translateExchangeIds"]) if !in_calendar => ("ids.translate", "", ""),
            ("GET", ["events"]) => ("events.list", "", ""),
            ("POST", ["events"]) => ("events.create", "", ""),
            ("GET", ["events", word]) if is_delta(word) => ("events.delta", "", ""),
            ("GET", ["events", id]) => ("events.get", *id, ""),
            ("PATCH", ["events", id]) => ("events.patch", *id, ""),
            ("DELETE", ["events", id]) => ("events.delete", *id, ""),
            ("GET", ["events", id, "instances"]) => ("events.instances", *id, ""),
            ("GET" | "POST", ["events", id, "extensions"]) => ("events.extensions", *id, ""),
            ("GET" | "PATCH" | "DELETE", ["events", id, "extensions", name]) => ("events.extensions", *id, *name),
            ("POST", ["events", id, action @ ("cancel" | "accept" | "decline" | "tentativelyAccept")]) => {
                ("events.act", *id, *action)
            }
            ("GET", ["calendarView"]) => ("view.list", "", ""),
            ("GET", ["calendarView", word]) if is_delta(word) => ("view.delta", "", ""),
            _ => return Err(ApiError::not_modelled(&format!("{method} {}", parts.join("/")))),
        };
        Ok(Self { name, user: user.to_owned(), calendar, id: id.to_owned(), rest: more.to_owned() })
    }

    /// Whether pages without rows make sense.
    pub(crate) fn is_listing(&self) -> bool {
        matches!(self.name, "events.list" | "events.delta" | "view.list" | "view.delta" | "events.instances")
    }

    fn writes(&self) -> bool {
        matches!(self.name, "events.create" | "events.patch" | "events.delete" | "events.act")
    }
}

/// Where absolute links lead.
fn base(state: &State, request: &SimRequest) -> String {
    let origin = match (&state.config.link_base, request.url.split_once("://")) {
        (Some(base), _) => base.trim_end_matches('/').to_owned(),
        (None, Some((scheme, rest))) => format!("{scheme}://{}", rest.split('/').next().unwrap_or_default()),
        (None, None) => match request.header("host") {
            Some(host) => format!("http://{host}"),
            None => "https://graph.microsoft.com".to_owned(),
        },
    };
    format!("{origin}{BASE}")
}

/// Answers a request; `account` is set as soon as it is known.
pub(crate) fn answer(
    state: &mut State,
    route: &Route,
    request: &SimRequest,
    empty_page: bool,
    proofs: &[bool],
    account: &mut String,
) -> Result<Answer, Refusal> {
    if route.name == "token" {
        return Ok(auth::token(state, request));
    }
    let extends = route.name == "events.extensions" && request.method != "GET";
    *account = auth::account(state, request, route.writes() || extends)?;
    auth::spend(state, account)?;
    if route.name == "batch" {
        return Ok(ok(200, super::batch::serve(state, request)?, &[]));
    }
    let prefer = Prefer::read(request)?;
    let call = Call {
        request,
        account: account.clone(),
        base: base(state, request),
        names_calendar: route.calendar.is_some(),
        empty_page,
        prefer,
    };
    let known = state.accounts.get(&call.account).ok_or_else(ApiError::unauthorized)?;
    let me = route.user.is_empty() || route.user == "me" || route.user == known.id;
    if !me && !route.user.eq_ignore_ascii_case(&call.account) {
        return Err(ApiError::denied().into());
    }
    let applied = call.prefer.applied.clone();
    let (status, body) = serve(state, route, &call, proofs)?;
    Ok(match body {
        Some(body) => ok(status, body, &applied),
        None => Answer { status, ..Answer::default() },
    })
}

fn serve(state: &mut State, route: &Route, call: &Call<'_>, proofs: &[bool]) -> Result<(u16, Option<String>), Refusal> {
    let request = call.request;
    Ok(match route.name {
        "subscriptions.create" => (201, Some(watch::create(state, call, &read_body(request)?, proofs)?.to_string())),
        "subscriptions.list" => (200, Some(watch::read(state, call, None)?.to_string())),
        "subscriptions.get" => (200, Some(watch::read(state, call, Some(&route.id))?.to_string())),
        "subscriptions.renew" => {
            (200, Some(watch::renew(state, call, &route.id, &read_body(request)?, proofs)?.to_string()))
        }
        "subscriptions.delete" => {
            watch::end(state, call, &route.id)?;
            (204, None)
        }
        "subscriptions.reauthorize" => {
            watch::reauthorize(state, call, &route.id)?;
            (204, None)
        }
        "user.get" => (200, Some(lists::user(state, call)?.to_string())),
        "calendars.list" => (200, Some(lists::list(state, call)?.to_string())),
        "settings.get" => (200, Some(lists::settings(state, call, &route.rest)?.to_string())),
        "ids.translate" => (200, Some(lists::translate(state, call, &read_body(request)?)?.to_string())),
        "calendars.get" => (200, Some(lists::get(state, calendar(state, route, call)?, call)?.to_string())),
        "events.list" => (200, Some(list::events(state, calendar(state, route, call)?, call)?)),
        "view.list" => (200, Some(list::calendar_view(state, calendar(state, route, call)?, call)?)),
        "events.delta" => (200, Some(delta(state, calendar(state, route, call)?, call, false)?)),
        "view.delta" => (200, Some(delta(state, calendar(state, route, call)?, call, true)?)),
        "events.create" => {
            Params::check(request, &[])?;
            let id = calendar(state, route, call)?.id.clone();
            let (status, target) = write::create(state, &id, &read_body(request)?, &writer(call))?;
            (status, Some(one(state, &target, call, None)?))
        }
        _ => event(state, route, call)?,
    })
}

/// The methods of one event.
fn event(state: &mut State, route: &Route, call: &Call<'_>) -> Result<(u16, Option<String>), ApiError> {
    let request = call.request;
    let target = series::find(state, &call.account, &route.id)?;
    if route.calendar.is_some() && calendar(state, route, call)?.id != target.calendar {
        return Err(ApiError::item_not_found());
    }
    Ok(match route.name {
        "events.get" => {
            let params = Params::check(request, &["$select", "$expand"])?;
            (200, Some(one(state, &target, call, Some(&params))?))
        }
        "events.instances" => (200, Some(list::instances(state, &target, call)?)),
        "events.patch" => {
            Params::check(request, &[])?;
            write::change(state, &target, &read_body(request)?, &writer(call))?;
            (200, Some(one(state, &target, call, None)?))
        }
        "events.delete" => {
            Params::check(request, &[])?;
            write::delete(state, &target, &writer(call))?;
            (204, None)
        }
        "events.act" => {
            let body = if request.body.is_empty() { json!({}) } else { read_body(request)? };
            write::act(state, &target, &route.rest, &body, &writer(call))?;
            (202, None)
        }
        _ => {
            let body = if request.body.is_empty() { None } else { Some(read_body(request)?) };
            let (status, answer) =
                extension::serve(state, &request.method, &target, &route.rest, body.as_ref(), &writer(call))?;
            (status, answer.map(|answer| answer.to_string()))
        }
    })
}

fn writer(call: &Call<'_>) -> Writer {
    Writer { account: call.account.clone(), if_match: call.request.header("if-match").map(str::to_owned), god: false }
}

fn calendar<'a>(state: &'a State, route: &Route, call: &Call<'_>) -> Result<&'a Calendar, ApiError> {
    let own = state.accounts.get(&call.account).map(|account| account.calendar.as_str()).unwrap_or_default();
    let id = route.calendar.as_deref().unwrap_or(own);
    state.calendars.get(id).filter(|calendar| calendar.owner == call.account).ok_or_else(ApiError::item_not_found)
}

/// One event as it is answered.
fn one(state: &State, target: &Target, call: &Call<'_>, params: Option<&Params>) -> Result<String, ApiError> {
    let mut view = call.prefer.view(&call.account);
    if let Some(params) = params {
        params.shape(state, &mut view)?;
    }
    let calendar = state.calendars.get(&target.calendar).ok_or_else(ApiError::item_not_found)?;
    let item = series::live(calendar, &target.core)?;
    let found = target.original_ms.and_then(|at| series::occurrence(item, &state.config, at));
    let mut event = view.members(item, found.as_ref(), &state.config);
    event.insert("@odata.context", Cow::Owned(json!(format!("{}$metadata#events/$entity", call.base))));
    event.insert("@odata.etag", Cow::Owned(json!(etag(change_of(item, target.original_ms)))));
    Ok(to_text(&event))
}

/// The JSON body of a request.
pub(crate) fn read_body(request: &SimRequest) -> Result<Value, ApiError> {
    let json = request.header("content-type").is_some_and(|kind| kind.starts_with("application/json"));
    if !json {
        return Err(ApiError::body_read("A Content-Type of application/json is required."));
    }
    serde_json::from_slice(&request.body).map_err(|_| ApiError::body_read("The body is no JSON."))
}

fn ok(status: u16, body: String, applied: &[String]) -> Answer {
    let mut headers = vec![("content-type".to_owned(), JSON.to_owned())];
    if !applied.is_empty() {
        headers.push(("preference-applied".to_owned(), applied.join(", ")));
    }
    Answer { status, headers, body: body.into_bytes() }
}
