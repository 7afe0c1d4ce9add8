//! The first sync of a large calendar: rows a second from the provider's socket into the store.

use std::path::Path;
use std::sync::Arc;

use tandem_host::store::Store;
use tandem_host::store::sqlite::SqliteStore;

use crate::Failed;
use crate::dialect::DIALECTS;
use crate::memory_store::MemoryStore;
use crate::pages::Pages;
use crate::report::{Bar, Report};
use crate::rig::Rig;

/// Of each provider into a store in memory, then into SQLite.
pub(crate) async fn run(report: &mut Report, quick: bool) -> Result<(), Failed> {
    let (rows, runs) = if quick { (10_000, 3) } else { (50_000, 5) };
    let dir = tempfile::tempdir()?;
    for dialect in DIALECTS {
        let pages = Arc::new(Pages::new(dialect)?);
        let mut memory = Vec::new();
        let mut durable = Vec::new();
        for run in 0..runs {
            memory.push(once(Arc::new(MemoryStore::default()), &pages, rows, dir.path()).await?);
            let path = dir.path().join(format!("{}-{run}.db", dialect.name()));
            durable.push(once(Arc::new(SqliteStore::open(&path)?), &pages, rows, dir.path()).await?);
            std::fs::remove_file(path)?;
        }
        let what = format!("{} first sync, {rows} rows", dialect.name());
        report.add(format!("{what}, store in memory"), &memory, "rows/s", Bar::Above(100_000.0));
        report.add(format!("{what}, SQLite"), &durable, "rows/s", Bar::Above(30_000.0));
    }
    Ok(())
}

async fn once(store: Arc<dyn Store>, pages: &Arc<Pages>, rows: usize, dir: &Path) -> Result<f64, Failed> {
    let rig = Rig::new(store, dir, false).await?;
    rig.add_replica(pages.dialect, "work").await?;
    rig.provider.prepare(pages, rows);
    let settled = rig.settle().await?;
    if settled.pulled as usize != rows || settled.failed != 0 {
        return Err(format!("{} rows were pulled and {} set aside, not {rows}", settled.pulled, settled.failed).into());
    }
    Ok(f64::from(settled.pulled) / settled.whole.as_secs_f64())
}
