//! The words about what comes from a provider: pages of listings, their rows, and what is made of them. Nothing here
//! knows what was there before.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Lines, Span};
use crate::effects::{Request, TimeMs};
use crate::event::Document;

/// One page of a listing.
#[derive(Debug, Default)]
pub struct Page {
    /// What it shows, in the provider's order.
    pub rows: Vec<Row>,
    /// Rows that cannot be read, with their reason.
    pub skipped: Vec<Skipped>,
    /// How many rows it held.
    pub count: u32,
    /// What comes next.
    pub next: Next,
    /// Whether we may write to the calendar; none when the page does not say.
    pub writable: Option<bool>,
    /// We may only see when events are: they come without everything else.
    pub only_busy: bool,
    /// The calendar's default zone.
    pub time_zone: Option<String>,
}

/// What a calendar is like, where the pages of its listings do not say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Description {
    /// Whether we may write to it; none when that was not answered.
    pub writable: Option<bool>,
    /// The default zone; none when it is not for us to know.
    pub time_zone: Option<String>,
}

/// What follows a page.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Next {
    /// Another page, by this token.
    Page(String),
    /// The end, and the cursor of the next listing.
    Cursor(String),
    /// Neither: the answer is damaged.
    #[default]
    Nothing,
}

/// A row that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Its id, when that much could be read.
    pub remote_id: Option<String>,
    /// Stable code.
    pub code: &'static str,
    /// What is wrong, for people, without the row's content.
    pub detail: String,
}

/// One row of a listing, or the answer to a write.
#[derive(Debug, Clone, PartialEq)]
pub enum Row {
    /// A single event, or the master of a series without its exceptions.
    Event(Box<RemoteEvent>),
    /// An exception of a series; it may come before its master.
    Exception(Box<RemoteException>),
    /// Something was removed; all that is sure is its id.
    Gone(String),
    /// Something about an event changed: ask for it. Only in pages of a listing, and resolved before anything of the
    /// page is settled.
    Look(Look),
}

/// See [`Row::Look`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// The id of the event or master.
    pub id: String,
    /// Of no interest unless the event is known: it may only have left the listing's span, or never been in it.
    pub only_known: bool,
}

/// A single event or master as the provider has it.
#[derive(Debug, Clone, PartialEq)]
pub struct RemoteEvent {
    /// The provider's id.
    pub id: String,
    /// Version tag for conditional writes.
    pub etag: String,
    /// When it was last changed, as the provider says; 0 when it does not.
    pub updated_ms: TimeMs,
    /// The JSCalendar view. Its `uid` is the provider's.
    pub document: Document,
    /// Our origin mark, if it carries one.
    pub mark: Option<String>,
    /// Whether we may write this event.
    pub writable: bool,
    /// What the provider module wants to remember about the master.
    pub lines: Lines,
    /// All exceptions of the series, cancelled ones too; none when they come as rows of their own.
    pub exceptions: Option<Vec<RemoteException>>,
    /// The span that `exceptions` are complete in; none for all time.
    pub exceptions_span: Option<Span>,
    /// The row cannot show a mark although the event may carry one: should it be new here, look at it.
    pub hides_mark: bool,
}

/// An exception of a series as the provider has it.
#[derive(Debug, Clone, PartialEq)]
pub struct RemoteException {
    /// The provider's id of the exception.
    pub id: String,
    /// The provider's id of its master.
    pub master: String,
    /// Version tag.
    pub etag: String,
    /// When it was last changed.
    pub updated_ms: TimeMs,
    /// The row as the provider sent it: what is buffered while the master is unknown.
    pub row: String,
}

/// Occurrences of a series, as a list shows them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Occurrences {
    /// The occurrences, changed or not.
    pub rows: Vec<RemoteException>,
    /// The next page.
    pub next: Option<String>,
    /// Nothing of the series on this page was left out because it could not be read.
    pub complete: bool,
}

/// An exception, placed in its series.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Placed {
    /// The recurrence id, in the master's zone.
    pub recurrence_id: String,
    /// The override: `{"excluded": true}`, or what differs from the master.
    pub patch: Map<String, Value>,
    /// A part of the description that belongs to the provider, see [`Lines::blob`].
    pub blob: String,
}

/// What a page of a search for an event shows.
#[derive(Debug)]
pub struct Candidates {
    /// Each may be it, also one that cannot be read.
    pub rows: Vec<Result<Row, Skipped>>,
    /// Asks for the next page.
    pub next: Option<Request>,
}

/// What a page of a search for one thing shows.
#[derive(Debug)]
pub enum Search<T> {
    /// It.
    Found(T),
    /// There is none.
    Nothing,
    /// Not it; the next page may.
    Next(Request),
}
