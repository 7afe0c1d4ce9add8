//! Microsoft Graph v1.0. Microsoft's own words stay in this directory.

mod body;
mod calendar;
mod changes;
mod channel;
mod error;
mod event;
mod instances;
mod month_days;
mod recurrence;
mod webhook;
mod windows_zones;
mod wire;
mod write;
mod zones;

use super::request::{encode, get_request, query};
use super::{
    Candidates, ChannelTimes, Description, Granted, New, Notice, Notification, Occurrences, Page, Placed, Position,
    Provider, Purpose, Refused, RemoteEvent, RemoteException, Row, Search, Skipped, Span, Target, Update, Verdict,
    Watch, Watched,
};
use crate::effects::{Request, Response, TimeMs};
use crate::event::Document;
use crate::time::format_rfc3339;

/// The public base URL.
const BASE_URL: &str = "https://graph.microsoft.com/v1.0";
/// The path of the account's default calendar; its name in a replica is `primary`.
const DEFAULT: &str = "/me/calendar";
/// Ids that stay when an event is moved. To be asked for in every request.
const IMMUTABLE: &str = "IdType=\"ImmutableId\"";

/// Microsoft as a [`Provider`].
pub struct Microsoft;

impl Provider for Microsoft {
    fn list(&self, target: &Target<'_>, position: Position<'_>) -> Request {
        changes::list(target, position)
    }

    fn read_page(&self, target: &Target<'_>, body: &[u8]) -> Option<Page> {
        changes::read_page(target, body)
    }

    fn describe(&self, target: &Target<'_>) -> Option<Request> {
        Some(calendar::ask(target))
    }

    fn read_description(&self, target: &Target<'_>, body: &[u8]) -> Option<Description> {
        calendar::read(target, body)
    }

    fn span(&self, now_ms: TimeMs) -> Option<(Span, TimeMs)> {
        Some(changes::span(now_ms))
    }

    fn absence_is_proof(&self) -> bool {
        false
    }

    fn forgets_unseen(&self) -> bool {
        true
    }

    fn get(&self, target: &Target<'_>, remote_id: &str) -> Request {
        changes::get(target, remote_id)
    }

    fn batch_size(&self) -> usize {
        changes::BATCH
    }

    fn get_many(&self, target: &Target<'_>, remote_ids: &[String]) -> Request {
        changes::get_many(target, remote_ids)
    }

    fn read_many(&self, remote_ids: &[String], response: Response) -> Option<Vec<(String, Response)>> {
        changes::read_many(remote_ids, &response)
    }

    fn read_row(&self, target: &Target<'_>, body: &[u8]) -> Result<Row, Skipped> {
        let event = serde_json::from_slice(body).map_err(|_| changes::damaged(&String::from_utf8_lossy(body)))?;
        event::read(target, event)
    }

    fn read_alone(&self, target: &Target<'_>, exception: &RemoteException) -> Result<Row, Skipped> {
        let mut row: wire::Event =
            serde_json::from_str(&exception.row).map_err(|_| changes::damaged(&exception.row))?;
        row.series_master_id = None;
        row.original_start = None;
        event::read(target, row)
    }

    fn place(&self, target: &Target<'_>, exception: &RemoteException, master: &Document) -> Result<Placed, Skipped> {
        if let Some(recurrence_id) = event::cancelled_start(&exception.id, master) {
            let mut patch = serde_json::Map::new();
            patch.insert("excluded".into(), true.into());
            return Ok(Placed { recurrence_id, patch, ..Placed::default() });
        }
        let row: wire::Event = serde_json::from_str(&exception.row).map_err(|_| changes::damaged(&exception.row))?;
        let Some(recurrence_id) = event::original_start(target, &row, master) else {
            let detail = "the original start of an exception is not a date or time";
            return Err(event::skipped(Some(exception.id.clone()), "bad-original-start", detail));
        };
        let (document, blob) = event::exception(target, row, master, &recurrence_id)?;
        let patch = crate::recurrence::override_patch(master, &recurrence_id, &document);
        Ok(Placed { recurrence_id, patch, blob })
    }

    fn embeds_exceptions(&self) -> bool {
        true
    }

    fn occurrences(&self, target: &Target<'_>, id: &str, span: Span, page: Option<&str>) -> Option<Request> {
        Some(instances::ask(target, id, span, page))
    }

    fn everything(&self, target: &Target<'_>, span: Span, page: Option<&str>) -> Option<Request> {
        Some(instances::ask_all(target, span, page))
    }

    fn read_occurrences(&self, target: &Target<'_>, id: &str, body: &[u8]) -> Option<Occurrences> {
        instances::read(target, id, body)
    }

