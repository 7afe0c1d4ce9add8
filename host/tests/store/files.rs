//! SQLite files: what is refused stays untouched, what was acknowledged stays.

use std::path::Path;
use std::sync::Arc;

use tandem_host::bindings::tandem::calendar::storage::Change;
use tandem_host::store::sqlite::SqliteStore;
use tandem_host::store::{OpenError, Store};

use crate::*;

/// Opens the file, and checks that a refusal changed neither it nor its directory.
fn refuse(directory: &Directory) -> OpenError {
    let look = || {
        let mut files: Vec<_> = std::fs::read_dir(&directory.0)
            .unwrap()
            .map(|file| file.unwrap().path())
            // The index of the log is rebuilt by any reader; it holds no data.
            .filter(|path| !path.to_string_lossy().ends_with("-shm"))
            .map(|path| (path.clone(), std::fs::read(&path).unwrap()))
            .collect();
        files.sort();
        files
    };
    let before = look();
    let Err(error) = SqliteStore::open(directory.file()) else { panic!("it was opened") };
    assert!(before == look(), "a refused file was changed");
    error
}

fn sql(path: &Path, statements: &str) {
    rusqlite::Connection::open(path).unwrap().execute_batch(statements).unwrap();
}

async fn filled(directory: &Directory) {
    let store = SqliteStore::open(directory.file()).unwrap();
    furnish(&store).await;
    let changes: Vec<Change> = (0..500).map(|n| put_event(event(&format!("e{n}"), 1))).collect();
    write(&store, changes).await;
}

#[tokio::test]
async fn everything_is_there_after_reopening() {
    let directory = Directory::new();
    filled(&directory).await;
    let store = SqliteStore::open(directory.file()).unwrap();
    assert_eq!(store.list_events("a", "work", None, 1_000).await.unwrap().len(), 500);
    assert_eq!(store.changes_since("a", 0, 1_000).await.unwrap().len(), 500);
    write(&store, vec![put_event(event("more", 1))]).await;
    assert_eq!(store.changes_since("a", 500, 9).await.unwrap()[0].sequence, 501);
    store.ping().await.unwrap();
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let directory = Directory::new();
    filled(&directory).await;
    sql(&directory.file(), "PRAGMA user_version = 999");
    assert!(matches!(refuse(&directory), OpenError::Newer(_, 999, known) if known < 999));
}

#[tokio::test]
async fn a_newer_schema_that_is_only_in_the_log_is_refused() {
    let directory = Directory::new();
    filled(&directory).await;
    let writer = rusqlite::Connection::open(directory.file()).unwrap();
    writer.execute_batch("PRAGMA user_version = 999").unwrap();
    let copy = Directory::new();
    for suffix in ["", "-wal"] {
        let name = format!("tandem.db{suffix}");
        std::fs::copy(directory.0.join(&name), copy.0.join(&name)).unwrap();
    }
    assert!(matches!(refuse(&copy), OpenError::Newer(_, 999, _)));
}

#[test]
fn what_is_no_database_is_refused() {
    for bytes in [&b"hello"[..], &[7_u8; 5_000], b"SQLite format 3\0"] {
        let directory = Directory::new();
        std::fs::write(directory.file(), bytes).unwrap();
        assert!(matches!(refuse(&directory), OpenError::Corrupt(..)));
    }
}

#[tokio::test]
async fn a_cut_or_damaged_file_is_refused() {
    let directory = Directory::new();
    filled(&directory).await;
    let whole = std::fs::read(directory.file()).unwrap();
    std::fs::write(directory.file(), &whole[..whole.len() / 2]).unwrap();
    assert!(matches!(refuse(&directory), OpenError::Corrupt(..)));
    let mut damaged = whole.clone();
    let page = whole.len() / 2 / 4_096 * 4_096;
    damaged[page..page + 4_096].fill(0xa5);
    std::fs::write(directory.file(), &damaged).unwrap();
    assert!(matches!(refuse(&directory), OpenError::Corrupt(..)));
    std::fs::write(directory.file(), &whole).unwrap();
    SqliteStore::open(directory.file()).unwrap();
}

