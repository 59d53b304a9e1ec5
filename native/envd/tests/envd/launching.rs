//! What a command is given (program, folder, environment, user), and how it is told when there can be none.

use serde_json::{Value, json};

use crate::support::{Ended, Server};

fn run(server: &Server, process: Value) -> Ended {
    server
        .start_with(&json!({"process": process, "stdin": false}))
        .finish()
}

fn refusal(server: &Server, process: Value) -> Value {
    server
        .start_with(&json!({"process": process, "stdin": false}))
        .error()
}

fn text(ended: &Ended) -> String {
    assert_eq!(ended.exit_code, 0, "{ended:?}");
    String::from_utf8(ended.stdout.clone()).unwrap()
}

#[test]
fn exit_codes_come_back_as_they_were() {
    let server = Server::new();
    for code in [0, 1, 42, 255] {
        let ended = server.shell(&format!("exit {code}"));
        assert_eq!((ended.exit_code, ended.exited), (code, true));
        assert_eq!(ended.status, format!("exit status {code}"));
    }
}

#[test]
fn a_command_is_looked_for_in_the_requests_own_path_and_no_shell_is_asked() {
    let server = Server::new();
    let program = server.path("roost-greet");
    std::fs::write(&program, "#!/bin/sh\necho \"$0 $1 $2\"\n").unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&program, mode).unwrap();
    let path = server.folder.path().to_str().unwrap();
    let ended = run(
        &server,
        json!({"cmd": "roost-greet", "args": ["$HOME; `id`", "a b"], "envs": {"PATH": path}}),
    );
    assert_eq!(text(&ended), format!("{program} $HOME; `id` a b\n"));
    assert_eq!(
        refusal(&server, json!({"cmd": "roost-greet"}))["code"],
        "not_found"
    );
}

#[test]
fn why_there_is_no_process_can_be_told_apart() {
    let server = Server::new();
    let plain = server.path("plain");
    std::fs::write(&plain, "no program").unwrap();
    let cases = [
        (json!({"cmd": "no-such-command"}), "not_found"),
        (json!({"cmd": "/no/such/command"}), "not_found"),
        (json!({"cmd": plain}), "permission_denied"),
        (json!({"cmd": "/"}), "permission_denied"),
        (
            json!({"cmd": "true", "cwd": "/no/such/folder"}),
            "invalid_argument",
        ),
        (
            json!({"cmd": "true", "cwd": "/etc/passwd"}),
            "invalid_argument",
        ),
        (json!({"cmd": "true", "cwd": "/tmp\0"}), "invalid_argument"),
        (json!({"cmd": "tr\0ue"}), "invalid_argument"),
        (json!({"cmd": "true", "args": ["a\0b"]}), "invalid_argument"),
        (
            json!({"cmd": "true", "envs": {"A=B": "c"}}),
            "invalid_argument",
        ),
        (json!({"cmd": ""}), "invalid_argument"),
        (Value::Null, "invalid_argument"),
    ];
    for (process, code) in cases {
        assert_eq!(refusal(&server, process.clone())["code"], code, "{process}");
    }
    let huge = json!({"process": {"cmd": "sh"}, "pty": {"size": {"cols": 80, "rows": 65536}}});
    assert_eq!(server.start_with(&huge).error()["code"], "invalid_argument");
}

#[test]
fn the_environment_is_the_sandboxs_then_the_users_then_the_requests() {
    let server = Server::new();
    let told = json!({"envVars": {"FROM_INIT": "1", "BOTH": "init", "HOME": "/nowhere"}, "defaultUser": "root"});
    assert_eq!(server.post("/init", &told).0, 204);
    let ended = run(
        &server,
        json!({"cmd": "env", "envs": {"BOTH": "request", "OWN": "ä=b"}}),
    );
    let lines = text(&ended);
    let mut lines: Vec<&str> = lines.lines().collect();
    lines.sort_unstable();
    let path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    let names: Vec<&str> = lines
        .iter()
        .copied()
        .filter(|line| !line.starts_with("SHELL="))
        .collect();
    assert_eq!(
        names,
        [
            "BOTH=request",
            "FROM_INIT=1",
            "HOME=/root",
            "LOGNAME=root",
            "OWN=ä=b",
            path,
            "USER=root"
        ]
    );
}

#[test]
fn the_folder_is_the_requests_or_the_default_one() {
    let server = Server::new();
    let folder = server.folder.path().canonicalize().unwrap();
    std::fs::create_dir(folder.join("inner")).unwrap();
    assert_eq!(
        server.post("/init", &json!({"defaultWorkdir": folder})).0,
        204
    );
    assert_eq!(
        text(&run(&server, json!({"cmd": "pwd"}))).trim(),
        folder.to_str().unwrap()
    );
    let relative = text(&run(&server, json!({"cmd": "pwd", "cwd": "inner"})));
    assert_eq!(relative.trim(), folder.join("inner").to_str().unwrap());
    assert_eq!(
        text(&run(&server, json!({"cmd": "pwd", "cwd": "/usr"}))),
        "/usr\n"
    );
}

#[test]
fn a_command_runs_as_the_user_that_http_basic_names() {
    let server = Server::new();
    let request = json!({"process": {"cmd": "sh", "args": ["-c", "id -u; id -g; id -G; echo $USER $HOME"]}, "stdin": false});
    let as_user = |name: &str| {
        let credentials = base64::Engine::encode(
            &base64::engine::general_purpose::STANDARD,
            format!("{name}:"),
        );
        server.stream(
            "process.Process/Start",
            &request,
            &[("authorization", &format!("Basic {credentials}"))],
        )
    };
    assert_eq!(as_user("no-such-user").error()["code"], "unauthenticated");
    if !rustix::process::geteuid().is_root() {
        return;
    }
    assert_eq!(text(&as_user("root").finish()), "0\n0\n0\nroot /root\n");
    // Every Debian has it: uid 2, with a group and a home that is there.
    assert_eq!(text(&as_user("bin").finish()), "2\n2\n2\nbin /bin\n");
}

#[test]
fn each_process_leads_a_session_and_a_group_of_its_own_and_inherits_nothing_open() {
    let server = Server::new();
    let ended =
        server.shell("echo $$; cut -d ' ' -f 5,6 /proc/self/stat; ls /proc/$$/fd | tr '\\n' ' '");
    let said = text(&ended);
    let mut lines = said.lines();
    let pid = lines.next().unwrap();
    assert_eq!(lines.next(), Some(format!("{pid} {pid}").as_str()));
    // `sh` may keep its script open as 10 or above; below that only the three streams are there.
    let open: Vec<u32> = lines
        .next()
        .unwrap()
        .split_whitespace()
        .map(|fd| fd.parse().unwrap())
        .collect();
    assert!(open.iter().all(|&fd| fd <= 2 || fd >= 10), "{open:?}");
}

#[test]
fn running_processes_are_listed_with_what_they_were_started_with() {
    let server = Server::new();
    let request = json!({"process": {"cmd": "sleep", "args": ["1000"], "cwd": "/", "envs": {"A": "b"}}, "tag": "nap"});
    let mut stream = server.start_with(&request);
    let pid = stream.pid();
    let listed = server.call("process.Process/List", &json!({})).ok();
    let config = json!({"cmd": "sleep", "args": ["1000"], "cwd": "/", "envs": {"A": "b"}});
    assert_eq!(
        listed,
        json!({"processes": [{"config": config, "pid": pid, "tag": "nap"}]})
    );
    server.signal(pid, 9).ok();
}
