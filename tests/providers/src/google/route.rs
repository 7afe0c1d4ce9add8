//! From a request to the method it names.
//! Invariant: whatever Google has and the simulator has not is 501; what nobody has is 404.

use serde_json::Value;

use super::auth::{self, Need};
use super::body::WriteOptions;
use super::calendar_list as lists;
use super::error::ApiError;
use super::list;
use super::params::Params;
use super::series::find;
use super::state::{Object, Role, State, text};
use super::view::View;
use super::watch;
use super::write::{self, Writer};
use crate::http::{Answer, SimRequest, decode};

const BASE: &str = "/calendar/v3/";
const MAIL: [&str; 2] = ["sendUpdates", "sendNotifications"];

/// The method that a request names, such as `events.list`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) name: &'static str,
    pub(crate) calendar: String,
    pub(crate) event: String,
}

impl Route {
    /// Finds the method; an error when there is none or it is not modelled.
    pub(crate) fn find(method: &str, path: &str) -> Result<Self, ApiError> {
        let plain = |name| Ok(Self { name, calendar: String::new(), event: String::new() });
        match (method, path) {
            ("POST", "/token") => return plain("token"),
            ("POST", "/revoke") => return plain("revoke"),
            _ => {}
        }
        if path.starts_with("/batch/") || path == "/o/oauth2/v2/auth" {
            return Err(ApiError::not_modelled("batch or authorization"));
        }
        let rest = path.strip_prefix(BASE).ok_or_else(ApiError::not_found)?;
        let parts: Vec<String> = rest.split('/').map(decode).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let of = |name, calendar: &str, event: &str| {
            Ok(Self { name, calendar: calendar.to_owned(), event: event.to_owned() })
        };
        match (method, parts.as_slice()) {
            ("GET", ["users", "me", "calendarList"]) => plain("calendarList.list"),
            ("GET", ["users", "me", "calendarList", id]) => of("calendarList.get", id, ""),
            ("POST", ["channels", "stop"]) => plain("channels.stop"),
            ("GET", ["calendars", id]) => of("calendars.get", id, ""),
            ("GET", ["calendars", id, "events"]) => of("events.list", id, ""),
            ("POST", ["calendars", id, "events"]) => of("events.insert", id, ""),
            ("POST", ["calendars", id, "events", "import"]) => of("events.import", id, ""),
            ("POST", ["calendars", id, "events", "watch"]) => of("events.watch", id, ""),
            ("GET", ["calendars", id, "events", event]) => of("events.get", id, event),
            ("PATCH", ["calendars", id, "events", event]) => of("events.patch", id, event),
            ("PUT", ["calendars", id, "events", event]) => of("events.update", id, event),
            ("DELETE", ["calendars", id, "events", event]) => of("events.delete", id, event),
            ("GET", ["calendars", id, "events", event, "instances"]) => of("events.instances", id, event),
            (_, ["users" | "calendars" | "channels" | "colors" | "freeBusy", ..]) => {
                Err(ApiError::not_modelled(&format!("{method} {}", parts.first().unwrap_or(&""))))
            }
            _ => Err(ApiError::not_found()),
        }
    }

    fn need(&self) -> Need {
        match self.name {
            "calendarList.list" | "calendarList.get" => Need::CalendarList,
            "calendars.get" => Need::ReadCalendar,
            "events.list" | "events.get" | "events.instances" | "events.watch" => Need::ReadEvents,
            "channels.stop" => Need::Nothing,
            _ => Need::WriteEvents,
        }
    }
}

/// Answers a request; `account` is set as soon as it is known.
pub(crate) fn answer(
    state: &mut State,
    route: &Route,
    request: &SimRequest,
    empty_page: bool,
    account: &mut String,
) -> Result<Answer, ApiError> {
    match route.name {
        "token" => return Ok(auth::token(state, request)),
        "revoke" => return Ok(auth::revoke(state, request)),
        _ => {}
    }
    *account = auth::account(state, request, route.need())?;
    let who = account.clone();
    let quota_user = request.query().into_iter().find(|(key, _)| key == "quotaUser").map(|(_, value)| value);
    auth::spend(state, quota_user.as_deref().unwrap_or(&who), if route.name == "events.patch" { 3 } else { 1 })?;
    let query = request.query();
    match route.name {
        "calendarList.list" => return lists::list(state, &who, query).map(|body| ok(body.to_string())),
        "channels.stop" => {
            Params::check(query, &[], &[])?;
            watch::stop(state, &who, &read_body(request)?)?;
            return Ok(no_content());
        }
        _ => {}
    }
    let (calendar, role) = resolve(state, &who, &route.calendar)?;
    let target = Target { calendar, role, who };
    match route.name {
        "calendarList.get" => lists::get(state, &target.who, &target.calendar, query).map(|body| ok(body.to_string())),
        "calendars.get" => lists::calendar(state, &target.calendar, query).map(|body| ok(body.to_string())),
        "events.list" | "events.instances" | "events.get" => read(state, route, request, &target, empty_page),
        "events.watch" => {
            Params::check(query, &list::PARAMS, &["q"])?;
            let body = watch::watch(state, &target.calendar, &target.who, &read_body(request)?)?;
            Ok(ok(body.to_string()))
        }
        _ => write_event(state, route, request, &target),
    }
}

