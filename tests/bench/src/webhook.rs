//! Durable acknowledgements a second: calls of `Runtime::receive`, and over HTTP with many connections kept alive.
//!
//! The caller shares the processors with the server. It writes requests made beforehand and looks only for the end of
//! each answer, so that little of what is measured is its own. No scheduler runs: marks are made, nothing is stepped.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tandem_host::bindings::exports::tandem::calendar::webhooks::Request;
use tandem_host::clock::SystemClock;
use tandem_host::http::{self, Api};
use tandem_host::store::sqlite::SqliteStore;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::Failed;
use crate::dialect::{DIALECTS, Dialect, Notice};
use crate::pages::Pages;
use crate::report::{Bar, Report, quantile};
use crate::rig::Rig;

/// Replicas, each with a channel.
const REPLICAS: usize = 100;
/// Callers at the same time.
const CALLERS: usize = 512;
/// After this a run ends, however many were done.
const LONGEST: Duration = Duration::from_secs(30);

/// Calls that are left, and the number of the next message.
#[derive(Clone)]
struct Work {
    left: Arc<AtomicU64>,
    until: Instant,
}

impl Work {
    fn of(calls: u64) -> Self {
        Self { left: Arc::new(AtomicU64::new(calls)), until: Instant::now() + LONGEST }
    }

    /// The number of the next call; none when all are done or it takes too long.
    fn next(&self) -> Option<u64> {
        let in_time = Instant::now() < self.until;
        let left = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        left.ok().filter(|_| in_time)
    }
}

/// A provider's notifications, one of each channel.
struct Notices {
    dialect: &'static dyn Dialect,
    all: Vec<Notice>,
}

impl Notices {
    fn of(&self, number: u64) -> &Notice {
        &self.all[usize::try_from(number).unwrap_or(0) % self.all.len()]
    }
}

/// Of each provider.
pub(crate) async fn run(report: &mut Report, quick: bool) -> Result<(), Failed> {
    for dialect in DIALECTS {
        of(report, dialect, quick).await?;
    }
    Ok(())
}

/// Directly, then over HTTP.
async fn of(report: &mut Report, dialect: &'static dyn Dialect, quick: bool) -> Result<(), Failed> {
    let (calls, runs) = if quick { (20_000, 1) } else { (200_000, 3) };
    let dir = tempfile::tempdir()?;
    let rig = Rig::new(Arc::new(SqliteStore::open(dir.path().join("acks.db"))?), dir.path(), true).await?;
    rig.provider.put_calendar(Arc::new(Pages::new(dialect)?), 0);
    for number in 0..REPLICAS {
        rig.add_replica(dialect, &format!("replica-{number}")).await?;
        rig.settle().await?;
    }
    let channels = rig.provider.watches();
    if channels.len() != REPLICAS {
        return Err(format!("{} channels were made, not {REPLICAS}", channels.len()).into());
    }
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let api = Api::new(rig.store.clone(), Arc::new(rig.runtime.clone()), Arc::new(SystemClock), None);
    let server = http::serve(listener, http::router(api.clone()), api.closed(), Duration::from_secs(1));
    let server = tokio::spawn(server);
    for &items in dialect.batches() {
        let all = channels.iter().map(|channel| dialect.notice(channel, items)).collect();
        let notices = Arc::new(Notices { dialect, all });
        let what = match dialect.batches() {
            [_] => format!("{} durable acks", dialect.name()),
            _ => format!("{} durable acks of {items}", dialect.name()),
        };
        for http in [false, true] {
            let mut rates = Vec::new();
            let (mut half, mut late) = (Vec::new(), Vec::new());
            for _ in 0..runs {
                let start = Instant::now();
                let times = measure(&rig, &notices, http.then_some(address), Work::of(calls)).await?;
                #[expect(clippy::cast_precision_loss, reason = "a count of samples")]
                rates.push(times.len() as f64 / start.elapsed().as_secs_f64());
                half.push(quantile(&times, 0.5));
                late.push(quantile(&times, 0.99));
            }
            let way = if http { format!("HTTP, {CALLERS} connections") } else { format!("direct, {CALLERS} callers") };
            report.add(format!("{what}, {way}"), &rates, "acks/s", Bar::Above(26_000.0));
            report.add(format!("{what}, {way}, p50"), &half, "ms", Bar::None);
            report.add(format!("{what}, {way}, p99"), &late, "ms", Bar::Below(50.0));
        }
    }
    api.close();
    server.await?;
    Ok(())
}

