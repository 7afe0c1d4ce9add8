//! Google Calendar API v3. Google's own words stay in this directory.

mod changes;
mod channel;
mod error;
mod event;
mod recurrence;
mod webhook;
mod wire;
mod write;

use super::request::{encode, get_request, query};
use super::{
    Candidates, ChannelTimes, Granted, New, Notice, Notification, Page, Placed, Position, Provider, Purpose, Refused,
    RemoteException, Row, Search, Skipped, Target, Update, Verdict, Watch,
};
use crate::effects::{Request, Response, TimeMs};
use crate::event::Document;

/// The public base URL.
const BASE_URL: &str = "https://www.googleapis.com/calendar/v3";

/// Google as a [`Provider`].
pub struct Google;

impl Provider for Google {
    fn list(&self, target: &Target<'_>, position: Position<'_>) -> Request {
        changes::list(target, position)
    }

    fn read_page(&self, target: &Target<'_>, body: &[u8]) -> Option<Page> {
        changes::read_page(target, body)
    }

    fn get(&self, target: &Target<'_>, remote_id: &str) -> Request {
        get_request(format!("{}/events/{}", calendar_url(target), encode(remote_id)))
    }

    fn read_row(&self, target: &Target<'_>, body: &[u8]) -> Result<Row, Skipped> {
        let event = serde_json::from_slice(body).map_err(|_| changes::damaged(&String::from_utf8_lossy(body)))?;
        event::read(target, event)
    }

    fn read_alone(&self, target: &Target<'_>, exception: &RemoteException) -> Result<Row, Skipped> {
        let mut row: wire::Event =
            serde_json::from_str(&exception.row).map_err(|_| changes::damaged(&exception.row))?;
        row.recurring_event_id = None;
        row.original_start_time = None;
        event::read(target, row)
    }

    fn place(&self, target: &Target<'_>, exception: &RemoteException, master: &Document) -> Result<Placed, Skipped> {
        let row: wire::Event = serde_json::from_str(&exception.row).map_err(|_| changes::damaged(&exception.row))?;
        let Some(recurrence_id) = event::original_start(target, &row, master) else {
            let detail = "the original start of an exception is not a date or time";
            return Err(event::skipped(Some(exception.id.clone()), "bad-original-start", detail));
        };
        if row.status.as_deref() == Some("cancelled") {
            let mut patch = serde_json::Map::new();
            patch.insert("excluded".into(), true.into());
            return Ok(Placed { recurrence_id, patch, ..Placed::default() });
        }
        let mut document = event::exception(target, row, master)?;
        if event::starts_together(target, &document, &recurrence_id) {
            document.set("start", Some(recurrence_id.clone().into()));
        }
        let patch = crate::recurrence::override_patch(master, &recurrence_id, &document);
        Ok(Placed { recurrence_id, patch, ..Placed::default() })
    }

    fn exception_of(&self, remote_id: &str) -> Option<String> {
        let (master, suffix) = remote_id.rsplit_once('_')?;
        suffix.starts_with(|c: char| c.is_ascii_digit()).then(|| master.to_owned())
    }

    fn recurrence_id_of(&self, target: &Target<'_>, remote_id: &str, master: &Document) -> Option<String> {
        let (_, suffix) = remote_id.rsplit_once('_')?;
        if let Ok(date) = chrono::NaiveDate::parse_from_str(suffix, "%Y%m%d") {
            return Some(recurrence::local_text(date.and_hms_opt(0, 0, 0)?));
        }
        let utc = chrono::NaiveDateTime::parse_from_str(suffix, "%Y%m%dT%H%M%SZ").ok()?.and_utc();
        let zone = master.str("timeZone").unwrap_or(target.time_zone);
        Some(recurrence::local_text(event::wall_of_series(target, master, zone, utc.timestamp_millis())?))
    }

    fn create(&self, target: &Target<'_>, new: &New<'_>) -> Result<Request, Refused> {
        Ok(write::create(target, new))
    }

    fn may_be_made_as(&self, remote_id: &str, client_id: &str) -> bool {
        remote_id == client_id
    }

    fn find_created(&self, target: &Target<'_>, new: &New<'_>) -> (Purpose, Request) {
        (Purpose::Read, self.get(target, new.client_id))
    }

    fn may_hide(&self) -> bool {
        true
    }

    fn read_created(&self, target: &Target<'_>, body: &[u8]) -> Result<Candidates, Skipped> {
        self.read_row(target, body).map(|row| Candidates { rows: vec![Ok(row)], next: None })
    }

    fn update(&self, target: &Target<'_>, update: &Update<'_>) -> Result<Option<Request>, Refused> {
        Ok(write::update(target, update))
    }

    fn delete(&self, target: &Target<'_>, remote_id: &str, etag: &str, notify: bool) -> Request {
        write::delete(target, remote_id, etag, notify)
    }

    fn find_instance(
        &self,
        target: &Target<'_>,
        master_id: &str,
        master: &Document,
        recurrence_id: &str,
    ) -> Option<Request> {
        let original = recurrence::original_start(target, master, recurrence_id)?;
        let parameters = [("originalStart", original.as_str()), ("showDeleted", "true"), ("maxResults", "2")];
        let url = format!("{}/events/{}/instances?{}", calendar_url(target), encode(master_id), query(&parameters));
        Some(get_request(url))
    }

    fn read_instance(
        &self,
        target: &Target<'_>,
        body: &[u8],
        _master: &Document,
        _recurrence_id: &str,
    ) -> Result<Search<RemoteException>, Skipped> {
        let events: wire::Events<wire::Event> = serde_json::from_slice(body).map_err(|_| changes::damaged(""))?;
        match events.items.into_iter().next().map(|event| event::read(target, event)) {
            Some(Ok(Row::Exception(exception))) => Ok(Search::Found(*exception)),
            _ => Ok(Search::Nothing),
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

    fn stop(&self, target: &Target<'_>, channel_id: &str, resource_id: &str) -> Request {
        channel::stop(target, channel_id, resource_id)
    }

    fn notification(&self, notice: &Notice) -> Notification {
        webhook::read(notice)
    }
}

fn base_url<'a>(target: &Target<'a>) -> &'a str {
    target.settings.google_base_url.as_deref().unwrap_or(BASE_URL)
}

fn calendar_url(target: &Target<'_>) -> String {
    format!("{}/calendars/{}", base_url(target), encode(&target.replica.remote_calendar))
}
