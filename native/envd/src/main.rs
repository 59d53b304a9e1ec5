//! Chooses the role: PID 1 boots a guest, `envd serve` is its server.

use std::process::ExitCode;

use envd::arguments::{Serve, USAGE};
use envd::{boot, serve};

fn main() -> ExitCode {
    if std::process::id() == 1 {
        boot::run();
    }
    let mut arguments = std::env::args().skip(1);
    let outcome = match arguments.next().as_deref() {
        Some("serve") => Serve::parse(arguments)
            .and_then(|options| serve::run(&options).map_err(|error| error.to_string())),
        _ => Err(USAGE.to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("envd: {why}");
            ExitCode::FAILURE
        }
    }
}
