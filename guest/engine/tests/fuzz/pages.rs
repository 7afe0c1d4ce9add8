//! Answers of providers: damaged on their way, one or several, in a small calendar in step.
//!
//! A damaged answer may be believed where it is plausible; it may not end in a panic, in work without a bound or in a
//! step that is a defect. A page that is none moves no cursor, and every row of one that is taken is stored, waits for its
//! series, or is told of as a failure. Once answers are true again, everything comes to rest.

use std::cell::RefCell;
use std::rc::Rc;

use arbtest::arbitrary::{Result, Unstructured};
use serde_json::{Value, json};
use tandem_engine::editing::Action;
use tandem_engine::effects::{Method, Request, Response};
use tandem_engine::sync::{self, Outcome};

use crate::harness::{Shown, fuzz};
use crate::mutate::{self, SECRET};
use crate::world::{ACCOUNT, GOOGLE, OUTLOOK, World, rich};

/// Steps with damaged answers.
const STEPS: usize = 14;
/// Polls after which nothing may be written any more.
const POLLS: usize = 8;

/// A page that was damaged: what the engine got.
#[derive(Clone)]
struct Page {
    body: Vec<u8>,
    /// The simulator's own answer.
    whole: Vec<u8>,
}

/// What is damaged, and what came of it.
#[derive(Default)]
struct Damage {
    /// One answer in so many.
    every: usize,
    /// Where the next random bytes are taken from.
    bytes: Vec<u8>,
    seen: usize,
    /// The listing of this step, when it was damaged.
    page: Option<Page>,
    /// Answers of this step that were damaged.
    struck: usize,
    log: Vec<String>,
}

impl Damage {
    fn strike(&mut self, request: &Request, mut response: Response) -> Response {
        self.seen += 1;
        if !self.seen.is_multiple_of(self.every.max(1)) || self.bytes.len() < 16 {
            return response;
        }
        let bytes = std::mem::take(&mut self.bytes);
        let mut source = Unstructured::new(&bytes);
        let whole = response.body.clone();
        if damage(&mut source, &mut response).is_err() {
            return response;
        }
        self.bytes = source.take_rest().to_vec();
        self.struck += 1;
        let body = String::from_utf8_lossy(&response.body);
        let body = body.get(..body.floor_char_boundary(20_000)).unwrap_or_default();
        self.log.push(format!("{:?} {} -> {} {body}", request.method, request.url, response.status));
        if response.status == 200 && is_listing(request) {
            self.page = Some(Page { body: response.body.clone(), whole });
        }
        response
    }
}

fn damage(source: &mut Unstructured<'_>, response: &mut Response) -> Result<()> {
    match source.int_in_range(0..=9)? {
        0 => {
            let statuses =
                [200, 201, 202, 204, 304, 400, 401, 403, 404, 408, 409, 410, 412, 413, 429, 500, 503, 507, 0, 999];
            response.status = *source.choose(&statuses)?;
            let after = ["120", "99999999999999999999", "-1", "Fri, 31 Dec 9999 23:59:59 GMT", "0"];
            if source.ratio(1, 3)? {
                response.headers.push(("retry-after".into(), (*source.choose(&after)?).into()));
            }
        }
        1 => response.headers.clear(),
        _ => response.body = mutate::body(source, &response.body)?,
    }
    Ok(())
}

fn is_listing(request: &Request) -> bool {
    request.method == Method::Get
        && (request.url.contains("/events?") && request.url.contains("google") || request.url.contains("/delta"))
}

