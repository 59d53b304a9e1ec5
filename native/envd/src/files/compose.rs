//! `POST /files/compose`: files become one, in the order in which they are named. Large uploads come in pieces this way.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use serde::Deserialize;

use super::target;
use super::temporary::Temporary;
use super::written::Written;
use crate::agent::Agent;
use crate::metadata::Metadata;
use crate::server::HttpError;
use crate::users::User;

/// What is asked for.
#[derive(Debug, Deserialize)]
struct Composition {
    source_paths: Vec<String>,
    destination: String,
    #[serde(default)]
    username: Option<String>,
}

/// 200 with what was written; 400, 401, 404, 507. The file is there whole or not at all; the sources are removed after it is.
pub async fn compose(
    State(agent): State<Arc<Agent>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Written>, HttpError> {
    let asked: Composition = serde_json::from_slice(&body).map_err(|error| {
        HttpError::bad_request(format!("the body is not as documented: {error}"))
    })?;
    let user = target::user(&agent, asked.username.as_deref(), &headers)?;
    let destination = target::path(&agent, &user, Some(&asked.destination))?;
    let sources = asked.source_paths.iter();
    let sources = sources.map(|source| target::path(&agent, &user, Some(source)));
    let sources = sources.collect::<Result<Vec<_>, _>>()?;
    if sources.is_empty() {
        return Err(HttpError::bad_request("source_paths names no file"));
    }
    let composed = tokio::task::spawn_blocking(move || join(&sources, &destination, &user));
    let composed = composed.await;
    composed
        .map_err(|error| HttpError::internal(error.to_string()))?
        .map(Json)
}

fn join(sources: &[PathBuf], destination: &Path, user: &User) -> Result<Written, HttpError> {
    // All of them, before anything is made.
    for source in sources {
        check(source, destination)?;
    }
    let failed = |error| target::io_error(destination, &error);
    let temporary = Temporary::begin(destination, user, &Metadata::new()).map_err(failed)?;
    for source in sources {
        append(source, &temporary).map_err(|error| target::io_error(source, &error))?;
    }
    temporary.rename().map_err(failed)?;
    for source in sources {
        match fs::remove_file(source) {
            // It was named twice.
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(target::io_error(source, &error));
            }
            Ok(()) | Err(_) => {}
        }
    }
    Ok(Written::look(destination))
}

fn check(source: &Path, destination: &Path) -> Result<(), HttpError> {
    let found = fs::metadata(source).map_err(|error| target::io_error(source, &error))?;
    if !found.is_file() {
        let why = format!("{}: is not a regular file", source.display());
        return Err(HttpError::bad_request(why));
    }
    let is_destination = fs::metadata(destination)
        .is_ok_and(|there| (there.dev(), there.ino()) == (found.dev(), found.ino()));
    if is_destination {
        let why = format!("{}: is the destination itself", source.display());
        return Err(HttpError::bad_request(why));
    }
    Ok(())
}

/// Within the kernel, where it can.
fn append(source: &Path, temporary: &Temporary) -> io::Result<()> {
    let mut source = File::open(source)?;
    io::copy(&mut source, &mut &temporary.file).map(drop)
}
