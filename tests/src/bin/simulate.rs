//! Lives random histories and says what does not hold.
//!
//! `simulate -- --seeds N [--from SEED] [--native|--component] [--threads N]` runs many, `--replay FILE` one that was
//! written down, `--seed N` one seed; `--trace` prints everything that crosses the engine's boundary.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it is a program for people")]

use std::process::ExitCode;

use tandem_tests::simulation::run;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run::Order::parse(&arguments) {
        Ok(order) => run::run(&order),
        Err(error) => {
            eprintln!("{error}\n{}", run::USAGE);
            ExitCode::from(2)
        }
    }
}
