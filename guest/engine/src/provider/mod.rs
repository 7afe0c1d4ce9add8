//! What sync needs of a provider, without I/O: requests are built here, answers are read here, sending is not.
//!
//! A provider's own words stay inside its module; what leaves it is JSCalendar and the types below. The two
//! providers have the same file names, so that their difference can be read side by side.

mod channels;
pub mod google;
pub mod microsoft;
mod notes;
mod request;
mod rows;
mod verdict;

use serde::{Deserialize, Serialize};

use crate::effects::{ProviderKind, Replica, Request, Response, Settings, TimeMs};
use crate::event::Document;
use crate::time::Zones;

pub use channels::{ChannelTimes, Granted, News, Notice, Notification, Watch, Watched};
pub use notes::{Instance, Lines, Notes};
pub use rows::{
    Candidates, Description, Look, Next, Occurrences, Page, Placed, RemoteEvent, RemoteException, Row, Search, Skipped,
};
pub use verdict::{Purpose, Verdict};

/// Where requests go and what the calendar is like.
pub struct Target<'a> {
    /// The replica.
    pub replica: &'a Replica,
    /// The settings.
    pub settings: &'a Settings,
    /// The calendar's default zone, once a listing told it.
    pub time_zone: &'a str,
    /// The zone rules.
    pub zones: &'a dyn Zones,
    /// The provider refused to show exceptions together with their masters: they are asked for apart.
    pub apart: bool,
}

/// A span of time that a listing is limited to, in milliseconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Its first moment.
    pub from_ms: TimeMs,
    /// Its end, exclusive.
    pub to_ms: TimeMs,
}

/// Where a listing stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position<'a> {
    /// The cursor of the last finished listing; none for a full one.
    pub cursor: Option<&'a str>,
    /// The page to ask for; none for the first.
    pub page: Option<&'a str>,
    /// The span that listings are limited to, once the provider refused to list without; see [`Verdict::NoListing`].
    pub span: Option<Span>,
}

/// What the provider cannot express. Nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Stable code.
    pub code: &'static str,
    /// For people: what it is, and what to do.
    pub detail: &'static str,
}

/// An event to be created.
pub struct New<'a> {
    /// Our id for it, the same on every try.
    pub client_id: &'a str,
    /// The origin mark that it shall carry.
    pub mark: &'a str,
    /// What it should be.
    pub document: &'a Document,
    /// Whether the provider may send mail.
    pub notify: bool,
}

/// A change of a remote event.
pub struct Update<'a> {
    /// Its remote id.
    pub remote_id: &'a str,
    /// The version it must still have; empty to send no condition.
    pub etag: &'a str,
    /// The remote side now.
    pub from: &'a Document,
    /// What it should be.
    pub to: &'a Document,
    /// What the master names itself.
    pub lines: &'a Lines,
    /// Whether the provider may send mail.
    pub notify: bool,
    /// The exception was excluded and is to be shown again.
    pub revive: bool,
}

