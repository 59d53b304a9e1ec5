//! `POST /snapshot/prepare`: users' processes stand still and what they wrote is on the disk. `/init` lets them run again.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;

use super::error::HttpError;
use crate::agent::Agent;

/// 204 once all is still. If it fails, everything runs as before.
pub async fn prepare(State(agent): State<Arc<Agent>>) -> Result<StatusCode, HttpError> {
    if let Some(cgroup) = &agent.cgroup {
        cgroup.close();
    }
    // Both wait for others (processes deep in the kernel, the disk), so not on the server's thread.
    let frozen = tokio::task::spawn_blocking(move || {
        agent
            .cgroup
            .as_ref()
            .map_or(Ok(()), |cgroup| cgroup.freeze())?;
        rustix::fs::sync();
        Ok::<_, std::io::Error>(())
    });
    match frozen.await {
        Ok(Ok(())) => Ok(StatusCode::NO_CONTENT),
        Ok(Err(error)) => Err(HttpError::internal(format!(
            "cannot freeze the processes: {error}"
        ))),
        Err(error) => Err(HttpError::internal(format!(
            "cannot freeze the processes: {error}"
        ))),
    }
}
