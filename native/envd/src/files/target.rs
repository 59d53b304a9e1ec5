//! Which file a request means, and for whom.

use std::path::PathBuf;

use axum::extract::{self, rejection::QueryRejection};
use axum::http::{HeaderMap, StatusCode};
use serde::Deserialize;

use crate::agent::Agent;
use crate::credentials;
use crate::paths;
use crate::server::HttpError;
use crate::users::User;

/// The query of `/files`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Query {
    pub path: Option<String>,
    pub username: Option<String>,
}

/// The query as it came, or why it is none.
pub fn query(given: Result<extract::Query<Query>, QueryRejection>) -> Result<Query, HttpError> {
    let extract::Query(query) =
        given.map_err(|refused| HttpError::bad_request(refused.body_text()))?;
    Ok(query)
}

/// The user that the request itself names, else the one of HTTP Basic, else the default one.
pub fn user(agent: &Agent, named: Option<&str>, headers: &HeaderMap) -> Result<User, HttpError> {
    let basic = credentials::user_name(headers);
    let named = named.filter(|name| !name.is_empty()).or(basic.as_deref());
    agent
        .user(named)
        .map_err(|unknown| HttpError::new(StatusCode::UNAUTHORIZED, unknown.to_string()))
}

/// The absolute path, which must be given.
pub fn path(agent: &Agent, user: &User, path: Option<&str>) -> Result<PathBuf, HttpError> {
    let path = path
        .filter(|path| !path.is_empty())
        .ok_or_else(|| HttpError::bad_request("the path is missing"))?;
    paths::absolute(path, user, &agent.folder_of(user))
        .map_err(|bad| HttpError::bad_request(bad.to_string()))
}

/// What a failure on a file is to the client.
pub fn io_error(path: &std::path::Path, error: &std::io::Error) -> HttpError {
    use std::io::ErrorKind as Kind;
    let status = match error.kind() {
        Kind::NotFound => StatusCode::NOT_FOUND,
        Kind::NotADirectory | Kind::IsADirectory | Kind::InvalidFilename | Kind::InvalidInput => {
            StatusCode::BAD_REQUEST
        }
        Kind::PermissionDenied | Kind::ReadOnlyFilesystem => StatusCode::FORBIDDEN,
        Kind::StorageFull | Kind::QuotaExceeded => StatusCode::INSUFFICIENT_STORAGE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    HttpError::new(status, format!("{}: {error}", path.display()))
}