/// A provider.
pub trait Provider: Sync {
    /// Ask for a page.
    fn list(&self, target: &Target<'_>, position: Position<'_>) -> Request;
    /// Read a page. `None`: the body is no page at all.
    fn read_page(&self, target: &Target<'_>, body: &[u8]) -> Option<Page>;
    /// Ask what the calendar is like; none when its pages say that.
    fn describe(&self, _target: &Target<'_>) -> Option<Request> {
        None
    }
    /// Read the answer of `describe`. `None`: it is damaged.
    fn read_description(&self, _target: &Target<'_>, _body: &[u8]) -> Option<Description> {
        None
    }
    /// The span to list when the provider does not list without one, and when to move it forward.
    fn span(&self, _now_ms: TimeMs) -> Option<(Span, TimeMs)> {
        None
    }
    /// Whether an event that a full listing does not show is gone. Else each has to be asked for.
    fn absence_is_proof(&self) -> bool {
        true
    }
    /// Whether a listing of changes may say nothing of an event that was made since the last one and is deleted again.
    fn forgets_unseen(&self) -> bool {
        false
    }
    /// Ask for one event or exception.
    fn get(&self, target: &Target<'_>, remote_id: &str) -> Request;
    /// Most events in one request of `get_many`.
    fn batch_size(&self) -> usize {
        1
    }
    /// Ask for several events, at most `batch_size`.
    fn get_many(&self, target: &Target<'_>, remote_ids: &[String]) -> Request {
        self.get(target, remote_ids.first().map(String::as_str).unwrap_or_default())
    }
    /// Take the answer of `get_many` apart: for each id the answer that `get` would have had. `None`: it is damaged.
    fn read_many(&self, remote_ids: &[String], response: Response) -> Option<Vec<(String, Response)>> {
        Some(vec![(remote_ids.first()?.clone(), response)])
    }
    /// Read one row: the answer to `get` and to writes, and buffered rows.
    ///
    /// # Errors
    /// When it cannot be read.
    fn read_row(&self, target: &Target<'_>, body: &[u8]) -> Result<Row, Skipped>;
    /// Read an exception as an event of its own: its master is not for us to see (only one occurrence of a series
    /// was shared with the account).
    ///
    /// # Errors
    /// When it cannot be read.
    fn read_alone(&self, target: &Target<'_>, exception: &RemoteException) -> Result<Row, Skipped>;
    /// Place an exception in its series.
    ///
    /// # Errors
    /// When it cannot be read.
    fn place(&self, target: &Target<'_>, exception: &RemoteException, master: &Document) -> Result<Placed, Skipped>;
    /// Whether "not found" is also said of what is only hidden for a while, such as a calendar that is shared anew.
    fn may_hide(&self) -> bool {
        false
    }
    /// Whether a master that is asked for comes with all its exceptions; else they have rows of their own.
    fn embeds_exceptions(&self) -> bool {
        false
    }
    /// Ask for the occurrences of a series in a span, where they do not come with their master; the page is none for
    /// the first.
    fn occurrences(&self, _target: &Target<'_>, _id: &str, _span: Span, _page: Option<&str>) -> Option<Request> {
        None
    }
    /// Ask for everything in the calendar in a span, occurrences as rows of their own; the page is none for the first.
    fn everything(&self, _target: &Target<'_>, _span: Span, _page: Option<&str>) -> Option<Request> {
        None
    }
    /// Read what an answer of `occurrences` or `everything` says of a series. `None`: it is damaged.
    fn read_occurrences(&self, _target: &Target<'_>, _id: &str, _body: &[u8]) -> Option<Occurrences> {
        None
    }
    /// What exceptions a series has, told by all its occurrences in a span, and the span that this is sure for. Those
    /// that should be there and are not come as deleted ones. `None`: the two cannot be compared as a whole.
    fn exceptions_among(
        &self,
        _target: &Target<'_>,
        _master: &RemoteEvent,
        span: Span,
        all: Vec<RemoteException>,
    ) -> Option<(Vec<RemoteException>, Span)> {
        Some((all, span))
    }
    /// If this id can only be that of an exception: the id of its master and its recurrence id in the zone of the
    /// given document. For tombstones that say nothing else.
    fn exception_of(&self, remote_id: &str) -> Option<String>;
    /// The recurrence id in the id of an exception.
    fn recurrence_id_of(&self, target: &Target<'_>, remote_id: &str, master: &Document) -> Option<String>;
    /// Create an event under an id of ours.
    ///
    /// # Errors
    /// When the provider cannot express it.
    fn create(&self, target: &Target<'_>, new: &New<'_>) -> Result<Request, Refused>;
    /// Whether the answer of `create` shows what an earlier try made, and somebody has changed since.
    fn is_older(&self, _body: &[u8]) -> bool {
        false
    }
    /// Whether an event may be one that was created under this id of the client; always where the provider chooses ids.
    fn may_be_made_as(&self, _remote_id: &str, _client_id: &str) -> bool {
        true
    }
    /// Look for what an earlier `create` made whose answer was lost. With [`Purpose::List`], not found means the
    /// calendar; with [`Purpose::Read`] the event.
    fn find_created(&self, target: &Target<'_>, new: &New<'_>) -> (Purpose, Request);
    /// Read a page of the answer of `find_created`. Copies that people made of an event carry its mark, too.
    ///
    /// # Errors
    /// When it cannot be read.
    fn read_created(&self, target: &Target<'_>, body: &[u8]) -> Result<Candidates, Skipped>;
    /// Change an event: only what differs. `None`: nothing that the provider can express differs.
    ///
    /// # Errors
    /// When the provider cannot express the change.
    fn update(&self, target: &Target<'_>, update: &Update<'_>) -> Result<Option<Request>, Refused>;
    /// Delete an event or an exception.
    fn delete(&self, target: &Target<'_>, remote_id: &str, etag: &str, notify: bool) -> Request;
    /// Ask for the provider's instance of a series at a recurrence id.
    fn find_instance(
        &self,
        target: &Target<'_>,
        master_id: &str,
        master: &Document,
        recurrence_id: &str,
    ) -> Option<Request>;
    /// Read a page of the answer of `find_instance`: the occurrence as it is, changed or not.
    ///
    /// # Errors
    /// When it cannot be read.
    fn read_instance(
        &self,
        target: &Target<'_>,
        body: &[u8],
        master: &Document,
        recurrence_id: &str,
    ) -> Result<Search<RemoteException>, Skipped>;
    /// What an answer means.
    fn classify(&self, purpose: Purpose, response: &Response, now_ms: TimeMs) -> Verdict;
    /// How long channels live.
    fn channel_times(&self) -> ChannelTimes;
    /// Ask for a channel.
    fn watch(&self, target: &Target<'_>, watch: &Watch<'_>) -> Request;
    /// Read the answer of `watch` and `renew`.
    fn read_watch(&self, body: &[u8]) -> Option<Granted>;
    /// Let a channel live longer; none when this provider's channels are replaced.
    fn renew(&self, _target: &Target<'_>, _resource_id: &str, _expires_ms: TimeMs) -> Option<Request> {
        None
    }
    /// Ask which channels there are, after a `watch` that was answered with [`Verdict::Duplicate`]; the page is none
    /// for the first.
    fn watched(&self, _target: &Target<'_>, _page: Option<&str>) -> Option<Request> {
        None
    }
    /// Read the answer of `watched`: our channels, and the next page. None when it is damaged.
    fn read_watched(&self, _base: &str, _body: &[u8]) -> Option<(Vec<Watched>, Option<String>)> {
        None
    }
    /// End a channel.
    fn stop(&self, target: &Target<'_>, channel_id: &str, resource_id: &str) -> Request;
    /// Read an incoming notification.
    fn notification(&self, notice: &Notice) -> Notification;
    /// The status that tells the provider that its notification was noted.
    fn accepted_status(&self) -> u16 {
        200
    }
}

/// The provider of a kind; none for one that this version does not know.
#[must_use]
pub fn of(kind: ProviderKind) -> Option<&'static dyn Provider> {
    match kind {
        ProviderKind::Google => Some(&google::Google),
        ProviderKind::Microsoft => Some(&microsoft::Microsoft),
    }
}