/// The time of each call in milliseconds.
async fn measure(
    rig: &Rig,
    notices: &Arc<Notices>,
    address: Option<std::net::SocketAddr>,
    work: Work,
) -> Result<Vec<f64>, Failed> {
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let (notices, work) = (notices.clone(), work.clone());
        match address {
            Some(address) => callers.spawn(over_http(address, notices, work)),
            None => callers.spawn(directly(rig.runtime.clone(), notices, work)),
        };
    }
    let mut times = Vec::new();
    while let Some(done) = callers.join_next().await {
        times.extend(done??);
    }
    Ok(times)
}

async fn directly(
    runtime: tandem_host::runtime::Runtime,
    notices: Arc<Notices>,
    work: Work,
) -> Result<Vec<f64>, Failed> {
    let mut times = Vec::new();
    while let Some(number) = work.next() {
        let notice = notices.of(number);
        let mut headers = notice.headers.clone();
        headers.extend(notice.counter.map(|name| (name.to_owned(), number.to_string())));
        let request = Request {
            provider: notices.dialect.kind(),
            method: "POST".into(),
            query: notice.query.clone(),
            headers,
            body: notice.body.clone().into_bytes(),
        };
        let start = Instant::now();
        let answer = runtime.receive(request).await?;
        times.push(start.elapsed().as_secs_f64() * 1_000.0);
        if answer.verdict != "changed" {
            return Err(format!("a notification was answered with {}", answer.verdict).into());
        }
    }
    Ok(times)
}

async fn over_http(address: std::net::SocketAddr, notices: Arc<Notices>, work: Work) -> Result<Vec<f64>, Failed> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut times = Vec::new();
    let path = format!("/webhooks/{}", notices.dialect.name().to_lowercase());
    let heads: Vec<String> = notices.all.iter().map(|notice| head(&path, notice)).collect();
    let (mut request, mut answer) = (String::new(), Vec::with_capacity(1_024));
    while let Some(number) = work.next() {
        let notice = notices.of(number);
        request.clear();
        request.push_str(heads.get(usize::try_from(number)? % heads.len()).ok_or("there is no channel")?);
        if let Some(name) = notice.counter {
            write!(request, "{name}: {number}\r\n")?;
        }
        request.extend(["\r\n", &notice.body]);
        answer.clear();
        let start = Instant::now();
        stream.write_all(request.as_bytes()).await?;
        // The body of every answer to a good notification is `{}`.
        while !answer.ends_with(b"\r\n\r\n{}") {
            if stream.read_buf(&mut answer).await? == 0 {
                return Err("the server closed a connection".into());
            }
        }
        times.push(start.elapsed().as_secs_f64() * 1_000.0);
        // 200 or 202, as the provider wants it.
        if !answer.starts_with(b"HTTP/1.1 20") {
            return Err("a notification was not accepted".into());
        }
    }
    Ok(times)
}

/// A request up to the number of its message.
fn head(path: &str, notice: &Notice) -> String {
    let mark = if notice.query.is_empty() { "" } else { "?" };
    let mut head = format!("POST {path}{mark}{} HTTP/1.1\r\n", notice.query);
    for (name, value) in &notice.headers {
        head.extend([name, ": ", value, "\r\n"]);
    }
    head
}
