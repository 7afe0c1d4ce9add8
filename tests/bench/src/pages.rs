//! Pages of a listing, made before they are needed.
//!
//! Rows are those that a simulated provider lists for its own generated events (singles, all-day, series with moved
//! and cancelled occurrences, guests, reminders, six zones), repeated under new ids. So a calendar of any size costs no
//! simulation while something is measured. The simulation is asked what the engine would ask it, so that there is an
//! answer to whatever the engine asks afterwards.

use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use serde_json::Value;
use tandem_engine::effects::{ConflictPolicy, Connection, Method, Replica, ReplicaMode, Request, Response, Settings};
use tandem_engine::provider::{self, Next as After, Position, Row, Target};
use tandem_engine::time::BundledZones;
use tandem_providers::{SimRequest, SimResponse};

use crate::Failed;
use crate::dialect::{ACCESS, Dialect, Next, Place, Simulated, ZONE};

/// Generated events and series; their exceptions come on top.
const TEMPLATES: usize = 4_000;
/// Stands in a template behind each name of its event. No JSON text has it.
const COPY: char = '\0';
/// Around the number of a copy. No id that is generated has it, and no URL writes it otherwise.
const FENCE: char = '~';

struct Template {
    id: String,
    /// It does not recur.
    single: bool,
    text: String,
    /// What asking for the event gives, when that is more than the row.
    alone: Option<String>,
}

/// A calendar of any size.
pub(crate) struct Pages {
    /// How the provider speaks.
    pub(crate) dialect: &'static dyn Dialect,
    templates: Vec<Template>,
    /// Templates by id.
    ids: HashMap<String, usize>,
}

impl Pages {
    /// Generate the templates; takes a moment.
    pub(crate) fn new(dialect: &'static dyn Dialect) -> Result<Self, Failed> {
        let templates = Listing { dialect, simulated: dialect.simulated(TEMPLATES)? }.templates()?;
        let ids = templates.iter().enumerate().map(|(at, template)| (template.id.clone(), at)).collect();
        Ok(Self { dialect, templates, ids })
    }

    /// What asking for the event of this id gives.
    pub(crate) fn event(&self, id: &str) -> Option<String> {
        let (before, rest) = id.split_once(FENCE)?;
        let (copy, after) = rest.split_once(FENCE)?;
        let template = self.templates.get(*self.ids.get(&format!("{before}{after}"))?)?;
        Some(copied(template.alone.as_ref().unwrap_or(&template.text), copy.parse().ok()?))
    }

    fn row(&self, number: usize) -> String {
        copied(&self.templates[number % self.templates.len()].text, number / self.templates.len())
    }

    /// How many pages a listing of so many rows has; at least one.
    pub(crate) fn count(&self, rows: usize) -> usize {
        rows.div_ceil(self.dialect.page_rows()).max(1)
    }

    /// Page `number` of a full listing of `rows` rows.
    pub(crate) fn page(&self, authority: &str, number: usize, rows: usize) -> Bytes {
        let (first, end) = (number * self.dialect.page_rows(), rows.min((number + 1) * self.dialect.page_rows()));
        let items: Vec<String> = (first..end).map(|row| self.row(row)).collect();
        let next = match end < rows {
            true => Next::Page(Place { cursor: None, page: number + 1 }),
            false => Next::Cursor(Place { cursor: Some(0), page: 0 }),
        };
        self.dialect.page(authority, next, &items.join(","))
    }

    /// The pages after cursor `number`: `changes` single events, spread over `rows` rows, have another title. (Of a
    /// changed series the exceptions may be read again, a request each: that would measure the provider.)
    pub(crate) fn delta(&self, authority: &str, number: usize, changes: usize, rows: usize) -> Vec<Bytes> {
        let single = |row: &usize| self.templates[row % self.templates.len()].single;
        let singles: Vec<usize> = (0..rows).filter(single).collect();
        let changed = |change: usize| {
            let at = (number * 7_919 + change * (singles.len() / changes)) % singles.len();
            let [title, version] = self.dialect.edited();
            let row = self.row(singles[at]).replacen(title, &format!("{title}{number}. "), 1);
            row.replacen(version, &format!("{version}{number}"), 1)
        };
        let items: Vec<String> = (0..changes).map(changed).collect();
        let pages = items.chunks(self.dialect.page_rows()).enumerate().map(|(page, items)| {
            let next = match page + 1 < self.count(changes) {
                true => Next::Page(Place { cursor: Some(number), page: page + 1 }),
                false => Next::Cursor(Place { cursor: Some(number + 1), page: 0 }),
            };
            self.dialect.page(authority, next, &items.join(","))
        });
        pages.collect()
    }
}

