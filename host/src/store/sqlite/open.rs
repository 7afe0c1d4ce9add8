//! Opening a database file: look first, then migrate.
//!
//! Invariant: a file that is refused (newer, damaged, of another program) is byte for byte as it was. So the first
//! look is read-only, and writing starts only after it.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use crate::store::OpenError;

/// `Tndm`: marks our files (SQLite's application id).
pub(super) const APPLICATION_ID: i64 = 0x546e_646d;

/// The migrations, in order; the schema's version is how many were applied.
const MIGRATIONS: &[(&str, &str)] = &[("0001_initial", include_str!("../../../migrations/sqlite/0001_initial.sql"))];

/// Files up to this many bytes are checked page by page at every start; that takes a tenth of a second. Damage in
/// larger ones is found when the page is read.
const FULL_CHECK_BYTES: u64 = 64 << 20;

/// How long a statement waits for another process that has the file locked, in milliseconds.
const BUSY_TIMEOUT_MS: u64 = 5_000;

/// Pages that one connection may keep in memory, in KiB. Taken only as far as it is used; a first listing uses it for
/// the indexes that it fills in random order.
const CACHE_KIB: i64 = 131_072;

/// Prepared statements kept by a connection; more than there are in this module.
const STATEMENTS: usize = 160;

/// The newest schema that this program knows.
pub(super) fn newest() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// When a commit counts as durable. The end of the process loses no commit either way: what was written is with the
/// operating system then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Synchronous {
    /// The log is synced at every commit: a power cut loses nothing that was acknowledged.
    #[default]
    Full,
    /// The log is synced when it is folded into the file: a power cut may lose the last commits, never the file.
    Normal,
}

impl Synchronous {
    fn word(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Normal => "normal",
        }
    }
}

/// Check a file, create it if it is missing, migrate it, and give a connection that may write.
pub(super) fn open_writer(path: &Path, synchronous: Synchronous) -> Result<Connection, OpenError> {
    inspect(path)?;
    let connection = Connection::open(path).map_err(|error| unreachable(path, &error))?;
    prepare(connection, synchronous).map_err(|error| unreachable(path, &error))
}

/// A database in memory, gone with its connection.
pub(super) fn open_memory() -> rusqlite::Result<Connection> {
    prepare(Connection::open_in_memory()?, Synchronous::Full)
}

/// A connection that only reads.
pub(super) fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    // Not SQLITE_OPEN_READ_ONLY: the last connection that closes folds the log into the file, whichever it is.
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | no_mutex())?;
    tune(&connection)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

/// A connection is used by one thread at a time, so SQLite's own lock is not needed.
fn no_mutex() -> OpenFlags {
    OpenFlags::SQLITE_OPEN_NO_MUTEX
}

fn unreachable(path: &Path, error: &rusqlite::Error) -> OpenError {
    OpenError::Unreachable(path.display().to_string(), error.to_string())
}

fn corrupt(path: &Path, what: impl ToString) -> OpenError {
    OpenError::Corrupt(path.display().to_string(), what.to_string())
}

/// Refuse what must not be written to.
fn inspect(path: &Path) -> Result<(), OpenError> {
    let Some(bytes) = read_header(path)? else { return Ok(()) };
    let connection = open_untouching(path).map_err(|error| corrupt(path, error))?;
    let application: i64 = pragma(&connection, "application_id").map_err(|error| corrupt(path, error))?;
    let version: i64 = pragma(&connection, "user_version").map_err(|error| corrupt(path, error))?;
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(|error| corrupt(path, error))?;
    if application != APPLICATION_ID {
        // A file without tables is new: somebody made an empty database for us.
        if tables == 0 && application == 0 {
            return Ok(());
        }
        return Err(OpenError::Foreign(path.display().to_string()));
    }
    if version > newest() {
        return Err(OpenError::Newer(path.display().to_string(), version, newest()));
    }
    if bytes <= FULL_CHECK_BYTES {
        let verdict: String = pragma(&connection, "quick_check(1)").map_err(|error| corrupt(path, error))?;
        if verdict != "ok" {
            return Err(corrupt(path, "a page is damaged"));
        }
    }
    Ok(())
}

/// The file's size in bytes, once it is known to be a whole SQLite file; none for a missing or empty one.
fn read_header(path: &Path) -> Result<Option<u64>, OpenError> {
    let io = |error: std::io::Error| OpenError::Unreachable(path.display().to_string(), error.to_string());
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io(error)),
    };
    let bytes = file.metadata().map_err(io)?.len();
    if bytes == 0 {
        return Ok(None);
    }
    let mut header = [0_u8; 100];
    if file.read_exact(&mut header).is_err() || !header.starts_with(b"SQLite format 3\0") {
        return Err(corrupt(path, "it is not an SQLite database"));
    }
    let [.., a, b, c, d] = *header.first_chunk::<32>().unwrap_or(&[0; 32]);
    let [_, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, high, low, ..] = header;
    // A page size of 65,536 does not fit and is written as 1.
    let page = match u64::from(u16::from_be_bytes([high, low])) {
        1 => 65_536,
        size => size,
    };
    if u64::from(u32::from_be_bytes([a, b, c, d])) * page > bytes {
        return Err(corrupt(path, "it is cut off"));
    }
    Ok(Some(bytes))
}

/// Open without writing a byte. With a log beside it the file must be opened with it (the log may hold the newest
/// version number); without one SQLite is told that nothing changes, so that it creates no files.
fn open_untouching(path: &Path) -> rusqlite::Result<Connection> {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let has_log = std::fs::metadata(&log).is_ok_and(|log| log.len() > 0);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | no_mutex();
    if has_log {
        let connection = Connection::open_with_flags(path, flags)?;
        connection.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        return Ok(connection);
    }
    let uri = format!("file:{}?immutable=1", escape(path));
    Connection::open_with_flags(uri, flags | OpenFlags::SQLITE_OPEN_URI)
}

/// A path inside a `file:` URI.
fn escape(path: &Path) -> String {
    path.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23")
}

fn pragma<T: rusqlite::types::FromSql>(connection: &Connection, name: &str) -> rusqlite::Result<T> {
    connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0))
}

/// Settings of every connection.
fn tune(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(std::time::Duration::from_millis(BUSY_TIMEOUT_MS))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)
}

/// Settings of the writer, then the migrations.
fn prepare(mut connection: Connection, synchronous: Synchronous) -> rusqlite::Result<Connection> {
    tune(&connection)?;
    connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", synchronous.word())?;
    // Fold the log into the file every 64 MiB: rarely enough that a page written often is folded once.
    connection.pragma_update(None, "wal_autocheckpoint", 16_000)?;
    migrate(&mut connection)?;
    Ok(connection)
}

/// Apply what is missing, each migration in its own transaction.
fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    for (number, (name, sql)) in (1_i64..).zip(MIGRATIONS) {
        let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        // Read again inside: another process may have been faster.
        if pragma::<i64>(&transaction, "user_version")? >= number {
            continue;
        }
        transaction.execute_batch(
            "CREATE TABLE IF NOT EXISTS migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT",
        )?;
        transaction.execute_batch(sql)?;
        transaction.execute("INSERT INTO migrations (version, name) VALUES (?1, ?2)", (number, name))?;
        transaction.pragma_update(None, "user_version", number)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.commit()?;
    }
    Ok(())
}
