//! `filesystem.Filesystem` over Connect. Thin: which path is meant, and which code an error has. The work is done off the
//! server's thread: disks are slow.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use connectrpc::{
    ConnectError, RequestContext, Response, ServiceRequest, ServiceResult, ServiceStream,
};
use rustix::io::Errno;

use super::{entry, listing, relocation};
use crate::agent::Agent;
use crate::credentials;
use crate::folders;
use crate::r#gen::filesystem::{
    CreateWatcherRequest, CreateWatcherResponse, Filesystem, GetWatcherEventsRequest,
    GetWatcherEventsResponse, ListDirRequest, ListDirResponse, MakeDirRequest, MakeDirResponse,
    MoveRequest, MoveResponse, RemoveRequest, RemoveResponse, RemoveWatcherRequest,
    RemoveWatcherResponse, StatRequest, StatResponse, WatchDirRequest, WatchDirResponse,
};
use crate::paths;
use crate::users::User;

const NO_WATCHERS: &str = "watching folders is not implemented by this version of the agent";

/// The service.
#[derive(Debug)]
pub struct FilesystemService {
    agent: Arc<Agent>,
}

impl FilesystemService {
    /// Of this agent.
    pub fn new(agent: Arc<Agent>) -> Self {
        Self { agent }
    }

    fn user(&self, ctx: &RequestContext) -> Result<User, ConnectError> {
        let named = credentials::user_name(ctx.headers());
        self.agent
            .user(named.as_deref())
            .map_err(|unknown| ConnectError::unauthenticated(unknown.to_string()))
    }

    fn path(&self, user: &User, path: &str) -> Result<PathBuf, ConnectError> {
        let path = paths::absolute(path, user, &self.agent.folder_of(user));
        path.map_err(|bad| ConnectError::invalid_argument(bad.to_string()))
    }

    /// Runs `work` where it may block; its error is told as one of `path`.
    async fn blocking<T: Send + 'static>(
        &self,
        path: PathBuf,
        work: impl FnOnce(&Agent, &Path) -> io::Result<T> + Send + 'static,
    ) -> Result<T, ConnectError> {
        let agent = self.agent.clone();
        let done = tokio::task::spawn_blocking(move || {
            work(&agent, &path).map_err(|error| told(&path, &error))
        });
        done.await
            .map_err(|error| ConnectError::internal(error.to_string()))?
    }
}

fn told(path: &Path, error: &io::Error) -> ConnectError {
    use io::ErrorKind as Kind;
    let message = format!("{}: {error}", path.display());
    match error.kind() {
        Kind::NotFound => ConnectError::not_found(message),
        Kind::AlreadyExists => ConnectError::already_exists(message),
        Kind::PermissionDenied | Kind::ReadOnlyFilesystem => {
            ConnectError::permission_denied(message)
        }
        Kind::NotADirectory | Kind::IsADirectory | Kind::InvalidFilename | Kind::InvalidInput => {
            ConnectError::invalid_argument(message)
        }
        Kind::DirectoryNotEmpty | Kind::ResourceBusy => ConnectError::failed_precondition(message),
        Kind::StorageFull | Kind::QuotaExceeded | Kind::ArgumentListTooLong => {
            ConnectError::resource_exhausted(message)
        }
        _ => ConnectError::internal(message),
    }
}

#[allow(
    refining_impl_trait,
    reason = "the trait allows any encodable answer; these are the messages themselves"
)]
impl Filesystem for FilesystemService {
    async fn stat(
        &self,
        ctx: RequestContext,
        request: ServiceRequest<'_, StatRequest>,
    ) -> ServiceResult<StatResponse> {
        let path = self.path(&self.user(&ctx)?, request.path)?;
        let entry = self
            .blocking(path, |agent, path| {
                entry::describe(path, &agent.accounts.names())
            })
            .await?;
        Response::ok(StatResponse {
            entry: entry.into(),
        })
    }

    async fn make_dir(
        &self,
        ctx: RequestContext,
        request: ServiceRequest<'_, MakeDirRequest>,
    ) -> ServiceResult<MakeDirResponse> {
        let user = self.user(&ctx)?;
        let path = self.path(&user, request.path)?;
        let made = self.blocking(path, move |agent, path| {
            match fs::symlink_metadata(path) {
                Ok(_) if path.is_dir() => return Err(Errno::EXIST.into()),
                Ok(_) => return Err(Errno::NOTDIR.into()),
                Err(_) => folders::make(path, &user)?,
            }
            entry::describe(path, &agent.accounts.names())
        });
        Response::ok(MakeDirResponse {
            entry: made.await?.into(),
        })
    }

    async fn r#move(
        &self,
        ctx: RequestContext,
        request: ServiceRequest<'_, MoveRequest>,
    ) -> ServiceResult<MoveResponse> {
        let user = self.user(&ctx)?;
        let source = self.path(&user, request.source)?;
        let destination = self.path(&user, request.destination)?;
        let moved = self.blocking(source, move |agent, source| {
            // Before anything is made for it, the source must be there.
            fs::symlink_metadata(source)?;
            if let Some(folder) = destination.parent() {
                folders::make(folder, &user)?;
            }
            relocation::relocate(source, &destination)?;
            entry::describe(&destination, &agent.accounts.names())
        });
        Response::ok(MoveResponse {
            entry: moved.await?.into(),
        })
    }

    async fn list_dir(
        &self,
        ctx: RequestContext,
        request: ServiceRequest<'_, ListDirRequest>,
    ) -> ServiceResult<ListDirResponse> {
        let path = self.path(&self.user(&ctx)?, request.path)?;
        let depth = request.depth;
        let entries = self
            .blocking(path, move |agent, path| {
                listing::list(path, depth, &agent.accounts.names())
            })
            .await?;
        Response::ok(ListDirResponse { entries })
    }

    async fn remove(
        &self,
        ctx: RequestContext,
        request: ServiceRequest<'_, RemoveRequest>,
    ) -> ServiceResult<RemoveResponse> {
        let path = self.path(&self.user(&ctx)?, request.path)?;
        let removed = self.blocking(path, |_, path| match relocation::remove_tree(path) {
            // It is not there, which is what was wanted.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            outcome => outcome,
        });
        removed.await?;
        Response::ok(RemoveResponse {})
    }

    async fn watch_dir(
        &self,
        _: RequestContext,
        _: ServiceRequest<'_, WatchDirRequest>,
    ) -> ServiceResult<ServiceStream<WatchDirResponse>> {
        Err(ConnectError::unimplemented(NO_WATCHERS))
    }

    async fn create_watcher(
        &self,
        _: RequestContext,
        _: ServiceRequest<'_, CreateWatcherRequest>,
    ) -> ServiceResult<CreateWatcherResponse> {
        Err(ConnectError::unimplemented(NO_WATCHERS))
    }

    async fn get_watcher_events(
        &self,
        _: RequestContext,
        _: ServiceRequest<'_, GetWatcherEventsRequest>,
    ) -> ServiceResult<GetWatcherEventsResponse> {
        Err(ConnectError::unimplemented(NO_WATCHERS))
    }

    async fn remove_watcher(
        &self,
        _: RequestContext,
        _: ServiceRequest<'_, RemoveWatcherRequest>,
    ) -> ServiceResult<RemoveWatcherResponse> {
        Err(ConnectError::unimplemented(NO_WATCHERS))
    }
}
