//! What a request to start a process means: for which user, where, with which environment.

use std::collections::BTreeMap;

use axum::http::HeaderMap;
use connectrpc::ConnectError;

use super::launch::{DEFAULT_PATH, Folder, Launch};
use super::streams::Wanted;
use super::terminal::Size;
use crate::agent::Agent;
use crate::credentials;
use crate::r#gen::process::{PTY, ProcessConfig, StartRequest};
use crate::paths;
use crate::users::User;

/// What terminals can do that are asked for without a word on it; those of E2B's clients say the same.
const USUAL_TERM: &str = "xterm-256color";

/// What the process is connected to.
pub fn streams(request: &StartRequest) -> Result<Wanted, ConnectError> {
    Ok(match (request.pty.as_option(), request.stdin) {
        (Some(pty), _) => Wanted::Terminal(size(pty)?),
        (None, Some(false)) => Wanted::PipesWithoutInput,
        (None, None | Some(true)) => Wanted::Pipes,
    })
}

/// The size of a terminal that a message tells.
pub fn size(pty: &PTY) -> Result<Size, ConnectError> {
    let Some(told) = pty.size.as_option() else {
        return Ok(Size::default());
    };
    let cells = |number: u32| {
        u16::try_from(number).map_err(|_| {
            ConnectError::invalid_argument("a terminal has at most 65535 columns and rows")
        })
    };
    Ok(Size {
        columns: cells(told.cols)?,
        rows: cells(told.rows)?,
    })
}

/// The process that `config` describes.
pub fn launch(
    agent: &Agent,
    headers: &HeaderMap,
    config: &ProcessConfig,
    streams: Wanted,
) -> Result<Launch, ConnectError> {
    let user = agent.user(credentials::user_name(headers).as_deref());
    let user = user.map_err(|unknown| ConnectError::unauthenticated(unknown.to_string()))?;
    let usual = agent.folder_of(&user);
    let folder = match config.cwd.as_deref() {
        None | Some("") => Folder::Usual(usual),
        Some(cwd) => {
            let path = paths::absolute(cwd, &user, &usual);
            Folder::Asked(path.map_err(|bad| ConnectError::invalid_argument(bad.to_string()))?)
        }
    };
    Ok(Launch {
        command: config.cmd.clone(),
        arguments: config.args.clone(),
        environment: environment(streams, &agent.session.current().environment, &user, config),
        folder,
        groups: agent.accounts.groups_of(&user),
        user,
        streams,
    })
}

/// Later ones win: what is usual, the sandbox's, what belongs to the user, the request's.
fn environment(
    streams: Wanted,
    of_sandbox: &BTreeMap<String, String>,
    user: &User,
    config: &ProcessConfig,
) -> BTreeMap<String, String> {
    let mut environment = BTreeMap::from([("PATH".to_owned(), DEFAULT_PATH.to_owned())]);
    if let Wanted::Terminal(_) = streams {
        environment.insert("TERM".to_owned(), USUAL_TERM.to_owned());
    }
    environment.extend(of_sandbox.clone());
    environment.extend([
        ("HOME".to_owned(), user.home.to_string_lossy().into_owned()),
        ("USER".to_owned(), user.name.clone()),
        ("LOGNAME".to_owned(), user.name.clone()),
        (
            "SHELL".to_owned(),
            user.shell.to_string_lossy().into_owned(),
        ),
    ]);
    environment.extend(
        config
            .envs
            .iter()
            .map(|(name, value)| (name.clone(), value.clone())),
    );
    environment
}
