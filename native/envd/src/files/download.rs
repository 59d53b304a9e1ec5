//! `GET /files`: the bytes of a file.

use std::io::{self, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header::{
    ACCEPT_RANGES, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, RANGE, VARY,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use futures_util::stream;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use super::coding::{self, Coding, Packer};
use super::range::{self, Wanted};
use super::target;
use crate::agent::Agent;
use crate::server::HttpError;

const PIECE: usize = 64 << 10;

/// 200 or 206 with the bytes; 400 for what is no regular file, 401, 404, 406, 416.
pub async fn download(
    State(agent): State<Arc<Agent>>,
    query: Result<Query<target::Query>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, HttpError> {
    let query = target::query(query)?;
    let user = target::user(&agent, query.username.as_deref(), &headers)?;
    let path = target::path(&agent, &user, query.path.as_deref())?;
    let coding = coding::accepted(&headers).ok_or_else(|| {
        HttpError::new(
            StatusCode::NOT_ACCEPTABLE,
            "the file can be sent as it is, or with gzip",
        )
    })?;
    let (file, length) = open(&path).await?;

    let mut answer = match length {
        // Files of the kernel say that they are empty; only reading them tells.
        0 => Body::from_stream(stream_of(file, u64::MAX)).into_response(),
        _ if coding == Coding::Gzip && !headers.contains_key(RANGE) => packed(file, length),
        _ => part(file, range::wanted(&headers, length), length, &path).await?,
    };
    let headers = answer.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/octet-stream"),
    );
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    Ok(answer)
}

async fn open(path: &Path) -> Result<(File, u64), HttpError> {
    let error = |error| target::io_error(path, &error);
    // A pipe would wait for its other end to be opened.
    let options = std::fs::OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .clone();
    let file = tokio::fs::OpenOptions::from(options)
        .open(path)
        .await
        .map_err(error)?;
    let metadata = file.metadata().await.map_err(error)?;
    if metadata.is_dir() {
        return Err(HttpError::bad_request(format!(
            "{}: is a directory",
            path.display()
        )));
    }
    if !metadata.is_file() {
        return Err(HttpError::bad_request(format!(
            "{}: is not a regular file",
            path.display()
        )));
    }
    Ok((file, metadata.len()))
}

fn packed(file: File, length: u64) -> Response {
    let packer = Packer::new();
    let pieces = stream::try_unfold(
        (Some(file), length, packer),
        |(file, left, mut packer)| async move {
            let Some(mut file) = file else {
                return Ok::<_, io::Error>(None);
            };
            let piece = read_piece(&mut file, left).await?;
            let left = left - piece.len() as u64;
            let packed = if piece.is_empty() {
                packer.finish()?
            } else {
                packer.push(&piece)?
            };
            Ok(Some((
                packed,
                ((!piece.is_empty()).then_some(file), left, packer),
            )))
        },
    );
    ([(CONTENT_ENCODING, "gzip")], Body::from_stream(pieces)).into_response()
}

async fn part(
    mut file: File,
    wanted: Wanted,
    length: u64,
    path: &Path,
) -> Result<Response, HttpError> {
    match wanted {
        Wanted::Whole => Ok((
            [(CONTENT_LENGTH, length)],
            Body::from_stream(stream_of(file, length)),
        )
            .into_response()),
        Wanted::Unsatisfiable => {
            let headers = [(CONTENT_RANGE, format!("bytes */{length}"))];
            let error = HttpError::new(
                StatusCode::RANGE_NOT_SATISFIABLE,
                format!("{}: has {length} bytes", path.display()),
            );
            Ok((headers, error).into_response())
        }
        Wanted::Part {
            first,
            length: part,
        } => {
            file.seek(SeekFrom::Start(first))
                .await
                .map_err(|error| target::io_error(path, &error))?;
            let range = format!("bytes {first}-{}/{length}", first + part - 1);
            let headers = [(CONTENT_RANGE, range), (CONTENT_LENGTH, part.to_string())];
            Ok((
                StatusCode::PARTIAL_CONTENT,
                headers,
                Body::from_stream(stream_of(file, part)),
            )
                .into_response())
        }
    }
}

fn stream_of(file: File, length: u64) -> impl stream::Stream<Item = io::Result<Bytes>> {
    stream::try_unfold((file, length), |(mut file, left)| async move {
        let piece = read_piece(&mut file, left).await?;
        let left = left - piece.len() as u64;
        Ok((!piece.is_empty()).then_some((piece, (file, left))))
    })
}

/// Empty at the end.
async fn read_piece(file: &mut File, left: u64) -> io::Result<Bytes> {
    let most = left.min(PIECE as u64) as usize;
    let mut piece = BytesMut::with_capacity(most);
    if most > 0 {
        file.take(most as u64).read_buf(&mut piece).await?;
    }
    Ok(piece.freeze())
}
