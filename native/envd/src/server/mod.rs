//! The server: HTTP/1.1 on one port, Connect services beside plain routes. One thread; a few more come and go for file work.

mod access;
mod error;
mod init;
mod linger;
mod metrics;
mod signature;
mod snapshot;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use axum::{Json, Router};
use connectrpc::{CompressionPolicy, ConnectRpcService, DeadlinePolicy, Limits};
use rustix::net::sockopt;
use tokio::net::{TcpListener, TcpStream};

use crate::agent::Agent;
use crate::files;
use crate::filesystem::FilesystemService;
use crate::processes::ProcessService;

pub use error::HttpError;

/// The largest message of a Connect call: input of a process in one piece.
const LARGEST_MESSAGE: usize = 16 << 20;

/// A peer that is gone without a word, as after the restore of a snapshot, is noticed after some minutes.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(120);

/// Serves until the process ends.
pub async fn serve(agent: Arc<Agent>, listener: TcpListener) -> io::Result<()> {
    let listener = listener.tap_io(|stream| {
        // Options of a connection that is already gone do not matter.
        let _ = tune(stream);
    });
    let app = routes(agent).into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, app).await
}

fn tune(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, KEEPALIVE_IDLE)?;
    Ok(())
}

fn routes(agent: Arc<Agent>) -> Router {
    let files = Router::new()
        .route("/files", get(files::download).post(files::upload))
        // Files are streamed: they may be of any size.
        .layer(DefaultBodyLimit::disable());
    Router::new()
        .route("/health", get(async || StatusCode::NO_CONTENT))
        .route("/envs", get(envs))
        .route("/files/compose", post(files::compose))
        .route("/init", post(init::init))
        .route("/snapshot/prepare", post(snapshot::prepare))
        .merge(files)
        .with_state(agent.clone())
        .merge(
            Router::new()
                .route("/metrics", get(metrics::metrics))
                .with_state(Arc::default()),
        )
        .fallback_service(services(&agent))
        .layer(from_fn_with_state(agent, access::check))
        .layer(from_fn(linger::read_the_rest))
}

async fn envs(State(agent): State<Arc<Agent>>) -> Json<serde_json::Value> {
    Json(serde_json::json!(agent.session.current().environment))
}

fn services(agent: &Arc<Agent>) -> ConnectRpcService {
    let router = connectrpc::Router::new()
        .add_service(Arc::new(ProcessService::new(agent.clone())))
        .add_service(Arc::new(FilesystemService::new(agent.clone())));
    let limits = Limits::default()
        .with_max_message_size(LARGEST_MESSAGE)
        .with_max_request_body_size(LARGEST_MESSAGE);
    ConnectRpcService::new(router)
        .with_limits(limits)
        // The host is next door: compressing would cost more than it saves.
        .with_compression_policy(CompressionPolicy::disabled())
        // A stream's time-out ends the stream, never the process.
        .with_deadline_policy(DeadlinePolicy::new().with_enforce_on_streams(true))
}
