//! `apicensus`: parse, do, print the error chain once, exit.

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use sensor::cli::Cli;
use sensor::command;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match command::execute(&cli) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            let mut line = format!("error: {failure}");
            let mut cause = failure.source();
            while let Some(error) = cause {
                line.push_str(&format!(": {error}"));
                cause = error.source();
            }
            eprintln!("{line}");
            ExitCode::from(failure.exit_code())
        }
    }
}
