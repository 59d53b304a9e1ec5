//! Who may call what.
//!
//! | route | needs |
//! |---|---|
//! | `/health` | nothing |
//! | `/init`, `/snapshot/prepare` | to come from the gateway, whatever the token: a clone wakes with its source's |
//! | `/files` | the access token, or a signature made with it, once `/init` has set one |
//! | all others | the access token, once `/init` has set one |

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::StatusCode;
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use connectrpc::{ConnectError, Protocol};

use super::error::HttpError;
use super::signature;
use crate::agent::Agent;
use crate::credentials;

/// Lets a request through, or answers it.
pub async fn check(
    State(agent): State<Arc<Agent>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    mut request: Request,
    next: Next,
) -> Response {
    let refused = match request.uri().path() {
        "/health" => None,
        "/init" | "/snapshot/prepare" => only_from_gateway(&agent, peer),
        "/files" if signature::is_signed(&request) => only_with_signature(&agent, &mut request),
        _ => only_with_token(&agent, &request),
    };
    match refused {
        Some(response) => response,
        None => next.run(request).await,
    }
}

fn only_from_gateway(agent: &Agent, peer: SocketAddr) -> Option<Response> {
    if peer.ip().to_canonical() == agent.gateway {
        return None;
    }
    Some(
        HttpError::new(
            StatusCode::FORBIDDEN,
            "only this sandbox's host may call this route",
        )
        .into_response(),
    )
}

/// A signature is of a user as well: no other can be named beside it.
fn only_with_signature(agent: &Agent, request: &mut Request) -> Option<Response> {
    let session = agent.session.current();
    let token = session.access_token.as_deref()?;
    request.headers_mut().remove(AUTHORIZATION);
    let why = signature::check(request, token, SystemTime::now()).err()?;
    Some(HttpError::new(StatusCode::UNAUTHORIZED, why).into_response())
}

fn only_with_token(agent: &Agent, request: &Request) -> Option<Response> {
    let session = agent.session.current();
    let token = session.access_token.as_deref()?;
    if credentials::has_token(request.headers(), token) {
        return None;
    }
    let why = "this sandbox's access token is needed, in the header X-Access-Token";
    Some(if Protocol::detect(request.headers()).is_some() {
        ConnectError::unauthenticated(why)
            .into_http_response(request.headers())
            .map(axum::body::Body::new)
    } else {
        HttpError::new(StatusCode::UNAUTHORIZED, why).into_response()
    })
}
