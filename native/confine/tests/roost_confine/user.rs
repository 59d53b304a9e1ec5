//! Whom the program runs as, and what it inherits.

use std::os::fd::AsRawFd;
use std::process::Stdio;

use crate::support::{Folder, GID, UID, confine, refusal, shell};

fn status(text: &str, field: &str) -> String {
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))
        .unwrap();
    value.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_program_is_an_unprivileged_user_without_groups_or_capabilities() {
    let text = String::from_utf8(
        confine("")
            .args(["cat", "/proc/self/status"])
            .output()
            .unwrap()
            .stdout,
    )
    .unwrap();

    assert_eq!(
        status(&text, "Uid"),
        [
            UID.to_string(),
            UID.to_string(),
            UID.to_string(),
            UID.to_string()
        ]
        .join(" ")
    );
    assert_eq!(
        status(&text, "Gid"),
        [
            GID.to_string(),
            GID.to_string(),
            GID.to_string(),
            GID.to_string()
        ]
        .join(" ")
    );
    assert_eq!(status(&text, "Groups"), "");
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(status(&text, set), "0000000000000000", "{set}");
    }
    assert_eq!(status(&text, "NoNewPrivs"), "1");
    assert_eq!(status(&text, "SigIgn"), "0000000000000000");
    assert_eq!(status(&text, "SigBlk"), "0000000000000000");
}

#[test]
fn root_is_refused_as_user_and_as_group() {
    for ids in [["0", "5"], ["5", "0"], ["4294967295", "5"]] {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_roost-confine"));
        let output = command
            .args(["--uid", ids[0], "--gid", ids[1], "--", "/bin/true"])
            .output()
            .unwrap();
        assert_eq!(
            refusal(&output),
            format!("refuse to run as user {}, group {}", ids[0], ids[1])
        );
    }
}

#[test]
fn exit_status_streams_arguments_and_environment_are_the_programs_own() {
    let output = confine("")
        .args([
            "/bin/sh",
            "-c",
            "cat; echo err >&2; echo \"$1|$MARK\"; exit 7",
            "sh",
            "a  b",
        ])
        .env("MARK", "x y")
        .stdin(Stdio::from(std::fs::File::open("/etc/passwd").unwrap()))
        .output()
        .unwrap();
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap();
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        format!("{passwd}a  b|x y\n")
    );
    assert_eq!(output.stderr, b"err\n");
    assert_eq!(output.status.code(), Some(7));
}

#[test]
fn no_descriptor_but_the_standard_streams_is_passed_on() {
    let file = std::fs::File::open("/etc/passwd").unwrap();
    rustix::io::fcntl_setfd(&file, rustix::io::FdFlags::empty()).unwrap();
    let output = confine("").args(["ls", "/proc/self/fd"]).output().unwrap();
    // The fourth is the folder that ls reads.
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "0\n1\n2\n3\n",
        "{} was open",
        file.as_raw_fd()
    );
}

#[test]
fn a_user_name_is_known_to_the_program_and_not_to_the_machine() {
    let files = || ["/etc/passwd", "/etc/group"].map(|file| std::fs::read_to_string(file).unwrap());
    let before = files();

    let said = shell(
        "--user-name roost-pg",
        "id -un; id -gn; grep ^root: /etc/passwd | cut -d: -f1; test -e /etc/group && echo 1
         echo >> /etc/passwd || echo read-only",
    );

    assert_eq!(said, "roost-pg\nroost-pg\nroot\n1\nread-only\n");
    assert_eq!(files(), before);
    assert!(
        !std::fs::read_to_string("/proc/self/mountinfo")
            .unwrap()
            .contains(" /etc/passwd ")
    );
}

#[test]
fn chdir_is_where_the_program_begins() {
    let folder = Folder::new();
    let place = folder.with("place");
    let said = shell(
        &format!("--bind {}:/mnt --chdir /mnt", place.display()),
        "pwd; cat note",
    );
    assert_eq!(said, "/mnt\nplace\n");
}

#[test]
fn what_cannot_be_done_is_said_in_one_line_with_status_125() {
    let refused =
        |options: &str, program: &str| refusal(&confine(options).arg(program).output().unwrap());
    assert_eq!(
        refused("", "/no/such/program"),
        "execute /no/such/program: No such file or directory (os error 2)"
    );
    assert_eq!(
        refused("--chdir /no", "true"),
        "change to /no: No such file or directory (os error 2)"
    );
    assert!(refused("--bind /no:/mnt", "true").starts_with("copy the mount of /no: No such file"));
    assert!(refused("--hide /no", "true").starts_with("hide /no: it is not a folder"));
    assert!(
        refused("--hide /etc/passwd", "true").starts_with("hide /etc/passwd: it is not a folder")
    );
    assert!(refused("--bind /etc:/etc/passwd", "true").starts_with("mount /etc on /etc/passwd: "));
    assert!(
        refused("--frobnicate 1", "true")
            .starts_with("unknown option --frobnicate; usage: roost-confine --uid")
    );
}
