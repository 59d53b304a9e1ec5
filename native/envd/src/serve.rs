//! The server's role: puts its parts together and runs them.

use std::fs::File;
use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;

use crate::agent::Agent;
use crate::arguments::Serve;
use crate::cgroup::UsersCgroup;
use crate::guest::Guest;
use crate::limits::OpenFiles;
use crate::server;
use crate::session::SessionStore;
use crate::users::Accounts;

/// File work runs on threads that end when they have been idle for this long.
const FILE_THREADS: usize = 4;
const FILE_THREAD_IDLE: Duration = Duration::from_secs(2);

/// Runs the server; returns only when it cannot go on.
pub fn run(arguments: &Serve) -> io::Result<()> {
    // PID 1 starts us as /proc/self/exe, and the kernel would call us "exe".
    rustix::thread::set_name(c"envd")?;
    keep_descriptors_to_ourselves();
    rustix::process::umask(rustix::fs::Mode::from_bits_truncate(0o022));
    let agent = Arc::new(Agent {
        gateway: arguments.gateway,
        session: SessionStore::open(arguments.session.map(inherit).transpose()?)?,
        accounts: Accounts::of_machine(),
        cgroup: users_cgroup(arguments),
        open_files: OpenFiles::raise(),
        guest: arguments.guest.then_some(Guest),
    });
    if arguments.guest {
        survive_low_memory();
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .max_blocking_threads(FILE_THREADS)
        .thread_keep_alive(FILE_THREAD_IDLE)
        .build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(arguments.listen).await?;
        // Tests listen on a port that the kernel picks, and read here which.
        eprintln!("envd: listening on {}", listener.local_addr()?);
        server::serve(agent, listener).await
    })
}

fn users_cgroup(arguments: &Serve) -> Option<UsersCgroup> {
    UsersCgroup::open(&arguments.cgroup)
        .inspect_err(|error| {
            eprintln!(
                "envd: {}: {error}; processes are in no cgroup of their own and cannot be frozen",
                arguments.cgroup.display()
            );
        })
        .ok()
}

/// Takes a descriptor over that the parent process left open for us.
fn inherit(number: RawFd) -> io::Result<File> {
    if number <= 2 {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "--session-fd: 0 to 2 are taken",
        ));
    }
    // SAFETY: the number is not checked to be open (every use of it fails cleanly if it is not), and this program opened
    // nothing under it: it is called once, before any other file is opened.
    Ok(unsafe { OwnedFd::from_raw_fd(number) }.into())
}

/// Whatever the parent process left open is not for the processes that we start.
fn keep_descriptors_to_ourselves() {
    // SAFETY: takes no pointers, and closes nothing: it marks descriptors. A kernel before 5.11 refuses it, which leaves what
    // our own parent did not mark itself.
    unsafe {
        libc::syscall(
            libc::SYS_close_range,
            3,
            libc::c_uint::MAX,
            libc::CLOSE_RANGE_CLOEXEC,
        )
    };
}

/// When a guest runs out of memory, its agent is the last to be ended.
fn survive_low_memory() {
    if let Err(error) = std::fs::write("/proc/self/oom_score_adj", "-900") {
        eprintln!("envd: set oom_score_adj: {error}");
    }
}
