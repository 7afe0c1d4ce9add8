//! The program `tandem`.

fn main() -> std::process::ExitCode {
    tandem_host::cli::run()
}