#[test]
fn a_database_of_another_program_is_refused() {
    let directory = Directory::new();
    sql(&directory.file(), "CREATE TABLE bookmarks (url TEXT); INSERT INTO bookmarks VALUES ('x')");
    assert!(matches!(refuse(&directory), OpenError::Foreign(_)));
}

#[test]
fn a_missing_directory_is_named() {
    let directory = Directory::new();
    let path = directory.0.join("none").join("tandem.db");
    let Err(OpenError::Unreachable(named, _)) = SqliteStore::open(&path) else { panic!("it was opened") };
    assert_eq!(named, path.display().to_string());
}

#[test]
fn an_empty_file_becomes_a_database() {
    let directory = Directory::new();
    std::fs::write(directory.file(), b"").unwrap();
    SqliteStore::open(directory.file()).unwrap();
    SqliteStore::open(directory.file()).unwrap();
}

/// A kill at any time: copies of the files, taken while writes go on, hold every write acknowledged before the copy
/// and no half batch.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_writes_survive_a_kill_and_no_batch_is_torn() {
    let directory = Directory::new();
    let store = Arc::new(SqliteStore::open(directory.file()).unwrap());
    furnish(&*store).await;
    let acknowledged = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let writing = tokio::spawn({
        let (store, acknowledged) = (Arc::clone(&store), Arc::clone(&acknowledged));
        async move {
            for n in 0..400 {
                let uid = format!("e{n:04}");
                let changes = vec![put_event(event(&uid, 1)), put_shadow(shadow(&uid, &uid, 1))];
                write(&*store, changes).await;
                acknowledged.store(n + 1, std::sync::atomic::Ordering::SeqCst);
            }
        }
    });
    let mut copies = Vec::new();
    while !writing.is_finished() && copies.len() < 8 {
        let sure = acknowledged.load(std::sync::atomic::Ordering::SeqCst);
        let copy = Directory::new();
        // The file first: it only changes when the log is folded into it, far above what is written here.
        for suffix in ["", "-wal"] {
            let name = format!("tandem.db{suffix}");
            std::fs::copy(directory.0.join(&name), copy.0.join(&name)).unwrap();
        }
        copies.push((sure, copy));
        tokio::time::sleep(std::time::Duration::from_millis(15)).await;
    }
    writing.await.unwrap();
    assert!(copies.iter().any(|(sure, _)| *sure > 0));
    for (sure, copy) in copies {
        let revived = SqliteStore::open(copy.file()).unwrap();
        let events = revived.list_events("a", "work", None, 1_000).await.unwrap();
        assert!(events.len() as u64 >= sure, "{} of {sure} acknowledged events", events.len());
        let uids: Vec<String> = events.iter().map(|event| event.uid.clone()).collect();
        let shadows = revived.shadows_by_uid("a", "r1", &uids).await.unwrap();
        assert!(shadows.iter().all(Option::is_some), "half a batch");
        let live = revived.count_shadows("a", "r1", 9).await.unwrap().live;
        assert_eq!((live, revived.changes_since("a", 0, 1_000).await.unwrap().len()), (uids.len() as u64, uids.len()));
    }
}

#[tokio::test]
async fn a_removal_that_was_interrupted_is_finished_at_the_next_start() {
    let directory = Directory::new();
    {
        let store = SqliteStore::open(directory.file()).unwrap();
        furnish(&store).await;
        write(&store, vec![put_shadow(shadow("e1", "g1", 1))]).await;
    }
    // What a crash right after the first write of `remove_replica` leaves.
    sql(
        &directory.file(),
        "PRAGMA foreign_keys = on; INSERT INTO removals SELECT key FROM replicas WHERE tenant = 'a';
         DELETE FROM replicas WHERE tenant = 'a'",
    );
    drop(SqliteStore::open(directory.file()).unwrap());
    let left: i64 = rusqlite::Connection::open(directory.file())
        .unwrap()
        .query_row("SELECT (SELECT count(*) FROM shadows) + (SELECT count(*) FROM removals)", [], |row| row.get(0))
        .unwrap();
    assert_eq!(left, 0);
}