fn copied(text: &str, copy: usize) -> String {
    text.replace(COPY, &format!("{FENCE}{copy}{FENCE}"))
}

/// Lists a simulated provider.
struct Listing {
    dialect: &'static dyn Dialect,
    simulated: Simulated,
}

impl Listing {
    fn templates(&self) -> Result<Vec<Template>, Failed> {
        let (replica, settings, zones) = (replica(self.dialect), settings(self.dialect), BundledZones::new());
        let target = Target { replica: &replica, settings: &settings, time_zone: ZONE, zones: &zones, apart: false };
        let engine = provider::of(self.dialect.engine()).ok_or("the engine does not know the provider")?;
        let (mut rows, mut looks, mut singles) = (Vec::new(), HashSet::new(), HashSet::new());
        let mut page: Option<String> = None;
        loop {
            let position = Position { cursor: None, page: page.as_deref(), span: None };
            let answer = self.ask(engine.list(&target, position))?;
            let mut body: Value = serde_json::from_slice(&answer.body)?;
            let Value::Array(items) = body[self.dialect.rows()].take() else { return Err("a page has no rows".into()) };
            rows.extend(items);
            let read = engine.read_page(&target, &answer.body).ok_or("the engine cannot read a page")?;
            if let Some(skipped) = read.skipped.first() {
                return Err(format!("the engine cannot read a row: {}", skipped.detail).into());
            }
            for row in read.rows {
                match row {
                    Row::Look(look) => drop(looks.insert(look.id)),
                    Row::Event(event) if !event.document.is_recurring() => drop(singles.insert(event.id)),
                    _ => {}
                }
            }
            page = match read.next {
                After::Page(next) => Some(next),
                _ => break,
            };
        }
        let mut events = HashMap::new();
        for ids in looks.into_iter().collect::<Vec<_>>().chunks(engine.batch_size().max(1)) {
            let answer = self.ask(engine.get_many(&target, ids))?;
            let answers = engine.read_many(ids, answer).ok_or("the engine cannot read what it asked for")?;
            for (id, answer) in answers {
                events.insert(id, String::from_utf8(answer.body)?);
            }
        }
        let mut keyed = Vec::new();
        for row in rows {
            let id = row["id"].as_str().ok_or("a row without an id")?.to_owned();
            let names = self.dialect.names(&row);
            let marked =
                |text: String| names.iter().fold(text, |text, name| text.replace(name, &format!("{name}{COPY}")));
            let (single, alone) = (singles.contains(&id), events.remove(&id).map(marked));
            let template = Template { single, text: marked(row.to_string()), alone, id };
            keyed.push((names, template));
        }
        // A series and its exceptions stand together, so that few of them are torn by the end of a page.
        keyed.sort_by(|(a, one), (b, other)| (a.first(), &one.id).cmp(&(b.first(), &other.id)));
        Ok(keyed.into_iter().map(|(_, template)| template).collect())
    }

    fn ask(&self, request: Request) -> Result<Response, Failed> {
        let method = if request.method == Method::Post { "POST" } else { "GET" };
        let mut asked = SimRequest::new(method, &request.url).bearer(ACCESS);
        asked.headers.extend(request.headers);
        asked.body = request.body;
        match (self.simulated)(&asked) {
            SimResponse::Answer(answer) if answer.status == 200 => {
                Ok(Response { status: answer.status, headers: answer.headers, body: answer.body })
            }
            other => Err(format!("the simulated provider answered {} with {other:?}", request.url).into()),
        }
    }
}

fn replica(dialect: &dyn Dialect) -> Replica {
    let (id, provider) = ("ada".to_owned(), dialect.engine());
    Replica {
        id: "work".into(),
        tenant: "acme".into(),
        connection: Connection { id, provider, revoked: false, not_before_ms: 0, attempts: 0 },
        calendar: "work-calendar".into(),
        remote_calendar: "primary".into(),
        mode: ReplicaMode::TwoWay,
        policy: ConflictPolicy::Newest,
        state: String::new(),
        revision: 0,
        wanted: 0,
        lease_epoch: 0,
    }
}

fn settings(dialect: &dyn Dialect) -> Settings {
    Settings {
        webhook_url: None,
        signing_key: Vec::new(),
        google_base_url: None,
        microsoft_base_url: None,
        poll_interval_s: 0,
        safety_poll_interval_s: 0,
        page_size: u32::try_from(dialect.page_rows()).unwrap_or(u32::MAX),
    }
}
