//! A refusal reaches also a client that is still sending.
//!
//! A connection that is closed with something unread is reset, and a reset can overtake the answer: the client of an upload to
//! a full disk would learn of a broken connection, not of the disk. So what a route has not read of a body is read after it,
//! within limits, while the answer is on its way.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use futures_util::StreamExt;
use http_body::{Frame, SizeHint};

/// Enough for a client to notice the answer.
const MOST_BYTES: usize = 64 << 20;
const LONGEST: Duration = Duration::from_secs(30);

/// Reads on where the route stopped.
pub async fn read_the_rest(request: Request, next: Next) -> Response {
    next.run(request.map(|body| Body::new(Lingering { body, ended: false })))
        .await
}

struct Lingering {
    body: Body,
    ended: bool,
}

impl http_body::Body for Lingering {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        self.ended |= matches!(frame, Poll::Ready(None | Some(Err(_))));
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Lingering {
    fn drop(&mut self) {
        if !self.ended && !http_body::Body::is_end_stream(&self.body) {
            let rest = std::mem::replace(&mut self.body, Body::empty());
            tokio::spawn(tokio::time::timeout(LONGEST, discard(rest)));
        }
    }
}

async fn discard(rest: Body) {
    let mut rest = rest.into_data_stream();
    let mut left = MOST_BYTES;
    while let Some(Ok(piece)) = rest.next().await {
        let Some(less) = left.checked_sub(piece.len()) else {
            return;
        };
        left = less;
    }
}
