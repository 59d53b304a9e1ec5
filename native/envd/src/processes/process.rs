//! One process from its start to its end: its pumps, signals to it, and the watch that tells when it is over.
//!
//! ```text
//! running ──main process ends──▶ draining ──streams closed, or silent──▶ ended
//!                                (signals and input refused)             (readers get `End`)
//! ```

use std::os::unix::process::ExitStatusExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Child;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::backlog::Source;
use super::channel::Channel;
use super::input::{Input, Kind};
use super::launch::Launched;
use super::output::{Ending, Output, Reader};
use super::streams::Ours;
use crate::r#gen::process::ProcessConfig;

/// After the main process has ended, a child of it may hold the pipes open. So long nothing must come …
const SILENCE: Duration = Duration::from_millis(100);
/// … or, if such a child never stops writing, so long is listened to it.
const PATIENCE: Duration = Duration::from_secs(1);

/// The exit code of a process of which it is not known.
const UNKNOWN: i32 = 255;

/// A process that runs, or ran.
#[derive(Debug)]
pub struct Process {
    pub pid: u32,
    pub config: ProcessConfig,
    pub tag: Option<String>,
    pub input: Input,
    output: Arc<Output>,
    over: AtomicBool,
}

/// What is read from it.
type Sources = Vec<(Source, Arc<Channel>)>;

impl Process {
    /// Takes a launched process over. The future ends when the process has ended and its output was drained.
    pub fn adopt(
        pid: u32,
        config: ProcessConfig,
        tag: Option<String>,
        launched: Launched,
    ) -> (Arc<Self>, impl Future<Output = ()>) {
        let (input, sources) = split(launched.streams);
        let output = Arc::new(Output::new(sources.len()));
        let process = Arc::new(Self {
            pid,
            config,
            tag,
            input,
            output: output.clone(),
            over: AtomicBool::new(false),
        });
        let pumps = sources.iter().cloned().map(|(source, channel)| {
            let pump = tokio::spawn(pump(channel, source, output.clone()));
            (source, pump)
        });
        let pumps = pumps.collect();
        let watch = watch(process.clone(), launched.child, sources, pumps);
        (process, watch)
    }

    /// Follows its output.
    pub fn read(&self) -> Reader {
        Reader::attach(self.output.clone())
    }

    /// Whether its main process has ended.
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    /// Signals its process group: what it started and did not put into a group of its own.
    pub fn signal(&self, signal: Signal) -> Result<(), Errno> {
        // Once reaped, its number may be another's.
        if self.is_over() {
            return Err(Errno::SRCH);
        }
        let pid = Pid::from_raw(self.pid as i32).ok_or(Errno::SRCH)?;
        kill_process_group(pid, signal)
    }

    /// Output that is still held for a reader.
    pub fn unread(&self) -> usize {
        self.output.held()
    }
}

fn split(streams: Ours) -> (Input, Sources) {
    match streams {
        Ours::Pipes {
            stdin,
            stdout,
            stderr,
        } => {
            let sources = [(Source::Stdout, stdout), (Source::Stderr, stderr)];
            let shared = sources.map(|(source, channel)| (source, Arc::new(channel)));
            (Input::new(Kind::Pipe, stdin.map(Arc::new)), shared.into())
        }
        Ours::Terminal(channel) => {
            let channel = Arc::new(channel);
            let input = Input::new(Kind::Terminal, Some(channel.clone()));
            (input, vec![(Source::Terminal, channel)])
        }
    }
}

/// Reads a stream to its end, which may come long after the process's own: a server it left behind must not die of a
/// closed pipe. A terminal's end is an error, when nobody has it open any more.
async fn pump(channel: Arc<Channel>, source: Source, output: Arc<Output>) {
    loop {
        output.room().await;
        match channel.read(|data| output.append(source, data)).await {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
    }
    output.close_stream();
}

async fn watch(
    process: Arc<Process>,
    mut child: Child,
    sources: Sources,
    pumps: Vec<(Source, JoinHandle<()>)>,
) {
    let status = child.wait().await;
    process.over.store(true, Ordering::Release);
    process.input.end();
    drain(&process.output, &sources).await;
    process.output.end(match status {
        Ok(status) => status.signal().map_or_else(
            || Ending::Exited(status.code().unwrap_or(UNKNOWN)),
            Ending::Killed,
        ),
        // Somebody else reaped it.
        Err(_) => Ending::Exited(UNKNOWN),
    });
    // A terminal is not left behind: what still has it open is hung up as the last of our references goes.
    for (source, pump) in pumps {
        if source == Source::Terminal {
            pump.abort();
        }
    }
}

/// Waits until all that the main process wrote has been read, and then for the children that share its streams to be done or
/// silent. While a reader is slow, time does not count.
async fn drain(output: &Output, sources: &Sources) {
    let unread: u64 = sources.iter().map(|(_, channel)| channel.waiting()).sum();
    let everything = output.received() + unread;
    let ended = Instant::now();
    while !output.is_closed() {
        if output.is_full() {
            output.moved().await;
            continue;
        }
        let silent = timeout(SILENCE, output.moved()).await.is_err();
        if output.received() >= everything && (silent || ended.elapsed() > PATIENCE) {
            return;
        }
    }
}
