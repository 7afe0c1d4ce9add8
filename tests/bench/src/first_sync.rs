//! The first sync of a large calendar: rows a second from the provider's socket into the store.

use std::path::Path;
use std::sync::Arc;

use tandem_host::store::Store;
use tandem_host::store::sqlite::SqliteStore;

use crate::Failed;
use crate::memory_store::MemoryStore;
use crate::pages::Pages;
use crate::report::{Bar, Report};
use crate::rig::Rig;

/// Into a store in memory, then into SQLite.
pub(crate) async fn run(report: &mut Report, quick: bool) -> Result<(), Failed> {
    let (rows, runs) = if quick { (10_000, 3) } else { (50_000, 5) };
    let pages = Arc::new(Pages::new()?);
    let dir = tempfile::tempdir()?;
    let mut memory = Vec::new();
    let mut durable = Vec::new();
    for run in 0..runs {
        memory.push(once(Arc::new(MemoryStore::default()), &pages, rows, dir.path()).await?);
        let path = dir.path().join(format!("{run}.db"));
        durable.push(once(Arc::new(SqliteStore::open(&path)?), &pages, rows, dir.path()).await?);
        std::fs::remove_file(path)?;
    }
    report.add(format!("first sync, {rows} rows, store in memory"), &memory, "rows/s", Bar::Above(100_000.0));
    report.add(format!("first sync, {rows} rows, SQLite"), &durable, "rows/s", Bar::Above(30_000.0));
    Ok(())
}

async fn once(store: Arc<dyn Store>, pages: &Arc<Pages>, rows: usize, dir: &Path) -> Result<f64, Failed> {
    let rig = Rig::new(store, dir, false).await?;
    rig.add_replica("work").await?;
    rig.prepare(pages, rows);
    let settled = rig.settle().await?;
    if settled.pulled as usize != rows {
        return Err(format!("{} rows were pulled, not {rows}", settled.pulled).into());
    }
    Ok(f64::from(settled.pulled) / settled.whole.as_secs_f64())
}
