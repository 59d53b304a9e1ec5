//! What a request to start a process means: for which user, where, with which environment.

use std::collections::BTreeMap;

use axum::http::HeaderMap;
use connectrpc::ConnectError;

use super::launch::{DEFAULT_PATH, Folder, Launch};
use super::pipes::Stdin;
use crate::agent::Agent;
use crate::credentials;
use crate::r#gen::process::ProcessConfig;
use crate::paths;
use crate::users::User;

/// The process that `config` describes.
pub fn launch(
    agent: &Agent,
    headers: &HeaderMap,
    config: &ProcessConfig,
    stdin: Stdin,
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
        environment: environment(&agent.session.current().environment, &user, config),
        folder,
        groups: agent.accounts.groups_of(&user),
        user,
        stdin,
    })
}

/// Later ones win: the sandbox's, what belongs to the user, the request's.
fn environment(
    of_sandbox: &BTreeMap<String, String>,
    user: &User,
    config: &ProcessConfig,
) -> BTreeMap<String, String> {
    let mut environment = BTreeMap::from([("PATH".to_owned(), DEFAULT_PATH.to_owned())]);
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