    fn exceptions_among(
        &self,
        target: &Target<'_>,
        master: &RemoteEvent,
        span: Span,
        all: Vec<RemoteException>,
    ) -> Option<(Vec<RemoteException>, Span)> {
        instances::exceptions(target, master, span, all)
    }

    fn exception_of(&self, _remote_id: &str) -> Option<String> {
        None
    }

    fn recurrence_id_of(&self, _target: &Target<'_>, _remote_id: &str, _master: &Document) -> Option<String> {
        None
    }

    fn create(&self, target: &Target<'_>, new: &New<'_>) -> Result<Request, Refused> {
        write::create(target, new)
    }

    fn is_older(&self, body: &[u8]) -> bool {
        event::is_older(body)
    }

    fn find_created(&self, target: &Target<'_>, new: &New<'_>) -> (Purpose, Request) {
        (Purpose::List, changes::find_created(target, new))
    }

    fn read_created(&self, target: &Target<'_>, body: &[u8]) -> Result<Candidates, Skipped> {
        changes::read_created(target, body)
    }

    fn update(&self, target: &Target<'_>, update: &Update<'_>) -> Result<Option<Request>, Refused> {
        write::update(target, update)
    }

    fn delete(&self, target: &Target<'_>, remote_id: &str, etag: &str, _notify: bool) -> Request {
        write::delete(target, remote_id, etag)
    }

    fn find_instance(
        &self,
        target: &Target<'_>,
        master_id: &str,
        master: &Document,
        recurrence_id: &str,
    ) -> Option<Request> {
        let local = recurrence::parse_local(recurrence_id)?;
        let utc_ms = target.zones.to_utc_ms(master.str("timeZone").unwrap_or(target.time_zone), local)?;
        let text = |days: i64| format_rfc3339(utc_ms + days * 86_400_000);
        let (from, to) = (text(-1)?, text(1)?);
        let parameters = query(&[("startDateTime", &from), ("endDateTime", &to), ("$top", "100")]);
        let url = format!("{}/{}/instances?{parameters}", events_url(target), encode(master_id));
        Some(prefer(get_request(url)))
    }

    fn read_instance(
        &self,
        target: &Target<'_>,
        body: &[u8],
        master: &Document,
        recurrence_id: &str,
    ) -> Result<Search<RemoteException>, Skipped> {
        let events: wire::Events<wire::Event> = serde_json::from_slice(body).map_err(|_| changes::damaged(""))?;
        let meant =
            |event: &wire::Event| event::original_start(target, event, master).as_deref() == Some(recurrence_id);
        match events.value.into_iter().find(meant).map(|event| event::read(target, event)) {
            Some(Ok(Row::Exception(exception))) => Ok(Search::Found(*exception)),
            Some(_) => Ok(Search::Nothing),
            None => Ok(events.next_link.map_or(Search::Nothing, |next| Search::Next(prefer(get_request(next))))),
        }
    }

    fn classify(&self, purpose: Purpose, response: &Response, now_ms: TimeMs) -> Verdict {
        error::classify(purpose, response, now_ms)
    }

    fn channel_times(&self) -> ChannelTimes {
        channel::TIMES
    }

    fn watch(&self, target: &Target<'_>, watch: &Watch<'_>) -> Request {
        channel::watch(target, watch)
    }

    fn read_watch(&self, body: &[u8]) -> Option<Granted> {
        channel::read_watch(body)
    }

    fn renew(&self, target: &Target<'_>, resource_id: &str, expires_ms: TimeMs) -> Option<Request> {
        Some(channel::renew(target, resource_id, expires_ms))
    }

    fn watched(&self, target: &Target<'_>, page: Option<&str>) -> Option<Request> {
        Some(channel::watched(target, page))
    }

    fn read_watched(&self, base: &str, body: &[u8]) -> Option<(Vec<Watched>, Option<String>)> {
        channel::read_watched(base, body)
    }

    fn stop(&self, target: &Target<'_>, _channel_id: &str, resource_id: &str) -> Request {
        channel::stop(target, resource_id)
    }

    fn notification(&self, notice: &Notice) -> Notification {
        webhook::read(notice)
    }

    fn accepted_status(&self) -> u16 {
        202
    }
}

fn base_url<'a>(target: &Target<'a>) -> &'a str {
    target.settings.microsoft_base_url.as_deref().unwrap_or(BASE_URL)
}

/// The path of the calendar below the base URL.
fn calendar_path(target: &Target<'_>) -> String {
    match target.replica.remote_calendar.as_str() {
        "primary" => DEFAULT.to_owned(),
        id => format!("/me/calendars/{}", encode(id)),
    }
}

fn events_url(target: &Target<'_>) -> String {
    format!("{}{}/events", base_url(target), calendar_path(target))
}

fn prefer(mut request: Request) -> Request {
    request.headers.push(("prefer".into(), IMMUTABLE.into()));
    request
}
