//! Benchmarks of the component as it ships, in the host as it ships, against bars.
//!
//! `cargo run --release -p tandem-bench -- [--quick] [first-sync] [delta] [webhook] [start] [recurrence]`; without names all parts
//! run. A number is the median of several runs. Nothing fails for being slow: times depend on the machine, so what is
//! printed is how many times better or worse than its bar each number is.

#![allow(
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a program whose output is a table, and which may stop at a mistake of its own"
)]

mod delta;
mod dialect;
mod first_sync;
mod google;
mod memory_store;
mod microsoft;
mod pages;
mod provider;
mod recurrence;
mod report;
mod rig;
mod start;
mod webhook;

use report::Report;

/// What may go wrong; the text is for the person who runs it.
type Failed = Box<dyn std::error::Error + Send + Sync>;

const PARTS: [&str; 5] = ["start", "first-sync", "delta", "webhook", "recurrence"];

#[tokio::main]
async fn main() -> Result<(), Failed> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let named: Vec<&str> = arguments.iter().map(String::as_str).filter(|argument| *argument != "--quick").collect();
    if let Some(unknown) = named.iter().find(|name| !PARTS.contains(name)) {
        return Err(
            format!("{unknown} is no part; parts are {}, and --quick makes them smaller", PARTS.join(", ")).into()
        );
    }
    if cfg!(debug_assertions) {
        println!("a debug build: its numbers say nothing; use --release");
    }
    let mut report = Report::default();
    for part in PARTS.into_iter().filter(|part| named.is_empty() || named.contains(part)) {
        match part {
            "start" => start::run(&mut report, quick).await?,
            "first-sync" => first_sync::run(&mut report, quick).await?,
            "delta" => delta::run(&mut report, quick).await?,
            "recurrence" => recurrence::run(&mut report, quick).await?,
            _ => webhook::run(&mut report, quick).await?,
        }
    }
    report.print();
    Ok(())
}
