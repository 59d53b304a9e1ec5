//! One process from its start to its end: its pumps, its input, signals to it, and the watch that tells when it is over.
//!
//! ```text
//! running ──main process ends──▶ draining ──pipes closed, or silent──▶ ended
//!                                (signals and input refused)           (readers get `End`)
//! ```

use std::os::unix::process::ExitStatusExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::io::{Errno, ioctl_fionread};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncWriteExt;
use tokio::net::unix::pipe;
use tokio::process::Child;
use tokio::sync::{Mutex, Notify};
use tokio::time::timeout;

use super::backlog::Source;
use super::launch::Launched;
use super::output::{Ending, Output, Reader};
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
    output: Arc<Output>,
    stdin: Mutex<Option<pipe::Sender>>,
    over: AtomicBool,
    /// For who waits for it to read.
    became_over: Notify,
}

/// Why input was not taken.
#[derive(Debug)]
pub enum InputError {
    /// It was started without input, or its input was closed.
    Closed,
    /// Nobody reads it any more.
    Broken,
}

impl Process {
    /// Takes a launched process over. The future ends when the process has ended and its output was drained.
    pub fn adopt(
        pid: u32,
        config: ProcessConfig,
        tag: Option<String>,
        launched: Launched,
    ) -> (Arc<Self>, impl Future<Output = ()>) {
        let output = Arc::new(Output::new(2));
        let process = Arc::new(Self {
            pid,
            config,
            tag,
            output: output.clone(),
            stdin: Mutex::new(launched.stdin),
            over: AtomicBool::new(false),
            became_over: Notify::new(),
        });
        let pipes = [
            (Source::Stdout, Arc::new(launched.stdout)),
            (Source::Stderr, Arc::new(launched.stderr)),
        ];
        for (source, pipe) in pipes.clone() {
            tokio::spawn(pump(pipe, source, output.clone()));
        }
        let watch = watch(process.clone(), launched.child, pipes.map(|(_, pipe)| pipe));
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

    /// Writes all of it, waiting for the process to read. Ends with the process: a child of it may hold the pipe, and never read.
    pub async fn write(&self, data: &[u8]) -> Result<(), InputError> {
        let mut stdin = self.stdin.lock().await;
        let became_over = self.became_over.notified();
        if self.is_over() {
            return Err(InputError::Broken);
        }
        let pipe = stdin.as_mut().ok_or(InputError::Closed)?;
        tokio::select! {
            written = pipe.write_all(data) => written.map_err(|_| InputError::Broken),
            () = became_over => Err(InputError::Broken),
        }
    }

    /// Lets it read the end of its input, after what was written before.
    pub async fn close_stdin(&self) -> Result<(), InputError> {
        self.stdin
            .lock()
            .await
            .take()
            .map(drop)
            .ok_or(InputError::Closed)
    }
}

/// Reads a stream to its end, which may come long after the process's own: a server it left behind must not die of a
/// closed pipe.
async fn pump(pipe: Arc<pipe::Receiver>, source: Source, output: Arc<Output>) {
    loop {
        output.room().await;
        if pipe.readable().await.is_err() {
            break;
        }
        match read_some(&pipe, source, &output) {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => break,
        }
    }
    output.close_stream();
}

/// The buffer is as large as a pipe, and on the stack: a silent process holds none.
fn read_some(pipe: &pipe::Receiver, source: Source, output: &Output) -> std::io::Result<usize> {
    let mut buffer = [0; 64 << 10];
    let length = pipe.try_read(&mut buffer)?;
    output.append(source, &buffer[..length]);
    Ok(length)
}

async fn watch(process: Arc<Process>, mut child: Child, pipes: [Arc<pipe::Receiver>; 2]) {
    let status = child.wait().await;
    process.over.store(true, Ordering::Release);
    process.became_over.notify_waiters();
    drop(process.stdin.lock().await.take());
    drain(&process.output, &pipes).await;
    process.output.end(match status {
        Ok(status) => status.signal().map_or_else(
            || Ending::Exited(status.code().unwrap_or(UNKNOWN)),
            Ending::Killed,
        ),
        // Somebody else reaped it.
        Err(_) => Ending::Exited(UNKNOWN),
    });
}

/// Waits until all that the main process wrote has been read, and then for the children that share its pipes to be done or
/// silent. While a reader is slow, time does not count.
async fn drain(output: &Output, pipes: &[Arc<pipe::Receiver>]) {
    let unread: u64 = pipes
        .iter()
        .map(|pipe| ioctl_fionread(pipe).unwrap_or(0))
        .sum();
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
