//! What differs between the providers: how rows are wrapped, asked for and announced. All else is shared.

use std::fmt;
use std::str::FromStr;

use axum::http::{Method, Uri};
use bytes::Bytes;
use serde_json::Value;
use tandem_engine::effects::ProviderKind;
use tandem_host::store::Provider as Kind;
use tandem_providers::{SimRequest, SimResponse};

use crate::Failed;
use crate::google::Google;
use crate::microsoft::Microsoft;
use crate::pages::Pages;

/// Every provider.
pub(crate) static DIALECTS: [&dyn Dialect; 2] = [&Google, &Microsoft];
/// When the simulated providers live: 2026-03-02T08:00:00Z.
pub(crate) const NOW_MS: i64 = 1_772_438_400_000;
/// Whose calendar it is.
pub(crate) const ACCOUNT: &str = "ada@example.com";
/// The account's access token.
pub(crate) const ACCESS: &str = "token";
/// The zone of the account.
pub(crate) const ZONE: &str = "Europe/Berlin";

/// See the module.
pub(crate) trait Dialect: Send + Sync {
    /// For the host.
    fn kind(&self) -> Kind;
    /// For the engine.
    fn engine(&self) -> ProviderKind;
    /// For people; in small letters the host's own name of it.
    fn name(&self) -> &'static str;
    /// Rows of a page, as many as the engine asks for.
    fn page_rows(&self) -> usize;
    /// A simulated provider with so many generated events and series.
    fn simulated(&self, events: usize) -> Result<Simulated, Failed>;
    /// The member of a page that holds its rows.
    fn rows(&self) -> &'static str;
    /// Texts within a row that name its event; in a copy of the event they are others.
    fn names(&self, row: &Value) -> Vec<String>;
    /// Where a row is changed: behind these texts, of which the first opens the title.
    fn edited(&self) -> [&'static str; 2];
    /// A page: its rows, with commas between, and the page or cursor that follows.
    fn page(&self, authority: &str, next: Next, items: &str) -> Bytes;
    /// Understand a request.
    fn read(&self, pages: &Pages, request: &Asking<'_>) -> Option<Asked>;
    /// How many items a notification may have.
    fn batches(&self) -> &'static [usize];
    /// A notification of so many items.
    fn notice(&self, watch: &Watch, items: usize) -> Notice;
}

/// Answers requests.
pub(crate) type Simulated = Box<dyn Fn(&SimRequest) -> SimResponse>;

/// A place in a listing, as page tokens and cursors say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub(crate) struct Place {
    /// Which cursor it goes on from; none in a full listing.
    pub(crate) cursor: Option<usize>,
    /// The page.
    pub(crate) page: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.cursor {
            Some(cursor) => write!(f, "{cursor}.{}", self.page),
            None => write!(f, "all.{}", self.page),
        }
    }
}

impl FromStr for Place {
    type Err = Failed;
    fn from_str(text: &str) -> Result<Self, Failed> {
        let (cursor, page) = text.split_once('.').ok_or("a token without a dot")?;
        let cursor = if cursor == "all" { None } else { Some(cursor.parse()?) };
        Ok(Self { cursor, page: page.parse()? })
    }
}

/// What follows a page.
pub(crate) enum Next {
    /// Another page.
    Page(Place),
    /// Nothing; what changes later is asked for with this.
    Cursor(Place),
}

/// A request.
pub(crate) struct Asking<'a> {
    /// Its method.
    pub(crate) method: &'a Method,
    /// Path and query.
    pub(crate) uri: &'a Uri,
    /// Its body.
    pub(crate) body: &'a [u8],
}

impl Asking<'_> {
    /// Where in a listing: the first of these parameters that is there; the start when none is.
    pub(crate) fn place(&self, parameters: [&str; 2]) -> Option<Place> {
        let query = self.uri.query().unwrap_or_default();
        let named = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        match parameters.into_iter().find_map(named) {
            Some(text) => text.parse().ok(),
            None => Some(Place::default()),
        }
    }
}

/// What a request is about.
pub(crate) enum Asked {
    /// A page of a listing.
    Listing(Place),
    /// This is its answer.
    Answer(Bytes),
    /// A channel, and the answer.
    Watch(Watch, Bytes),
}

/// A channel that the component asked for.
#[derive(Clone)]
pub(crate) struct Watch {
    /// Its id.
    pub(crate) id: String,
    /// What proves that a notification is of it: the component signed it.
    pub(crate) secret: String,
    /// The query of the address that notifications go to.
    pub(crate) query: String,
}

/// A notification, made before it is needed.
pub(crate) struct Notice {
    /// The query of its address.
    pub(crate) query: String,
    /// Headers; of `host` and `content-length` too.
    pub(crate) headers: Vec<(String, String)>,
    /// The header that counts notifications, where there is one.
    pub(crate) counter: Option<&'static str>,
    /// The body.
    pub(crate) body: String,
}