struct Target {
    calendar: String,
    role: Role,
    who: String,
}

/// The calendar and what the account may do there; 404 also for what it may not see.
pub(crate) fn resolve(state: &State, who: &str, id: &str) -> Result<(String, Role), ApiError> {
    let id = if id == "primary" { who } else { id };
    let calendar = state.calendars.get(id).ok_or_else(ApiError::not_found)?;
    let role = calendar.roles.get(who).ok_or_else(ApiError::not_found)?;
    Ok((calendar.id.clone(), *role))
}

fn read(
    state: &State,
    route: &Route,
    request: &SimRequest,
    target: &Target,
    empty_page: bool,
) -> Result<Answer, ApiError> {
    let (modelled, unmodelled): (&[&str], &[&str]) = match route.name {
        "events.list" => (&list::PARAMS, &["q"]),
        "events.get" => (&["timeZone", "alwaysIncludeEmail"], &["maxAttendees"]),
        _ => (
            &["maxResults", "originalStart", "showDeleted", "timeMin", "timeMax", "timeZone", "pageToken"],
            &["maxAttendees", "alwaysIncludeEmail"],
        ),
    };
    let params = Params::check(request.query(), modelled, unmodelled)?;
    let view = View {
        role: target.role,
        zone: params.get("timeZone").map(str::to_owned),
        bare_tombstones: state.config.bare_tombstones,
    };
    match route.name {
        "events.list" => list::list(state, &target.calendar, &params, &view, empty_page).map(ok),
        "events.instances" => list::list_instances(state, &target.calendar, &route.event, &params, &view).map(ok),
        _ => {
            let calendar = state.calendars.get(&target.calendar).ok_or_else(ApiError::not_found)?;
            let body = find(calendar, &route.event)?;
            if request.header("if-none-match").is_some_and(|given| given == text(&body, "etag")) {
                return Ok(Answer { status: 304, ..Answer::default() });
            }
            Ok(with_etag(view.body(&body), &body))
        }
    }
}

fn write_event(state: &mut State, route: &Route, request: &SimRequest, target: &Target) -> Result<Answer, ApiError> {
    let common: &[&str] =
        &["sendUpdates", "sendNotifications", "conferenceDataVersion", "supportsAttachments", "alwaysIncludeEmail"];
    let (modelled, unmodelled): (&[&str], &[&str]) = match route.name {
        "events.delete" => (&MAIL, &[]),
        "events.import" => (&["conferenceDataVersion", "supportsAttachments"], &[]),
        _ => (common, &["maxAttendees", "eventLabelVersion"]),
    };
    let params = Params::check(request.query(), modelled, unmodelled)?;
    if !target.role.may_write() {
        return Err(ApiError::forbidden());
    }
    let options = WriteOptions {
        mail: params.sends_mail()?,
        attachments: params.flag("supportsAttachments")?.unwrap_or(false),
        conference: params.get("conferenceDataVersion").is_some_and(|version| version != "0"),
        god: false,
    };
    let if_match = request.header("if-match").map(str::to_owned);
    let writer = Writer { account: target.who.clone(), if_match, options };
    if route.name == "events.delete" {
        write::delete(state, &target.calendar, &route.event, &writer)?;
        return Ok(no_content());
    }
    let body = read_body(request)?;
    let event = match route.name {
        "events.insert" => write::insert(state, &target.calendar, &body, &writer),
        "events.import" => write::import(state, &target.calendar, &body, &writer),
        "events.patch" => write::change(state, &target.calendar, &route.event, &body, false, &writer),
        _ => write::change(state, &target.calendar, &route.event, &body, true, &writer),
    }?;
    let view = View { role: target.role, zone: None, bare_tombstones: state.config.bare_tombstones };
    Ok(with_etag(view.body(&event), &event))
}

fn read_body(request: &SimRequest) -> Result<Value, ApiError> {
    let json = request.header("content-type").is_some_and(|kind| kind.starts_with("application/json"));
    if !json && !request.body.is_empty() {
        return Err(ApiError::parse_error());
    }
    serde_json::from_slice(&request.body).map_err(|_| ApiError::parse_error())
}

fn ok(text: String) -> Answer {
    Answer {
        status: 200,
        headers: vec![("content-type".to_owned(), "application/json; charset=UTF-8".to_owned())],
        body: text.into_bytes(),
    }
}

fn with_etag(text: String, body: &Object) -> Answer {
    let mut answer = ok(text);
    if let Some(etag) = body.get("etag").and_then(Value::as_str) {
        answer.headers.push(("etag".to_owned(), etag.to_owned()));
    }
    answer
}

fn no_content() -> Answer {
    Answer { status: 204, ..Answer::default() }
}
