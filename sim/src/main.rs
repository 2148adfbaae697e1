//! `cargo sim`: see `docs/simulation.md`.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    log_sim::command::Cli::parse().run()
}
