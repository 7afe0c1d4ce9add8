//! `tandem explain`: an event as a person would explain it, read from the database. The server may run meanwhile.

use std::io::Write as _;
use std::process::ExitCode;

use super::app::open_component;
use super::fail;
use crate::bindings::exports::tandem::calendar::recurrence::{ExplainError, Question};
use crate::bindings::tandem::calendar::types::StorageError;
use crate::config::Config;
use crate::store::CalendarRow;

/// What is asked for.
#[derive(clap::Args)]
pub(super) struct Options {
    /// The event's uid.
    event: String,
    /// The calendar; needed only when more than one has an event with this uid.
    #[arg(long, value_name = "ID")]
    calendar: Option<String>,
    /// The tenant; needed only when the settings name more than one.
    #[arg(long, value_name = "ID")]
    tenant: Option<String>,
    /// Occurrences from this time on: RFC 3339 [default: now].
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// How many of the next occurrences.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100))]
    limit: u32,
}

/// Look it up, print the text.
pub(super) fn run(config: Config, options: Options) -> Result<(), ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| fail(&error, 1))?;
    let text = runtime.block_on(explain(config, options))?;
    std::io::stdout().write_all(text.as_bytes()).map_err(|error| fail(&error, 1))
}

async fn explain(config: Config, options: Options) -> Result<String, ExitCode> {
    let from_ms = options.from.as_deref().map(time_ms).transpose().map_err(|error| fail(&error, 2))?;
    let tenant = tenant(&config, options.tenant).map_err(|error| fail(&error, 2))?;
    let path = config.store.path.clone();
    if !path.exists() {
        let text =
            format!("there is no database {} yet; run `tandem serve` first, or name its settings", path.display());
        return Err(fail(&text, 2));
    }
    let (store, component) = open_component(&config).await.map_err(|error| fail(&error, 1))?;
    let unavailable = |_: StorageError| fail(&"the database does not answer; try again", 1);
    let mut found: Vec<CalendarRow> = Vec::new();
    for calendar in store.calendars(&tenant).await.map_err(unavailable)? {
        let asked = options.calendar.as_ref().is_none_or(|id| *id == calendar.id);
        let event = store.event(&tenant, &calendar.id, &options.event).await.map_err(unavailable)?;
        if asked && event.is_some_and(|event| !event.deleted) {
            found.push(calendar);
        }
    }
    let calendar = match found.as_slice() {
        [calendar] => calendar.clone(),
        [] => {
            let text =
                format!("tenant {tenant} has no such event; `GET /v1/tenants/{tenant}/calendars/ID/events` lists them");
            return Err(fail(&text, 1));
        }
        several => {
            let ids: Vec<&str> = several.iter().map(|calendar| calendar.id.as_str()).collect();
            return Err(fail(&format!("several calendars have it; add --calendar, one of: {}", ids.join(", ")), 2));
        }
    };
    let question = Question {
        calendar: calendar.id,
        uid: options.event,
        from_ms,
        time_zone: calendar.time_zone,
        limit: options.limit,
    };
    match component.explain(&tenant, question).await.map_err(|error| fail(&error, 1))? {
        Ok(explanation) => Ok(explanation.text),
        Err(ExplainError::NotFound) => Err(fail(&"the event was deleted a moment ago", 1)),
        Err(ExplainError::Invalid(why)) => Err(fail(&why, 2)),
        Err(ExplainError::Storage(error)) => Err(unavailable(error)),
    }
}

/// The tenant that was named, or the only one of the settings.
fn tenant(config: &Config, named: Option<String>) -> Result<String, String> {
    let mut known: Vec<&str> = config.calendars.iter().map(|calendar| calendar.tenant.as_str()).collect();
    known.sort_unstable();
    known.dedup();
    match (named, known.as_slice()) {
        (Some(named), _) => Ok(named),
        (None, [only]) => Ok((*only).to_owned()),
        (None, []) => Err("the settings name no calendar; add --tenant".to_owned()),
        (None, several) => Err(format!("add --tenant, one of: {}", several.join(", "))),
    }
}

fn time_ms(text: &str) -> Result<u64, String> {
    let time = chrono::DateTime::parse_from_rfc3339(text).ok();
    let ms = time.and_then(|time| u64::try_from(time.timestamp_millis()).ok());
    ms.ok_or_else(|| "--from: write a time like 2026-03-02T09:00:00Z".to_owned())
}
