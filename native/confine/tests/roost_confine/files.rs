//! What the program sees of the machine's folders.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_change, unmount,
};

use crate::support::{Folder, UID, confine, shell};

fn mounts() -> String {
    fs::read_to_string("/proc/self/mountinfo").unwrap()
}

#[test]
fn a_folder_is_bound_for_writing_or_for_reading_only() {
    let folder = Folder::new();
    let (open, shut) = (folder.with("open"), folder.with("shut"));
    for place in [&open, &shut] {
        std::os::unix::fs::chown(place, Some(UID), None).unwrap();
    }
    let (a, b) = (folder.with("a"), folder.with("b"));
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();

    let options = format!(
        "--bind {}:{} --bind-ro {}:{}",
        open.display(),
        a.display(),
        shut.display(),
        b.display()
    );
    let script = format!(
        "cd {}; cat a/note b/note; touch a/new; touch b/new 2>&1 | grep -o Read-only",
        folder.path().display()
    );

    assert_eq!(shell(&options, &script), "open\nshut\nRead-only\n");
    assert!(open.join("new").exists());
    assert_eq!(
        fs::read_to_string(a.join("note")).unwrap(),
        "a\n",
        "the machine sees none of it"
    );
    assert!(!mounts().contains(folder.path().to_str().unwrap()));
}

#[test]
fn a_file_can_be_bound_over_a_file() {
    let folder = Folder::new();
    let note = folder.with("source").join("note");
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let target = folder.with("target").join("note");
    let said = shell(
        &format!("--bind-ro {}:{}", note.display(), target.display()),
        &format!("cat {}", target.display()),
    );
    assert_eq!(said, "source\n");
    assert_eq!(fs::read_to_string(target).unwrap(), "target\n");
}

#[test]
fn a_hidden_folder_is_empty_and_cannot_be_written() {
    let folder = Folder::new();
    let hidden = folder.with("hidden");
    fs::set_permissions(&hidden, Permissions::from_mode(0o777)).unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();

    let script = format!(
        "cd {}; ls -A; touch x 2>/dev/null || echo no",
        hidden.display()
    );

    assert_eq!(
        shell(&format!("--hide {}", hidden.display()), &script),
        "no\n"
    );
    assert!(hidden.join("note").exists());
}

#[test]
fn a_folder_deep_in_a_place_that_only_root_may_enter_can_be_shown_at_its_own_path() {
    let home = Folder::new();
    let checkout = home.with("work/checkout");
    home.with("secret");
    let note = checkout.join("note");
    // As it is, an unprivileged user does not get there.
    let reach = format!("cat {} 2>/dev/null || echo unreachable", note.display());
    assert_eq!(shell("", &reach), "unreachable\n");

    let (hide, show) = (home.path().display(), checkout.display());
    let said = shell(
        &format!("--hide {hide} --bind-ro {show}:{show}"),
        &format!("cat {}; ls {hide}; ls {hide}/work", note.display()),
    );

    assert_eq!(said, "work/checkout\nwork\ncheckout\n");
    assert!(home.path().join("secret/note").exists());
}

#[test]
fn a_target_that_is_not_there_is_made_for_all_to_enter() {
    let folder = Folder::new();
    let source = folder.with("source");
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let target = folder.path().join("made/on/the/way");
    let file = folder.path().join("made/file");

    let options = format!(
        "--bind-ro {}:{} --bind-ro {}:{}",
        source.display(),
        target.display(),
        source.join("note").display(),
        file.display()
    );
    let command = confine(&options);
    let script = format!("umask; cat {}/note {}", target.display(), file.display());
    // A strict umask of the caller's must not lock the program out, and is its own again.
    let output = Command::new("/bin/sh")
        .args(["-c", "umask 077; exec \"$@\"", "sh"])
        .arg(command.get_program())
        .args(command.get_args())
        .args(["/bin/sh", "-c", &script])
        .output()
        .unwrap();

    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "0077\nsource\nsource\n"
    );
}

#[test]
fn what_the_machine_unmounts_is_not_kept_alive_by_the_program() {
    let folder = Folder::new();
    // Under systemd all mounts are shared, and only an unmount below a shared one travels.
    let outer = Tmpfs::mount(folder.with("outer"));
    mount_change(&outer.0, MountPropagationFlags::SHARED).unwrap();
    let inner = outer.0.join("inner");
    fs::create_dir(&inner).unwrap();
    let inner = Tmpfs::mount(inner);
    let script = "grep -c $1 /proc/self/mountinfo; read line; grep -c $1 /proc/self/mountinfo";

    let mut child = confine("")
        .args(["/bin/sh", "-c", script, "sh"])
        .arg(&inner.0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut counts = String::new();
    stdout.read_line(&mut counts).unwrap();
    drop(inner);
    drop(child.stdin.take());
    stdout.read_to_string(&mut counts).unwrap();
    child.wait().unwrap();

    assert_eq!(counts, "1\n0\n");
}

/// A mount of the machine's, for as long as a test needs it.
struct Tmpfs(PathBuf);

impl Tmpfs {
    fn mount(folder: PathBuf) -> Self {
        mount("tmpfs", &folder, "tmpfs", MountFlags::empty(), None).unwrap();
        Self(folder)
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = unmount(&self.0, UnmountFlags::DETACH);
    }
}