/// A calendar in step, then changed on both sides.
fn world(replica: &str) -> World {
    let mut world = World::new(&[replica]);
    let fill = |world: &World| {
        if replica == GOOGLE {
            world.google.generate(ACCOUNT, 4, 11).unwrap();
        } else {
            world.microsoft.generate(ACCOUNT, 4, 11).unwrap();
        }
    };
    fill(&world);
    let ids: Vec<String> = (0..3).map(|n| insert(&world, replica, n)).collect();
    world.edit(None, Action::Create(rich("series@app").to_string()));
    world.settle();
    assert!(world.memory.failures.is_empty(), "{:?}", world.memory.failures);
    let rename = if replica == GOOGLE {
        json!({"summary": format!("{SECRET} renamed")})
    } else {
        json!({"subject": format!("{SECRET} renamed")})
    };
    if replica == GOOGLE {
        world.google.user_patch(ACCOUNT, &ids[0], &rename).unwrap();
        world.google.user_delete(ACCOUNT, &ids[1]).unwrap();
    } else {
        world.microsoft.user_patch(ACCOUNT, &ids[0], &rename).unwrap();
        world.microsoft.user_delete(ACCOUNT, &ids[1]).unwrap();
    }
    (3..9).for_each(|n| drop(insert(&world, replica, n)));
    world.edit(Some("series@app"), Action::Patch(json!({"title": format!("{SECRET} edited"), "recurrenceOverrides": {"2026-03-31T09:00:00": {"title": SECRET}}}).to_string()));
    world.clock.advance(2 * 3_600_000);
    world
}

/// The user makes an event: every third is a series.
fn insert(world: &World, replica: &str, n: usize) -> String {
    let (start, end) = (format!("2026-03-{:02}T09:00:00", 3 + n), format!("2026-03-{:02}T10:00:00", 3 + n));
    let made = if replica == GOOGLE {
        let at = |time: &str| json!({"dateTime": time, "timeZone": "Europe/Berlin"});
        let mut event =
            json!({"summary": format!("{SECRET} {n}"), "location": SECRET, "start": at(&start), "end": at(&end)});
        if n % 3 == 2 {
            event["recurrence"] = json!(["RRULE:FREQ=WEEKLY;COUNT=5", "EXDATE;TZID=Europe/Berlin:20260319T090000"]);
        }
        world.google.user_insert(ACCOUNT, &event).unwrap()
    } else {
        let at = |time: &str| json!({"dateTime": time, "timeZone": "W. Europe Standard Time"});
        let mut event = json!({"subject": format!("{SECRET} {n}"), "start": at(&start), "end": at(&end),
            "body": {"contentType": "html", "content": format!("<html><body><p>{SECRET}</p></body></html>")}});
        if n % 3 == 2 {
            event["recurrence"] = json!({"pattern": {"type": "daily", "interval": 3},
                "range": {"type": "numbered", "startDate": start.split('T').next(), "numberOfOccurrences": 5,
                    "recurrenceTimeZone": "W. Europe Standard Time"}});
        }
        world.microsoft.user_insert(ACCOUNT, &event).unwrap()
    };
    made["id"].as_str().unwrap().to_owned()
}

/// Where a listing stands.
fn place(world: &World, replica: &str) -> (Option<String>, Option<String>) {
    let state = world.state(replica);
    (state.cursor, state.listing.and_then(|listing| listing.page))
}

/// Members of a page: its rows, and the links or tokens that go on from it.
fn words(replica: &str) -> (&'static str, [&'static str; 2]) {
    if replica == GOOGLE {
        ("items", ["nextPageToken", "nextSyncToken"])
    } else {
        ("value", ["@odata.nextLink", "@odata.deltaLink"])
    }
}

/// After a step that got a damaged page.
fn judge(world: &World, replica: &str, page: &Page, before: &(Option<String>, Option<String>)) {
    if place(world, replica) == *before {
        return;
    }
    let (rows, tokens) = words(replica);
    // The engine passes over text that is no Unicode in members that it does not read.
    let text = String::from_utf8_lossy(&page.body);
    let parsed: Value = serde_json::from_str(&text).unwrap_or_default();
    // A cursor that was lost on the way is begun anew, which is no step forward.
    if place(world, replica) == (None, None) {
        return;
    }
    let named = |name: &&str| parsed[*name].is_string() || (parsed.is_null() && text.contains(*name));
    assert!(tokens.iter().any(named), "the cursor moved past a page without one: {parsed}");
    let Some(items) = parsed[rows].as_array() else { return };
    let whole: Value = serde_json::from_slice(&page.whole).unwrap();
    for item in items.iter().filter(|item| !skipped_rightly(item)) {
        let Some(id) = item["id"].as_str().filter(|id| !id.is_empty()) else {
            // All rows without an id share one failure.
            let told = world
                .memory
                .failures
                .values()
                .any(|failure| failure.remote_id.as_deref().unwrap_or_default().is_empty());
            assert!(told, "a row without an id was passed over: {item}");
            continue;
        };
        // What the provider does not know, or knows as part of a series, may come to nothing.
        let known = whole[rows].as_array().into_iter().flatten().find(|row| row["id"] == id);
        if known.is_some_and(|row| !skipped_rightly(row)) {
            assert!(accounted(world, replica, id), "a row is neither stored nor told of: {item}");
        }
    }
}

