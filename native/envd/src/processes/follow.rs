//! The stream of events that a client follows: start, output, keepalives where the line is silent, end.

use std::sync::Arc;
use std::time::Duration;

use connectrpc::{ConnectError, ServiceStream};
use futures_util::stream;
use tokio::time::timeout;

use super::backlog::{Chunk, Source};
use super::ending;
use super::output::{Event, Reader};
use super::process::Process;
use crate::r#gen::process::ProcessEvent;
use crate::r#gen::process::process_event::data_event::Output;
use crate::r#gen::process::process_event::{DataEvent, KeepAlive, StartEvent};

enum Next {
    Start(Arc<Process>),
    Follow,
    Nothing,
}

/// Events from now on, each put into a response by `wrap`.
pub fn events<R: Send + 'static>(
    process: Arc<Process>,
    reader: Reader,
    keepalive: Option<Duration>,
    wrap: fn(ProcessEvent) -> R,
) -> ServiceStream<R> {
    let state = (Next::Start(process), reader);
    Box::pin(stream::unfold(state, move |(next, reader)| async move {
        let (event, next) = match next {
            Next::Nothing => return None,
            Next::Start(process) => (start(process.pid), Next::Follow),
            Next::Follow => match await_event(&reader, keepalive).await {
                None => (KeepAlive {}.into(), Next::Follow),
                Some(Event::Output(chunk)) => (data(chunk), Next::Follow),
                Some(Event::End(end)) => (ending::event(end).into(), Next::Nothing),
            },
        };
        Some((
            Ok::<_, ConnectError>(wrap(ProcessEvent { event: Some(event) })),
            (next, reader),
        ))
    }))
}

async fn await_event(reader: &Reader, keepalive: Option<Duration>) -> Option<Event> {
    match keepalive {
        None => Some(reader.next().await),
        Some(silence) => timeout(silence, reader.next()).await.ok(),
    }
}

type AnyEvent = crate::r#gen::process::process_event::Event;

fn start(pid: u32) -> AnyEvent {
    StartEvent { pid }.into()
}

fn data(chunk: Chunk) -> AnyEvent {
    let output = match chunk.source {
        Source::Stdout => Output::Stdout(chunk.bytes),
        Source::Stderr => Output::Stderr(chunk.bytes),
        Source::Terminal => Output::Pty(chunk.bytes),
    };
    DataEvent {
        output: Some(output),
    }
    .into()
}
