//! The program does not outlive whoever started it.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use crate::support::{confine, refusal};

#[test]
fn it_is_killed_when_its_parent_is_killed() {
    let inner = confine("");
    // A shell in the launcher's place.
    let mut parent = Command::new("/bin/sh")
        .args(["-c", "\"$@\" & wait", "sh"])
        .arg(inner.get_program())
        .args(inner.get_args())
        .args(["/bin/sh", "-c", "echo $$; exec sleep 3600"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    BufReader::new(parent.stdout.take().unwrap())
        .read_line(&mut said)
        .unwrap();
    let program = Pid::from_raw(said.trim().parse().unwrap()).unwrap();
    let pidfd = pidfd_open(program, PidfdFlags::empty()).unwrap();

    parent.kill().unwrap();
    parent.wait().unwrap();

    let mut watched = [PollFd::new(&pidfd, PollFlags::IN)];
    let patience = Timespec {
        tv_sec: 60,
        tv_nsec: 0,
    };
    assert_eq!(
        poll(&mut watched, Some(&patience)).unwrap(),
        1,
        "it has not ended"
    );
}

#[test]
fn it_does_not_begin_under_another_parent_than_the_one_named() {
    let here = std::process::id();
    let output = confine(&format!("--parent {here}"))
        .args(["echo", "ran"])
        .output()
        .unwrap();
    assert_eq!(output.stdout, b"ran\n");

    let output = confine("--parent 1")
        .args(["echo", "ran"])
        .output()
        .unwrap();
    assert_eq!(refusal(&output), "the parent process has ended already");
    assert_eq!(output.stdout, b"");
}
