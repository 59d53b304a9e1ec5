//! `process.Process` over Connect. Thin: what a request means, and which code an error has.

use std::sync::Arc;

use connectrpc::{
    ConnectError, InboundStream, RequestContext, Response, ServiceRequest, ServiceResult,
    ServiceStream,
};
use rustix::process::Signal;

use super::follow;
use super::input::Kind;
use super::launch::Surroundings;
use super::process::Process as Running;
use super::refusal;
use super::registry::Registry;
use super::request;
use crate::agent::Agent;
use crate::r#gen::process::process_input::Input;
use crate::r#gen::process::process_selector::Selector;
use crate::r#gen::process::stream_input_request::Event as InputEvent;
use crate::r#gen::process::{
    CloseStdinRequest, CloseStdinResponse, ConnectRequest, ConnectResponse, ListRequest,
    ListResponse, Process, ProcessInfo, ProcessInput, ProcessSelector, SendInputRequest,
    SendInputResponse, SendSignalRequest, SendSignalResponse, StartRequest, StartResponse,
    StreamInputRequest, StreamInputResponse, UpdateRequest, UpdateResponse,
};
use crate::keepalive;

/// Tells whoever attaches how many bytes were dropped because nobody read them.
const DROPPED_HEADER: &str = "roost-output-dropped";

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
        let streams = request::streams(&request)?;
        let Some(config) = request.process.into_option() else {
            return Err(ConnectError::invalid_argument(
                "the request describes no process",
            ));
        };
        let launch = request::launch(&self.agent, ctx.headers(), &config, streams)?;

        let cgroup = self.agent.cgroup.as_ref();
        if cgroup.is_some_and(|cgroup| cgroup.is_closed()) {
            return Err(ConnectError::unavailable(
                "the sandbox is being frozen: no process can start",
            ));
        }
        // From here to the registry nothing waits: a request that is dropped leaves either no process or a known one.
        let surroundings = Surroundings {
            cgroup: cgroup.map(|cgroup| cgroup.procs()),
            open_files: self.agent.open_files,
        };
        let launched = launch.start(surroundings).map_err(refusal::of_launch)?;
        let pid = launched
            .child
            .id()
            .ok_or_else(|| ConnectError::internal("the process has no id"))?;
        let process = self.processes.adopt(pid, config, request.tag, launched);

        let reader = process.read();
        let keepalive = keepalive::interval(ctx.headers());
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
        let keepalive = keepalive::interval(ctx.headers());
        let wrap = |event| ConnectResponse {
            event: buffa::MessageField::some(event),
        };
        let events = follow::events(process, reader, keepalive, wrap);
        Ok(Response::new(events).with_header(DROPPED_HEADER, dropped))
    }

    async fn update(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, UpdateRequest>,
    ) -> ServiceResult<UpdateResponse> {
        let request = request.to_owned_message();
        let process = self.find(request.process.as_option())?;
        if let Some(pty) = request.pty.as_option() {
            let resized = process.input.resize(request::size(pty)?);
            resized.map_err(|error| refusal::of_input(&process, error))?;
        }
        Response::ok(UpdateResponse {})
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
                (Some(InputEvent::Keepalive(_)), _) => {}
                (None, _) => {
                    return Err(ConnectError::invalid_argument(
                        "a message of the stream is neither start, data nor keepalive",
                    ));
                }
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
        let closed = process.input.close().await;
        closed.map_err(|error| refusal::of_input(&process, error))?;
        Response::ok(CloseStdinResponse {})
    }
}

async fn write(process: &Running, input: Option<ProcessInput>) -> Result<(), ConnectError> {
    let (kind, data) = match input.and_then(|input| input.input) {
        Some(Input::Stdin(data)) => (Kind::Pipe, data),
        Some(Input::Pty(data)) => (Kind::Terminal, data),
        None => return Err(ConnectError::invalid_argument("the request holds no input")),
    };
    let written = process.input.write(kind, &data).await;
    written.map_err(|error| refusal::of_input(process, error))
}
