//! The floors of `./roost bench` (docs/bench.md), as far as a script cannot do them: each does what a
//! part of Roost does in the fewest steps that there are, without what makes it safe, told apart or
//! repeatable. And the program that plays the guest where only memory is measured.
//!
//! It is no part of any Roost that somebody uses: the workspace does not build it by default.

mod arguments;
mod layer;
mod machine;
mod page_server;
mod plan;
mod save;
mod touch;

use std::error::Error;
use std::process::ExitCode;

use arguments::Arguments;

/// What went wrong, for whoever runs the benchmark.
type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let command = words.next().unwrap_or_default();
    let done = Arguments::parse(words).and_then(|arguments| match &command[..] {
        "layer" => layer::write(&arguments),
        "machine" => machine::become_machine(&arguments),
        "page-server" => page_server::serve(&arguments),
        "save" => save::save(&arguments),
        "touch" => touch::touch(&arguments),
        _ => Err(format!("no such command: {command:?}").into()),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("roost-bench {command}: {error}");
            ExitCode::FAILURE
        }
    }
}
