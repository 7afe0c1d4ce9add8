//! The one thread that writes: everything that waits goes into one transaction, and one sync of the disk makes all
//! of it durable.
//!
//! Invariants: nobody is answered before the commit; a job that fails leaves nothing and does not disturb the others
//! of its group (each has a savepoint); if the commit fails, everybody of the group is told.

use std::sync::Arc;
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::{Notify, mpsc, oneshot};

use super::marks::MarksJob;
use super::readers::ReadTask;
use crate::bindings::tandem::calendar::types::StorageError;
use crate::store::Stored;

/// Jobs that may wait for the writer; more make their callers wait.
const WAITING: usize = 4_096;

/// Rows (roughly) after which a group is closed, so that small writes do not wait behind many large ones: some 30 ms.
const GROUP_ROWS: usize = 4_096;

/// What a job sees.
pub(super) struct Session<'c> {
    /// The connection, inside the group's transaction.
    pub(super) connection: &'c Connection,
    /// Set by a job that made a replica due.
    pub(super) made_due: bool,
}

/// Tells the caller, after the commit (`true`) or its failure.
type Answer = Box<dyn FnOnce(bool) + Send>;
/// Runs inside the transaction; tells whether it succeeded, and how to answer.
type Task = Box<dyn FnOnce(&mut Session<'_>) -> (bool, Answer) + Send>;

enum Job {
    Task(usize, Task),
    Marks(MarksJob),
    /// Only for a database in memory, which has one connection: runs after the commit.
    Read(ReadTask),
}

/// The sending side.
pub(super) struct Writer {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Start the thread; `due` is woken when a commit made a replica due.
    pub(super) fn start(connection: Connection, due: Arc<Notify>) -> std::io::Result<Self> {
        let (jobs, waiting) = mpsc::channel(WAITING);
        let thread = std::thread::Builder::new().name("tandem-write".into());
        let thread = thread.spawn(move || serve(&connection, waiting, &due))?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    async fn send(&self, job: Job) -> Stored<()> {
        let jobs = self.jobs.as_ref().ok_or(StorageError::Unavailable)?;
        jobs.send(job).await.map_err(|_| StorageError::Unavailable)
    }

    /// Run a write of about so many rows; the answer comes when it is durable.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        rows: usize,
        write: impl FnOnce(&mut Session<'_>) -> Stored<T> + Send + 'static,
    ) -> Stored<T> {
        let (answer, answered) = oneshot::channel();
        let task: Task = Box::new(move |session| {
            let result = write(session);
            let succeeded = result.is_ok();
            let tell = move |committed: bool| {
                // A failed job wrote nothing, so its own error stands whatever became of the group.
                let result = if committed || result.is_err() { result } else { Err(StorageError::Unavailable) };
                let _ = answer.send(result);
            };
            (succeeded, Box::new(tell))
        });
        self.send(Job::Task(rows, task)).await?;
        answered.await.unwrap_or(Err(StorageError::Unavailable))
    }

    /// Note marks; all that wait share their lookups.
    pub(super) async fn marks(&self, job: MarksJob) -> Stored<()> {
        self.send(Job::Marks(job)).await
    }

    /// Read on the writer's connection.
    pub(super) async fn read(&self, task: ReadTask) -> Stored<()> {
        self.send(Job::Read(task)).await
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[derive(Default)]
struct Group {
    tasks: Vec<Task>,
    marks: Vec<MarksJob>,
    reads: Vec<ReadTask>,
    rows: usize,
}

impl Group {
    fn add(&mut self, job: Job) {
        match job {
            Job::Task(rows, task) => {
                self.rows += rows.max(1);
                self.tasks.push(task);
            }
            Job::Marks(job) => {
                self.rows += job.marks.len().max(1);
                self.marks.push(job);
            }
            Job::Read(task) => self.reads.push(task),
        }
    }
}

fn serve(connection: &Connection, mut waiting: mpsc::Receiver<Job>, due: &Notify) {
    while let Some(first) = waiting.blocking_recv() {
        let mut group = Group::default();
        group.add(first);
        while group.rows < GROUP_ROWS
            && let Ok(job) = waiting.try_recv()
        {
            group.add(job);
        }
        let reads = std::mem::take(&mut group.reads);
        if group.rows > 0 {
            write(connection, group, due);
        }
        for read in reads {
            read(connection);
        }
    }
}

/// Write one group, wake the scheduler if a replica became due, and answer everybody.
fn write(connection: &Connection, group: Group, due: &Notify) {
    let mut answers = Vec::with_capacity(group.tasks.len() + group.marks.len());
    let mut made_due = false;
    let committed = match in_transaction(connection, group, &mut answers, &mut made_due) {
        Ok(()) => true,
        Err(error) => {
            tracing::error!(code = ?error.sqlite_error_code(), "a group of writes could not be committed");
            if !connection.is_autocommit() && connection.execute_batch("ROLLBACK").is_err() {
                tracing::error!("a failed group of writes could not be rolled back");
            }
            false
        }
    };
    if committed && made_due {
        due.notify_one();
    }
    for answer in answers {
        answer(committed);
    }
}

fn in_transaction(
    connection: &Connection,
    group: Group,
    answers: &mut Vec<Answer>,
    made_due: &mut bool,
) -> rusqlite::Result<()> {
    let statement = |sql: &str| connection.prepare_cached(sql)?.execute([]).map(drop);
    statement("BEGIN IMMEDIATE")?;
    let marks = group.marks;
    let marks: Option<Task> = (!marks.is_empty())
        .then(|| Box::new(move |session: &mut Session<'_>| super::marks::note_all(session, marks)) as Task);
    for task in group.tasks.into_iter().chain(marks) {
        statement("SAVEPOINT job")?;
        let mut session = Session { connection, made_due: false };
        let (succeeded, answer) = task(&mut session);
        answers.push(answer);
        if succeeded {
            *made_due |= session.made_due;
        } else {
            // Fails when SQLite has ended the transaction itself (disk full, I/O error): then nothing of the group
            // stands.
            statement("ROLLBACK TO job")?;
        }
        statement("RELEASE job")?;
    }
    statement("COMMIT")
}
