//! `process.Process` over Connect. Thin: what a request means, and which code an error has.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use connectrpc::{
    ConnectError, InboundStream, RequestContext, Response, ServiceRequest, ServiceResult,
    ServiceStream,
};
use rustix::process::Signal;

use super::follow;
use super::launch::{DEFAULT_PATH, Launch, LaunchError, Stdin};
use super::process::{InputError, Process as Running};
use super::registry::Registry;
use crate::agent::Agent;
use crate::credentials;
use crate::r#gen::process::process_input::Input;
use crate::r#gen::process::process_selector::Selector;
use crate::r#gen::process::stream_input_request::Event as InputEvent;
use crate::r#gen::process::{
    CloseStdinRequest, CloseStdinResponse, ConnectRequest, ConnectResponse, ListRequest,
    ListResponse, Process, ProcessConfig, ProcessInfo, ProcessInput, ProcessSelector,
    SendInputRequest, SendInputResponse, SendSignalRequest, SendSignalResponse, StartRequest,
    StartResponse, StreamInputRequest, StreamInputResponse, UpdateRequest, UpdateResponse,
};
use crate::paths;
use crate::users::User;

/// Tells whoever attaches how many bytes were dropped because nobody read them.
const DROPPED_HEADER: &str = "roost-output-dropped";

const NO_TERMINALS: &str = "terminals are not implemented by this version of the agent";

/// The service, and the processes it has started.
#[derive(Debug)]
pub struct ProcessService {
    agent: Arc<Agent>,
    processes: Registry,
}

impl ProcessService {
    /// With no processes yet.
    pub fn new(agent: Arc<Agent>) -> Self {
        Self {
            agent,
            processes: Registry::default(),
        }
    }

    fn launch(
        &self,
        ctx: &RequestContext,
        config: &ProcessConfig,
        stdin: Stdin,
    ) -> Result<Launch, ConnectError> {
        let user = self
            .agent
            .user(credentials::user_name(ctx.headers()).as_deref());
        let user = user.map_err(|unknown| ConnectError::unauthenticated(unknown.to_string()))?;
        let usual = self.agent.folder_of(&user);
        let folder = match config.cwd.as_deref() {
            // An image may lack a user's home: that is no reason to run nothing.
            None | Some("") => {
                if usual.is_dir() {
                    usual
                } else {
                    PathBuf::from("/")
                }
            }
            Some(cwd) => paths::absolute(cwd, &user, &usual)
                .map_err(|bad| ConnectError::invalid_argument(bad.to_string()))?,
        };
        Ok(Launch {
            command: config.cmd.clone(),
            arguments: config.args.clone(),
            environment: self.environment(&user, config),
            folder,
            groups: self.agent.accounts.groups_of(&user),
            user,
            stdin,
        })
    }

    /// Later ones win: the sandbox's, what belongs to the user, the request's.
    fn environment(&self, user: &User, config: &ProcessConfig) -> BTreeMap<String, String> {
        let mut environment = BTreeMap::from([("PATH".to_owned(), DEFAULT_PATH.to_owned())]);
        environment.extend(self.agent.session.current().environment.clone());
        environment.extend([
            ("HOME".to_owned(), user.home.to_string_lossy().into_owned()),
            ("USER".to_owned(), user.name.clone()),
            ("LOGNAME".to_owned(), user.name.clone()),
            (
                "SHELL".to_owned(),
                user.shell.to_string_lossy().into_owned(),
            ),
        ]);
        environment.extend(
            config
                .envs
                .iter()
                .map(|(name, value)| (name.clone(), value.clone())),
        );
        environment
    }

    fn find(&self, selector: Option<&ProcessSelector>) -> Result<Arc<Running>, ConnectError> {
        match selector.and_then(|selector| selector.selector.as_ref()) {
            None => Err(ConnectError::invalid_argument(
                "the request names no process",
            )),
            Some(Selector::Pid(pid)) => self
                .processes
                .by_pid(*pid)
                .ok_or_else(|| ConnectError::not_found(format!("there is no process {pid}"))),
            Some(Selector::Tag(tag)) => self.processes.by_tag(tag).ok_or_else(|| {
                ConnectError::not_found(format!("there is no process with tag {tag:?}"))
            }),
        }
    }
}

#[allow(
    refining_impl_trait,
    reason = "the trait allows any encodable answer; these are the messages themselves"
)]
impl Process for ProcessService {
    async fn list(
        &self,
        _: RequestContext,
        _: ServiceRequest<'_, ListRequest>,
    ) -> ServiceResult<ListResponse> {
        let running = self.processes.running();
        let processes = running.iter().map(|process| ProcessInfo {
            config: process.config.clone().into(),
            pid: process.pid,
            tag: process.tag.clone(),
        });
        Response::ok(ListResponse {
            processes: processes.collect(),
        })
    }

    async fn start(
        &self,
        ctx: RequestContext,
        request: ServiceRequest<'_, StartRequest>,
    ) -> ServiceResult<ServiceStream<StartResponse>> {
        let request = request.to_owned_message();
        let Some(config) = request.process.into_option() else {
            return Err(ConnectError::invalid_argument(
                "the request describes no process",
            ));
        };
        if request.pty.is_set() {
            return Err(ConnectError::unimplemented(NO_TERMINALS));
        }
        let stdin = if request.stdin.unwrap_or(true) {
            Stdin::Pipe
        } else {
            Stdin::Empty
        };
        let launch = self.launch(&ctx, &config, stdin)?;

        // A child that entered a frozen cgroup would never come to be the program, and we would wait for it.
        let cgroup = self.agent.cgroup.as_ref();
        if cgroup.is_some_and(|cgroup| cgroup.is_frozen()) {
            return Err(ConnectError::unavailable(
                "the sandbox is being frozen: no process can start",
            ));
        }
        // From here to the registry nothing waits: a request that is dropped leaves either no process or a known one.
        let launched = launch
            .start(cgroup.map(|cgroup| cgroup.procs()))
            .map_err(launch_error)?;
        let pid = launched
            .child
            .id()
            .ok_or_else(|| ConnectError::internal("the process has no id"))?;
        let process = self.processes.adopt(pid, config, request.tag, launched);

        let reader = process.read();
        let keepalive = follow::keepalive_interval(ctx.headers());
        let wrap = |event| StartResponse {
            event: buffa::MessageField::some(event),
        };
        Ok(Response::new(follow::events(
            process, reader, keepalive, wrap,
        )))
    }

