//! What goes wrong with processes, as Connect errors. Which code means what is documented in `docs/formats/envd.md`: the host tells
//! them apart by it.

use connectrpc::ConnectError;

use super::input::{InputError, Kind};
use super::launch::LaunchError;
use super::process::Process;

/// Why a process took no input, or no size.
pub fn of_input(process: &Process, error: InputError) -> ConnectError {
    let pid = process.pid;
    if process.is_over() {
        return ConnectError::not_found(format!("process {pid} has ended"));
    }
    ConnectError::failed_precondition(match error {
        InputError::Closed => format!("process {pid} has no input, or it was closed"),
        InputError::Broken => format!("process {pid} has closed its input"),
        InputError::IsA(Kind::Terminal) => format!(
            "process {pid} has a terminal: it takes pty input, and Ctrl-D (byte 4) where others get the end"
        ),
        InputError::IsA(Kind::Pipe) => {
            format!("process {pid} has no terminal: it takes stdin input, and has no size")
        }
    })
}

/// Why there is no process.
pub fn of_launch(error: LaunchError) -> ConnectError {
    match error {
        LaunchError::BadText(why) => ConnectError::invalid_argument(why),
        LaunchError::BadFolder(folder, cause) => {
            ConnectError::invalid_argument(format!("cannot work in {}: {cause}", folder.display()))
        }
        LaunchError::NotFound(command) => {
            ConnectError::not_found(format!("command not found: {command}"))
        }
        LaunchError::NotExecutable(program, cause) => ConnectError::permission_denied(format!(
            "cannot execute {}: {cause}",
            program.display()
        )),
        LaunchError::NoRoom(cause) => {
            ConnectError::resource_exhausted(format!("no room for another process: {cause}"))
        }
        LaunchError::Failed(step, cause) => {
            ConnectError::internal(format!("cannot start: {step}: {cause}"))
        }
    }
}
