//! Reader threads, each with its own connection.
//!
//! Invariant: every read sees one snapshot of the last commit, and never waits for the writer. Threads of our own
//! rather than the runtime's blocking pool: a read takes some 10 us, less than starting a blocking task.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;

use rusqlite::Connection;

/// A read with its answer inside.
pub(super) type ReadTask = Box<dyn FnOnce(&Connection) + Send>;

#[derive(Default)]
struct Waiting {
    tasks: VecDeque<ReadTask>,
    closed: bool,
}

#[derive(Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    wake: Condvar,
}

/// The pool.
pub(super) struct Readers {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl Readers {
    /// One thread for each connection.
    pub(super) fn start(connections: Vec<Connection>) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let mut threads = Vec::new();
        for connection in connections {
            let shared = Arc::clone(&shared);
            let thread = std::thread::Builder::new().name("tandem-read".into());
            threads.push(thread.spawn(move || serve(&shared, &connection))?);
        }
        Ok(Self { shared, threads })
    }

    /// Queue a read. How many can wait is bounded by the calls that wait for them.
    pub(super) fn submit(&self, task: ReadTask) {
        self.shared.waiting.lock().unwrap_or_else(PoisonError::into_inner).tasks.push_back(task);
        self.shared.wake.notify_one();
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.shared.waiting.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
        self.shared.wake.notify_all();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn serve(shared: &Shared, connection: &Connection) {
    loop {
        let mut waiting = shared.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let task = loop {
            if let Some(task) = waiting.tasks.pop_front() {
                break task;
            }
            if waiting.closed {
                return;
            }
            waiting = shared.wake.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        };
        drop(waiting);
        task(connection);
    }
}

/// Run `read` on one snapshot.
pub(super) fn on_snapshot<T>(connection: &Connection, read: impl FnOnce(&Connection) -> T) -> rusqlite::Result<T> {
    connection.prepare_cached("BEGIN")?.execute([])?;
    let result = read(connection);
    connection.prepare_cached("COMMIT")?.execute([])?;
    Ok(result)
}
