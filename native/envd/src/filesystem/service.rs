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

use super::refusal::told;
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
use crate::keepalive;
use crate::paths;
use crate::users::User;
use crate::watching::{self, Reach, Telling, Wanted, Watchers};

/// The service.
#[derive(Debug)]
pub struct FilesystemService {
    agent: Arc<Agent>,
    watchers: Watchers,
}

impl FilesystemService {
    /// Of this agent.
    pub fn new(agent: Arc<Agent>) -> Self {
        Self {
            agent,
            watchers: Watchers::default(),
        }
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

    fn wanted(
        &self,
        ctx: &RequestContext,
        path: &str,
        reach: Reach,
        entries: bool,
    ) -> Result<Wanted, ConnectError> {
        let telling = Telling {
            agent: self.agent.clone(),
            root: self.path(&self.user(ctx)?, path)?,
            entries,
        };
        Ok(Wanted { reach, telling })
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
        ctx: RequestContext,
        request: ServiceRequest<'_, WatchDirRequest>,
    ) -> ServiceResult<ServiceStream<WatchDirResponse>> {
        let reach = Reach {
            recursive: request.recursive,
            network_mounts: request.allow_network_mounts,
        };
        let wanted = self.wanted(&ctx, request.path, reach, request.include_entry)?;
        let root = wanted.telling.root.clone();
        let opened = self.watchers.open(wanted).await;
        let live = opened.map_err(|error| error.told(&root))?;
        let keepalive = keepalive::interval(ctx.headers());
        Ok(Response::new(watching::follow(live, root, keepalive)))
    }

    async fn create_watcher(
        &self,
        ctx: RequestContext,
        request: ServiceRequest<'_, CreateWatcherRequest>,
    ) -> ServiceResult<CreateWatcherResponse> {
        let reach = Reach {
            recursive: request.recursive,
            network_mounts: request.allow_network_mounts,
        };
        let wanted = self.wanted(&ctx, request.path, reach, request.include_entry)?;
        let root = wanted.telling.root.clone();
        let created = self.watchers.create(wanted).await;
        Response::ok(CreateWatcherResponse {
            watcher_id: created.map_err(|error| error.told(&root))?,
        })
    }

    async fn get_watcher_events(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, GetWatcherEventsRequest>,
    ) -> ServiceResult<GetWatcherEventsResponse> {
        let events = self.watchers.events(request.watcher_id).await?;
        Response::ok(GetWatcherEventsResponse { events })
    }

    async fn remove_watcher(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, RemoveWatcherRequest>,
    ) -> ServiceResult<RemoveWatcherResponse> {
        self.watchers.remove(request.watcher_id)?;
        Response::ok(RemoveWatcherResponse {})
    }
}