/// Deletions of what is not known, and rows of a series, which are found with it.
fn skipped_rightly(item: &Value) -> bool {
    let text = |name: &str| item[name].as_str().is_some_and(|text| !text.is_empty());
    item["status"] == "cancelled" || text("recurringEventId") || text("seriesMasterId") || !item["@removed"].is_null()
}

fn accounted(world: &World, replica: &str, id: &str) -> bool {
    let memory = &world.memory;
    memory.by_remote(replica, &[id.to_owned()])[0].is_some()
        || memory.orphans.keys().any(|(of, _, row)| of == replica && row == id)
        || memory.failures.values().any(|failure| failure.remote_id.as_deref() == Some(id))
}

/// One input.
pub(crate) fn run(source: &mut Unstructured<'_>, replica: &str) -> Result<()> {
    let damage = Rc::new(RefCell::new(Damage { every: source.int_in_range(1..=4)?, ..Damage::default() }));
    damage.borrow_mut().bytes = source.bytes(source.len())?.to_vec();
    let mut world = world(replica);
    let (shared, log) = (Rc::clone(&damage), Rc::clone(&damage));
    let _shown = Log(log);
    world.tamper = Some(Box::new(move |request, response| shared.borrow_mut().strike(request, response)));
    for _ in 0..STEPS {
        let before = place(&world, replica);
        let outcome = world.step(replica);
        world.tells_no_secrets();
        let (page, struck) = {
            let mut damage = damage.borrow_mut();
            (damage.page.take(), std::mem::take(&mut damage.struck))
        };
        // With another damaged answer in the same step the provider may well have said that a row is not there.
        if let Some(page) = page.filter(|_| struck == 1) {
            judge(&world, replica, &page, &before);
        }
        match outcome {
            Outcome::Again => {}
            Outcome::Retry { at_ms, code } => {
                assert!(!code.contains(SECRET), "{code}");
                if world.can_wait(at_ms) {
                    world.wait_until(at_ms);
                } else {
                    return Ok(());
                }
            }
            Outcome::Idle(_) => world.clock.advance(2 * 3_600_000),
            Outcome::Paused(reason) => {
                assert!(!reason.contains(SECRET), "{reason}");
                break;
            }
        }
    }
    world.tamper = None;
    rests(&mut world, replica);
    Ok(())
}

/// Answers are true again: it settles, and then nothing is written any more.
fn rests(world: &mut World, replica: &str) {
    let mut writes = world.writes;
    for poll in 0..POLLS {
        world.clock.advance(2 * 3_600_000);
        if matches!(world.settle(), Outcome::Paused(_)) {
            let zones = std::mem::take(&mut world.zones);
            let _ = sync::answer_guard(world, &zones, replica, true);
            world.zones = zones;
        }
        world.tells_no_secrets();
        assert!(poll + 2 < POLLS || world.writes == writes, "it still writes after {poll} polls");
        writes = world.writes;
    }
}

/// Prints the damaged answers when the test fails.
struct Log(Rc<RefCell<Damage>>);

impl Drop for Log {
    fn drop(&mut self) {
        if let Ok(damage) = self.0.try_borrow() {
            let _shown = Shown(damage.log.join("\n"));
        }
    }
}

#[test]
fn pages_of_google() {
    fuzz("pages of Google", 120, |source| run(source, GOOGLE));
}

#[test]
fn pages_of_microsoft() {
    fuzz("pages of Microsoft", 120, |source| run(source, OUTLOOK));
}
