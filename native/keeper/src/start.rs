//! From a configuration to a running VMM, in one direction. Each phase is a type that owns what the
//! phase before made, so that the next cannot be begun without it.
//!
//! ```text
//!   Config ──▶ Prepared: root, on the host, in the cgroup and network; files made, TAP open
//!                 ▼
//!              Enclosed: root, in namespaces where only the VMM's root is left of the host
//!                 ▼
//!              Started:  the sandbox's user; the VMM runs
//! ```
//!
//! Fails one, the error is all that remains: files that were made are removed, mounts and
//! namespaces go with the process. The VMM is started *before* the keeper gives up root, since
//! after that it could not take those files away.

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::path::Path;

use confine::new_root::{Access, NewRoot};
use confine::{Result, WhileDoing};
use rustix::fs::{Mode, OFlags};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::DumpableBehavior;

use crate::config::Config;
use crate::files::{Files, Made};
use crate::log_file::LogFile;
use crate::memory::{self, Memory};
use crate::output::Output;
use crate::tap;
use crate::vmm::{Plan, Program, Vmm};

/// The host name that the VMM sees.
const HOST_NAME: &str = "sandbox";

/// The VMM runs, and so does the keeper, as the sandbox's user.
pub struct Started {
    pub vmm: Vmm,
    pub listener: UnixListener,
    pub exit_file: File,
    pub console: Output,
    pub messages: Output,
    pub memory: Option<Memory>,
}

struct Prepared {
    files: Files,
    made: Made,
    tap: Option<OwnedFd>,
    memory: Option<memory::Source>,
    /// The host's `/dev/null` and `/proc`, from before they went out of sight.
    null: OwnedFd,
    proc: OwnedFd,
}

struct Enclosed(Prepared);

/// Takes a configuration all the way.
pub fn start(config: &Config) -> Result<Started> {
    Prepared::on_host(config)?
        .enclose(config)?
        .start_vmm(config)
}

impl Prepared {
    fn on_host(config: &Config) -> Result<Self> {
        for procs in &config.cgroup_procs {
            confine::cgroups::enter(procs)?;
        }
        let open = |path: &str, flags: OFlags| {
            rustix::fs::open(path, flags | OFlags::CLOEXEC, Mode::empty())
                .while_doing(|| format!("open {path}"))
        };
        let null = open("/dev/null", OFlags::RDWR)?;
        let proc = open("/proc", OFlags::PATH | OFlags::DIRECTORY)?;
        let memory = config
            .memory
            .as_ref()
            .map(|settings| memory::Source::open(settings, config.uid))
            .transpose()?;
        let (files, made) = Files::make(config)?;
        confine::namespaces::enter_network(&config.netns)?;
        let tap = config.tap.as_deref().map(tap::open).transpose()?;
        Ok(Self {
            files,
            made,
            tap,
            memory,
            null,
            proc,
        })
    }

    fn enclose(self, config: &Config) -> Result<Enclosed> {
        confine::namespaces::leave_mounts()?;
        confine::mounts::cut_from_host()?;
        confine::namespaces::leave_ipc()?;
        confine::namespaces::leave_host_name(HOST_NAME)?;

        let root = NewRoot::from_folder(&config.root)?;
        if !config.devices.is_empty() {
            let devices: Vec<_> = config.devices.iter().copied().map(Into::into).collect();
            root.mount_devices(&devices, config.uid, config.gid)?;
        }
        for mount in &config.mounts {
            let access = if mount.read_only {
                Access::ReadOnly
            } else {
                Access::ReadWrite
            };
            root.mount(&mount.source, &mount.target, access)?;
        }
        root.enter()?;
        Ok(Enclosed(self))
    }
}

impl Enclosed {
    fn start_vmm(self, config: &Config) -> Result<Started> {
        let Prepared {
            files,
            mut made,
            tap,
            memory,
            null,
            proc,
        } = self.0;
        let console_log = LogFile::new(files.console_log, config.log_limit_bytes)?;
        let vmm_log = LogFile::new(files.vmm_log, config.log_limit_bytes)?;
        let (console, stdout) = output_pipe()?;
        let (messages, stderr) = output_pipe()?;
        let stdin = null
            .try_clone()
            .while_doing(|| "copy a descriptor".into())?;

        let mut env = config.env.clone();
        let mut descriptors = Vec::from_iter(tap.map(|device| (device, config.tap_fd)));
        let mut memory = memory
            .map(|source| {
                let mut listen =
                    |path: &str| made.vmm_socket(Path::new(path), config.uid, config.gid);
                let (hand_over, state) = (
                    listen(memory::HAND_OVER_SOCKET)?,
                    listen(memory::STATE_SOCKET)?,
                );
                let (memory, inheritance) = Memory::offer(source, hand_over, state)?;
                env.extend([inheritance.variable]);
                descriptors.extend(inheritance.descriptors);
                Ok(memory)
            })
            .transpose()?;
        let program = Program::new(&config.argv, &env)?;
        let plan = Plan {
            program,
            stdin,
            stdout,
            stderr,
            descriptors,
            uid: config.uid,
            gid: config.gid,
        };
        let mut vmm = Vmm::spawn(plan, proc.as_fd())?;

        let ready = memory
            .as_mut()
            .map_or(Ok(()), |memory| memory.see_vmm(vmm.proc_folder()))
            .and_then(|()| become_unprivileged(config, null, files.own_messages));
        if let Err(failure) = ready {
            vmm.kill();
            vmm.reap()?;
            return Err(failure);
        }
        made.keep();
        Ok(Started {
            vmm,
            listener: files.listener,
            exit_file: files.exit_file,
            console: Output::new(console, console_log),
            messages: Output::new(messages, vmm_log),
            memory,
        })
    }
}

/// The same user as the VMM's, and still out of its reach: another PID namespace, and, not being
/// dumpable, closed to ptrace and to its user's eyes in `/proc`.
fn become_unprivileged(config: &Config, null: OwnedFd, own_messages: File) -> Result<()> {
    confine::limits::no_core_dump()?;
    confine::privileges::drop_to(config.uid, config.gid)?;
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .while_doing(|| "become non-dumpable".into())?;
    rustix::stdio::dup2_stdin(null)
        .and_then(|()| rustix::stdio::dup2_stderr(own_messages))
        .while_doing(|| "let go of the starter's streams".into())
}

/// A pipe for the VMM to write to. Only our end is non-blocking: the other's mode is the VMM's
/// business.
fn output_pipe() -> Result<(OwnedFd, OwnedFd)> {
    let make = || -> rustix::io::Result<(OwnedFd, OwnedFd)> {
        let (reader, writer) = pipe_with(PipeFlags::CLOEXEC)?;
        rustix::io::ioctl_fionbio(&reader, true)?;
        Ok((reader, writer))
    };
    make().while_doing(|| "make a pipe".into())
}
