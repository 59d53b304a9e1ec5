//! `POST /files`: one file as the body (`application/octet-stream`), or several as parts of a form.

use std::io;
use std::path::Path;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequest, Multipart, Query, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use futures_util::{Stream, TryStreamExt, stream};
use tokio::fs::File;
use tokio::io::AsyncWriteExt;

use super::coding::{self, Coding, Unpacker};
use super::noted;
use super::target;
use super::temporary::Temporary;
use super::written::Written;
use crate::agent::Agent;
use crate::metadata::Metadata;
use crate::server::HttpError;
use crate::users::User;

/// 200 with what was written; 400, 401, 507. A file is there whole or not at all; of several, those before one that failed
/// are there.
pub async fn upload(
    State(agent): State<Arc<Agent>>,
    query: Result<Query<target::Query>, QueryRejection>,
    request: Request,
) -> Result<Json<Vec<Written>>, HttpError> {
    let query = target::query(query)?;
    let user = target::user(&agent, query.username.as_deref(), request.headers())?;
    let noted = noted::metadata(request.headers())?;
    let request = unpacked(request)?;
    if is_form(request.headers()) {
        return upload_form(&agent, &query, &user, &noted, request).await;
    }
    let path = target::path(&agent, &user, query.path.as_deref())?;
    let body = request
        .into_body()
        .into_data_stream()
        .map_err(io::Error::other);
    Ok(Json(vec![write(&path, &user, &noted, body).await?]))
}

fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    kind.trim_start()
        .to_ascii_lowercase()
        .starts_with("multipart/form-data")
}

async fn upload_form(
    agent: &Agent,
    query: &target::Query,
    user: &User,
    noted: &Metadata,
    request: Request,
) -> Result<Json<Vec<Written>>, HttpError> {
    let mut form = Multipart::from_request(request, &())
        .await
        .map_err(|error| HttpError::bad_request(error.body_text()))?;
    let mut written = Vec::new();
    while let Some(part) = form
        .next_field()
        .await
        .map_err(|error| HttpError::bad_request(error.body_text()))?
    {
        // Fields that are no files are nothing to us.
        if part.file_name().is_none() && part.name() != Some("file") {
            continue;
        }
        // The query's path is that of a single file; the names of the parts are those of several.
        let named = query
            .path
            .as_deref()
            .filter(|path| !path.is_empty())
            .or(part.file_name());
        let path = target::path(agent, user, named)?;
        written.push(write(&path, user, noted, part.map_err(io::Error::other)).await?);
    }
    if written.is_empty() {
        return Err(HttpError::bad_request("the form holds no file"));
    }
    Ok(Json(written))
}

async fn write(
    path: &Path,
    user: &User,
    noted: &Metadata,
    body: impl Stream<Item = io::Result<Bytes>>,
) -> Result<Written, HttpError> {
    let failed = |error| target::io_error(path, &error);
    let (target, owner, noted) = (path.to_owned(), user.clone(), noted.clone());
    let begun = off_thread(move || {
        let temporary = Temporary::begin(&target, &owner, &noted)?;
        let file = temporary.file.try_clone()?;
        Ok((temporary, File::from_std(file)))
    });
    let (temporary, mut file) = begun.await.map_err(failed)?;
    let mut body = std::pin::pin!(body);
    while let Some(piece) = body
        .try_next()
        .await
        .map_err(|error| HttpError::bad_request(format!("the body broke off: {error}")))?
    {
        file.write_all(&piece).await.map_err(failed)?;
    }
    // Before that not all of it is in the file.
    file.flush().await.map_err(failed)?;
    let target = path.to_owned();
    let renamed = off_thread(move || {
        temporary.rename()?;
        Ok(Written::look(&target))
    });
    renamed.await.map_err(failed)
}

/// Finding and making folders may wait for the disk, which the server's thread must not.
async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await?
}

/// The request with its body as the client meant it.
fn unpacked(request: Request) -> Result<Request, HttpError> {
    let coding = coding::of_body(request.headers()).map_err(|coding| {
        HttpError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            format!("a body coded as {coding:?} cannot be read: gzip can"),
        )
    })?;
    match coding {
        Coding::Identity => Ok(request),
        Coding::Gzip => Ok(request.map(|body| Body::from_stream(unpack(body)))),
    }
}

fn unpack(body: Body) -> impl Stream<Item = io::Result<Bytes>> {
    let state = (body.into_data_stream(), Some(Unpacker::new()), Bytes::new());
    stream::try_unfold(state, |(mut packed, unpacker, mut piece)| async move {
        let Some(mut unpacker) = unpacker else {
            return Ok(None);
        };
        if piece.is_empty() {
            match packed.try_next().await.map_err(io::Error::other)? {
                Some(next) => piece = next,
                None => return Ok(Some((unpacker.finish()?, (packed, None, piece)))),
            }
        }
        let unpacked = unpacker.step(&mut piece)?;
        Ok(Some((unpacked, (packed, Some(unpacker), piece))))
    })
}
