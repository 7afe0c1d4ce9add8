//! A flood of forged notifications: it costs no call of the store, and real ones are answered in their turn. Measured in
//! calls and answers; the times that are printed are for people (`-- --nocapture`, with `--release`), nothing depends on
//! them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test may stop at the first surprise"
)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use data_encoding::BASE64URL_NOPAD;
use sha2::{Digest as _, Sha256};
use tandem_host::clock::ManualClock;
use tandem_host::http::{Api, router, serve};
use tandem_host::runtime::COMPONENT;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

mod support;
use support::{MemoryStore, World};

/// Connections that send nothing but forged ones.
const FLOODERS: usize = 64;
/// Forged notifications at least.
const FORGED: u64 = 2_000;
/// Real ones, one after the other on one connection.
const REAL: u64 = 200;
/// Forged answers that may come between a real notification and its answer, in the middle of the run: everybody who is
/// in front has one under way, and the sockets add some. Starving would show as thousands.
const TURN: u64 = 8 * FLOODERS as u64;
/// The time of the server.
const NOW_MS: u64 = 1_800_000_000_000;

/// HMAC-SHA256 with the key of the tests' settings: the proof of a channel.
fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let padded = |with: u8| -> Vec<u8> { (0..64).map(|at| key.get(at).copied().unwrap_or(0) ^ with).collect() };
    let inner = Sha256::new().chain_update(padded(0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(padded(0x5c)).chain_update(inner).finalize().to_vec()
}

fn token(key: &[u8]) -> String {
    let claims = format!("v1:{}:acme:work", NOW_MS / 1_000 + 86_400);
    let proof = hmac(key, format!("channel\0{claims}").as_bytes());
    format!("{claims}:{}", BASE64URL_NOPAD.encode(&proof))
}

/// A notification as Google sends it.
fn notification(token: &str, number: u64) -> String {
    format!(
        "POST /webhooks/google HTTP/1.1\r\nhost: localhost\r\nx-goog-channel-id: channel\r\nx-goog-channel-token: {token}\r\n\
         x-goog-resource-state: exists\r\nx-goog-message-number: {number}\r\ncontent-length: 0\r\n\r\n"
    )
}

/// Send a request on a connection that stays open; the status of its answer.
async fn send(stream: &mut TcpStream, request: &str) -> u16 {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"}") {
        assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0, "the server closed a connection");
    }
    String::from_utf8(answer).unwrap().split(' ').nth(1).unwrap().parse().unwrap()
}

/// Real ones, one after the other, each with what came between it and its answer.
async fn real(addr: SocketAddr, forged: &AtomicU64, check: impl Fn(u64)) -> (Vec<u64>, Vec<Duration>) {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    let good = token(&[7; 32]);
    let (mut waited, mut times) = (Vec::new(), Vec::new());
    for number in 0..REAL {
        let (before, start) = (forged.load(Ordering::Relaxed), Instant::now());
        assert_eq!(send(&mut stream, &notification(&good, number)).await, 200);
        times.push(start.elapsed());
        waited.push(forged.load(Ordering::Relaxed) - before);
        check(number + 1);
    }
    waited.sort_unstable();
    times.sort_unstable();
    (waited, times)
}

/// Forged ones, each with a wrong proof, until the real ones are through and enough were sent.
async fn flood(addr: SocketAddr, sent: Arc<AtomicU64>, real_are_through: Arc<AtomicBool>) {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    let key = [8_u8; 32];
    let forged = token(&key);
    while !real_are_through.load(Ordering::Relaxed) || sent.load(Ordering::Relaxed) < FORGED {
        let number = sent.load(Ordering::Relaxed);
        assert_eq!(send(&mut stream, &notification(&forged, number)).await, 403);
        sent.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forged_notifications_cost_no_call_of_the_store_and_real_ones_have_their_turn() {
    let store = Arc::new(MemoryStore::default());
    let clock = ManualClock::new(NOW_MS);
    let world =
        World { component: COMPONENT.to_vec(), store: Arc::clone(&store), clock: clock.clone(), ..World::default() };
    let runtime = Arc::new(world.runtime().unwrap());
    let api = Api::new(store.clone(), runtime, Arc::new(clock), None);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let server = tokio::spawn(serve(listener, router(api.clone()), api.closed(), Duration::from_secs(5)));

    let (forged, real_are_through) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let (_, calm) = real(addr, &forged, |_| {}).await;
    assert_eq!(store.calls(), REAL);
    let mut flooders = JoinSet::new();
    for _ in 0..FLOODERS {
        flooders.spawn(flood(addr, Arc::clone(&forged), Arc::clone(&real_are_through)));
    }
    // The flood is there before the first real one.
    while forged.load(Ordering::Relaxed) < FLOODERS as u64 {
        tokio::task::yield_now().await;
    }
    let one_each = |number| assert_eq!(store.calls(), REAL + number, "one call for each real one, none for the others");
    one_each(0);
    let (waited, pressed) = real(addr, &forged, one_each).await;
    real_are_through.store(true, Ordering::Relaxed);
    flooders.join_all().await;
    assert!(forged.load(Ordering::Relaxed) >= FORGED);
    one_each(REAL);
    let median = waited[waited.len() / 2];
    assert!(median <= TURN, "a real notification waited behind {median} forged ones");
    let at = |times: &[Duration], percent: usize| times[times.len() * percent / 100];
    for (how, times) in [("alone", &calm), ("in the flood", &pressed)] {
        println!("a real notification {how}: p50 {:?}, p99 {:?}", at(times, 50), at(times, 99));
    }
    println!("{} forged; {median} of them between a real one and its answer", forged.load(Ordering::Relaxed));
    let counts = api.counters.counts().webhooks;
    assert_eq!((counts["changed"], counts["forged"]), (2 * REAL, forged.load(Ordering::Relaxed)));
    api.close();
    server.await.unwrap();
}
