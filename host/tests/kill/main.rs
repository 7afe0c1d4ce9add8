//! `tandem serve` is killed (SIGKILL) at random moments while applications edit, people edit at both providers, and
//! webhooks come in; then it starts again on its database. In the end nothing that was acknowledged is missing, nothing is
//! there twice, and all sides are equal.
//!
//! `TANDEM_KILLS=100 cargo test -p tandem-host --test kill -- --nocapture` kills 100 times, half of them with each
//! idea of durability; 4 times otherwise. `TANDEM_KILL_SEED` chooses other moments.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test may stop at the first surprise, and the figures are its report"
)]

mod check;
mod load;
mod server;
mod sides;

use std::time::Duration;

use load::Load;
use server::Server;
use sides::Sides;

/// Kills when nobody asks for more, over both ideas of durability.
const KILLS: u64 = 4;
/// The longest life of a process that is going to be killed, in milliseconds; the start takes a part of it.
const LONGEST_LIFE_MS: u64 = 3_000;
/// A bound on settling, not a measure of time: leases of the last killed process end after 5 s, retries come later.
const SETTLING: Duration = Duration::from_secs(240);

fn variable(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.parse().expect("the variable holds a number"))
}

/// The same moments for the same seed (splitmix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (z ^ (z >> 27)) % n
    }
}

async fn survives(synchronous: &str) {
    let kills = variable("TANDEM_KILLS", KILLS).div_ceil(2);
    let mut dice = Dice(variable("TANDEM_KILL_SEED", 1));
    let sides = Sides::start().await;
    let server = Server::new(&sides, synchronous).await;
    let load = Load::start(&sides, server.addr);
    let mut listened = 0;
    for _ in 0..kills {
        let process = server.spawn();
        tokio::time::sleep(Duration::from_millis(dice.below(LONGEST_LIFE_MS))).await;
        listened += u64::from(process.kill());
    }
    let process = server.spawn();
    // A time of peace, so that also a run of few kills has edits that are acknowledged.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let done = load.stop().await;
    let figures = check::settled(&sides, &server, &done, SETTLING).await;
    process.end();
    server.database_is_whole();
    println!("{synchronous}: {kills} kills, {listened} of them while it listened; {figures}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_synchronous_full() {
    survives("full").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_synchronous_normal() {
    survives("normal").await;
}