    async fn connect(
        &self,
        ctx: RequestContext,
        request: ServiceRequest<'_, ConnectRequest>,
    ) -> ServiceResult<ServiceStream<ConnectResponse>> {
        let process = self.find(request.to_owned_message().process.as_option())?;
        let reader = process.read();
        let dropped = reader.dropped;
        let keepalive = follow::keepalive_interval(ctx.headers());
        let wrap = |event| ConnectResponse {
            event: buffa::MessageField::some(event),
        };
        let events = follow::events(process, reader, keepalive, wrap);
        Ok(Response::new(events).with_header(DROPPED_HEADER, dropped))
    }

    async fn update(
        &self,
        _: RequestContext,
        _: ServiceRequest<'_, UpdateRequest>,
    ) -> ServiceResult<UpdateResponse> {
        Err(ConnectError::unimplemented(NO_TERMINALS))
    }

    async fn stream_input(
        &self,
        _: RequestContext,
        mut requests: InboundStream<StreamInputRequest>,
    ) -> ServiceResult<StreamInputResponse> {
        use futures_util::TryStreamExt;
        let mut process = None;
        while let Some(request) = requests.try_next().await? {
            match (request.to_owned_message().event, &process) {
                (Some(InputEvent::Start(start)), None) => {
                    process = Some(self.find(start.process.as_option())?)
                }
                (Some(InputEvent::Start(_)), Some(_)) => {
                    return Err(ConnectError::invalid_argument(
                        "the stream names its process twice",
                    ));
                }
                (Some(InputEvent::Data(data)), Some(process)) => {
                    write(process, data.input.into_option()).await?
                }
                (Some(InputEvent::Data(_)), None) => {
                    return Err(ConnectError::invalid_argument(
                        "the stream must name its process first",
                    ));
                }
                (Some(InputEvent::Keepalive(_)) | None, _) => {}
            }
        }
        Response::ok(StreamInputResponse {})
    }

    async fn send_input(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, SendInputRequest>,
    ) -> ServiceResult<SendInputResponse> {
        let request = request.to_owned_message();
        let process = self.find(request.process.as_option())?;
        write(&process, request.input.into_option()).await?;
        Response::ok(SendInputResponse {})
    }

    async fn send_signal(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, SendSignalRequest>,
    ) -> ServiceResult<SendSignalResponse> {
        let request = request.to_owned_message();
        let number = request.signal.to_i32();
        let signal = Signal::from_named_raw(number).ok_or_else(|| {
            ConnectError::invalid_argument(format!("{number} is not a signal: 1 to 31 are"))
        })?;
        let process = self.find(request.process.as_option())?;
        process
            .signal(signal)
            .map_err(|_| ConnectError::not_found(format!("process {} has ended", process.pid)))?;
        Response::ok(SendSignalResponse {})
    }

    async fn close_stdin(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, CloseStdinRequest>,
    ) -> ServiceResult<CloseStdinResponse> {
        let process = self.find(request.to_owned_message().process.as_option())?;
        process
            .close_stdin()
            .await
            .map_err(|error| input_error(&process, &error))?;
        Response::ok(CloseStdinResponse {})
    }
}

async fn write(process: &Running, input: Option<ProcessInput>) -> Result<(), ConnectError> {
    match input.and_then(|input| input.input) {
        Some(Input::Stdin(data)) => process
            .write(&data)
            .await
            .map_err(|error| input_error(process, &error)),
        Some(Input::Pty(_)) => Err(ConnectError::unimplemented(NO_TERMINALS)),
        None => Err(ConnectError::invalid_argument("the request holds no input")),
    }
}

fn input_error(process: &Running, error: &InputError) -> ConnectError {
    let pid = process.pid;
    if process.is_over() {
        return ConnectError::not_found(format!("process {pid} has ended"));
    }
    ConnectError::failed_precondition(match error {
        InputError::Closed => format!("process {pid} has no input, or it was closed"),
        InputError::Broken => format!("process {pid} has closed its input"),
    })
}

fn launch_error(error: LaunchError) -> ConnectError {
    match error {
        LaunchError::BadText(why) => ConnectError::invalid_argument(why),
        LaunchError::BadFolder(folder, cause) => {
            ConnectError::invalid_argument(format!("cannot work in {}: {cause}", folder.display()))
        }
        LaunchError::NotFound(command) => {
            ConnectError::not_found(format!("command not found: {command}"))
        }
        LaunchError::NotExecutable(program, cause) => ConnectError::permission_denied(format!(
            "cannot execute {}: {cause}",
            program.display()
        )),
        LaunchError::NoRoom(cause) => {
            ConnectError::resource_exhausted(format!("no room for another process: {cause}"))
        }
        LaunchError::Failed(step, cause) => {
            ConnectError::internal(format!("cannot start: {step}: {cause}"))
        }
    }
}
