//! An incremental step: its cost must not grow with the size of the calendar.

use std::path::Path;
use std::sync::Arc;

use tandem_host::clock::{Clock as _, SystemClock};
use tandem_host::store::sqlite::SqliteStore;

use crate::Failed;
use crate::dialect::DIALECTS;
use crate::pages::Pages;
use crate::report::{Bar, Report};
use crate::rig::{Rig, TENANT};

const CHANGES: usize = 100;

/// Of each provider, 100 changed events among more and more, in SQLite.
pub(crate) async fn run(report: &mut Report, quick: bool) -> Result<(), Failed> {
    let (sizes, runs): (&[usize], usize) = if quick { (&[1_000, 20_000], 11) } else { (&[1_000, 50_000, 500_000], 41) };
    for dialect in DIALECTS {
        let pages = Arc::new(Pages::new(dialect)?);
        let dir = tempfile::tempdir()?;
        for &rows in sizes {
            among(report, &pages, rows, runs, dir.path()).await?;
        }
    }
    Ok(())
}

async fn among(report: &mut Report, pages: &Arc<Pages>, rows: usize, runs: usize, dir: &Path) -> Result<(), Failed> {
    let store = Arc::new(SqliteStore::open(dir.join(format!("{rows}.db")))?);
    let rig = Rig::new(store, dir, false).await?;
    rig.add_replica(pages.dialect, "work").await?;
    // Half a million rows are half a gigabyte: pages are made when they are asked for.
    rig.provider.put_calendar(pages.clone(), rows);
    rig.settle().await?;
    let (mut steps, mut rounds) = (Vec::new(), Vec::new());
    for number in 0..runs {
        rig.provider.put_delta(number, CHANGES)?;
        let due = rig.store.resume(TENANT, "work", SystemClock.now_ms()).await;
        due.map_err(|error| format!("{error:?}"))?;
        let settled = rig.settle().await?;
        if settled.applied as usize != CHANGES {
            return Err(format!("{} events were changed, not {CHANGES}", settled.applied).into());
        }
        steps.push(settled.listing.as_secs_f64() * 1_000.0);
        rounds.push(settled.whole.as_secs_f64() * 1_000.0);
    }
    let what = format!("{} delta of {CHANGES} at {rows} rows", pages.dialect.name());
    let count = match pages.count(CHANGES) {
        1 => "the step".to_owned(),
        count => format!("{count} steps"),
    };
    report.add(format!("{what}, {count}"), &steps, "ms", Bar::Below(5.0));
    report.add(format!("{what}, claim to release"), &rounds, "ms", Bar::None);
    Ok(())
}
