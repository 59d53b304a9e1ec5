//! Terminals: what a person at a keyboard expects, and what programs that draw need.

use serde_json::{Value, json};

use crate::support::Server;

const MIB: usize = 1 << 20;

#[test]
fn a_terminal_has_the_size_it_was_given_and_is_told_of_another() {
    let server = Server::new();
    let mut terminal = server.terminal("sh", &["-i"]);
    terminal.expect("> ");
    terminal.press("stty size\r");
    terminal.expect("30 100\r\n> ");
    terminal.resize(132, 43).ok();
    terminal.press("stty size\r");
    terminal.expect("43 132\r\n> ");
    // What runs in front learns it by a signal, not by asking.
    terminal.press("(trap 'stty size; exit' WINCH; echo rea''dy; while :; do sleep 0.01; done)\r");
    terminal.expect("ready");
    terminal.resize(90, 20).ok();
    terminal.expect("20 90\r\n> ");
    // What is not said stays.
    terminal.resize(0, 25).ok();
    terminal.press("stty size\r");
    terminal.expect("25 90\r\n> ");
}

#[test]
fn a_terminal_of_which_nobody_says_a_size_is_of_the_usual_one() {
    let server = Server::new();
    let stream = server.start_with(&json!({
        "process": {"cmd": "sh", "args": ["-c", "stty size; echo $TERM; test -t 0 -a -t 1 -a -t 2 && echo all"]},
        "pty": {},
    }));
    let ended = stream.finish();
    assert_eq!(
        String::from_utf8_lossy(&ended.screen),
        "24 80\r\nxterm-256color\r\nall\r\n"
    );
    assert_eq!((ended.stdout.len(), ended.stderr.len()), (0, 0));
}

#[test]
fn what_kind_of_terminal_it_is_may_be_said() {
    let server = Server::new();
    let term = |envs: Value, pty: Value| {
        let command = json!({"cmd": "sh", "args": ["-c", "echo [$TERM]"], "envs": envs});
        let ended = server
            .start_with(&json!({"process": command, "pty": pty}))
            .finish();
        String::from_utf8([ended.stdout, ended.screen].concat()).unwrap()
    };
    assert_eq!(term(json!({"TERM": "vt100"}), json!({})), "[vt100]\r\n");
    assert_eq!(
        term(json!({}), Value::Null),
        "[]\n",
        "what has none is not told of one"
    );
    server.post("/init", &json!({"envVars": {"TERM": "linux"}}));
    assert_eq!(term(json!({}), json!({})), "[linux]\r\n");
}

#[test]
fn control_characters_end_and_stop_the_job_in_front_and_not_the_shell() {
    let server = Server::new();
    let mut terminal = server.terminal("sh", &["-i"]);
    terminal.expect("> ");
    // Whether it is in front already cannot be seen from outside: so it says so itself.
    // It starts nothing: a shell that is stopped in the middle of that (vfork) does not stop.
    // Perl, which every Debian has; Python, a bare one has not.
    let job = r#"perl -e '$| = 1; $SIG{CONT} = sub { print "ag", "ain\n" }; print "in fr", "ont\n"; sleep while 1'"#;
    terminal.press(format!("{job}\r"));
    terminal.expect("in front");
    terminal.press("\x1a");
    terminal.expect("Stopped");
    terminal.press("jobs\r");
    terminal.expect("Stopped");
    terminal.press("fg\r");
    terminal.expect("again");
    terminal.press("\x03");
    terminal.expect("> ");
    terminal.press("\x04");
    let ended = terminal.stream.finish();
    assert!(ended.exited, "{ended:?}");
}

#[test]
fn the_terminal_belongs_to_the_user() {
    let server = Server::new();
    let pty = json!({"process": {"cmd": "sh", "args": ["-c", "stat -c '%U %a' $(tty); id -un; echo x > $(tty)"]}, "pty": {}});
    for user in ["root", "nobody"] {
        let name = base64::Engine::encode(
            &base64::engine::general_purpose::STANDARD,
            format!("{user}:"),
        );
        let stream = server.stream(
            "process.Process/Start",
            &pty,
            &[("authorization", &format!("Basic {name}"))],
        );
        let seen = String::from_utf8(stream.finish().screen).unwrap();
        assert_eq!(seen, format!("{user} 620\r\n{user}\r\nx\r\n"));
    }
}

#[test]
fn a_program_that_draws_over_the_whole_screen_works() {
    let server = Server::new();
    let program = r#"
$| = 1;
$SIG{WINCH} = sub {};
sub draw {
    my ($rows, $columns);
    until ($columns) { ($rows, $columns) = split " ", `stty size` } # A signal may cut it short.
    printf "\e[2J\e[%d;4H\e[31mcorner %dx%d\e[0m", $rows - 1, $columns, $rows;
}
system "stty raw -echo";
print "\e[?1049h";
draw;
for (;;) {
    my $read = sysread STDIN, my $key, 16;
    last if $read and $key =~ /q$/; # Keys may come together.
    if ($read and $key eq "\e[A") { print "\e[1;1Harrow up" } else { draw }
}
print "\e[?1049l";
"#;
    let mut terminal = server.terminal("perl", &["-e", program]);
    // The other screen, the cursor in row 29, red.
    terminal.expect("\x1b[?1049h");
    terminal.expect("\x1b[29;4H");
    terminal.expect("\x1b[31m");
    terminal.expect("corner 100x30");
    terminal.press("\x1b[A");
    terminal.expect("arrow up");
    terminal.press(" ");
    terminal.expect("corner 100x30");
    terminal.resize(61, 17).ok();
    // Told just before it waits for a key, it notices only with the next one.
    terminal.press(" ");
    terminal.expect("\x1b[16;4H");
    terminal.expect("corner 61x17");
    terminal.press("q");
    terminal.expect("\x1b[?1049l");
    assert_eq!(terminal.stream.finish().exit_code, 0);
}

#[test]
fn when_the_process_ends_the_terminal_is_hung_up() {
    let server = Server::new();
    let hung_up = server.path("hung-up");
    let child = format!(
        "trap 'echo yes > {hung_up}; exit' HUP; echo rea''dy; while :; do sleep 0.01; done"
    );
    let mut terminal = server.terminal("sh", &["-c", "sh -c \"$0\"; true", &child]);
    terminal.expect("ready");
    server.shell(&format!("kill -9 {}", terminal.pid));
    assert_eq!(terminal.stream.finish().status, "signal: killed");
    while !std::fs::exists(&hung_up).unwrap() {
        std::thread::yield_now();
    }
}

#[test]
fn a_child_that_keeps_the_terminal_open_does_not_hold_the_end_back() {
    let server = Server::new();
    let script = "(trap '' HUP; echo $$ here; exec sleep 1000) & read line; exit 3";
    let mut terminal = server.terminal("sh", &["-c", script]);
    terminal.expect("here");
    terminal.press("\r");
    let pid = terminal.pid;
    let ended = terminal.stream.finish();
    assert_eq!((ended.exit_code, ended.exited), (3, true));
    assert!(server.shell(&format!("pkill -9 -s {pid}")).exited);
}

#[test]
fn what_was_shown_just_before_the_end_is_not_lost() {
    let server = Server::new();
    for _ in 0..30 {
        let script = "head -c 60000 /dev/zero | tr '\\0' x; echo last";
        let screen = server
            .terminal("sh", &["-c", script])
            .stream
            .finish()
            .screen;
        assert_eq!(screen.len(), 60_006);
        assert!(screen.ends_with(b"last\r\n"));
    }
}

#[test]
fn a_terminal_that_was_left_is_taken_up_again_with_what_it_showed_last() {
    let server = Server::new();
    let (go, done) = (server.path("go"), server.path("done"));
    let wait = format!("until [ -e {go} ]; do sleep 0.01; done");
    let script =
        format!("echo begun; {wait}; seq 1 1000000; touch {done}; read line; echo [$line]");
    let mut terminal = server.terminal("sh", &["-c", &script]);
    terminal.expect("begun");
    let pid = terminal.pid;
    drop(terminal);
    server.await_disconnected();
    std::fs::write(go, "").unwrap();
    // Nobody looks, and it is not held back.
    while !std::fs::exists(&done).unwrap() {
        std::thread::yield_now();
    }

    let mut again = server.terminal_of(server.attach(pid), pid);
    let dropped = again.stream.dropped.unwrap();
    let kept = again.expect("999999\r\n1000000\r\n");
    assert!(
        (MIB..MIB + 128 * 1024).contains(&kept.len()),
        "{}",
        kept.len()
    );
    // A terminal makes two characters of the end of a line.
    assert_eq!(dropped + kept.len() as u64, 6_888_896 + 1_000_000);
    again.press("still here\r");
    again.expect("[still here]\r\n");
    assert_eq!(again.stream.finish().exit_code, 0);
}

#[test]
fn a_character_in_two_pieces_arrives_whole_both_ways_and_is_erased_whole() {
    let server = Server::new();
    let script = "printf '\\303'; sleep 0.2; printf '\\251\\n'; read line; echo \"[$line]\"; read line; echo \"[$line]\"";
    let mut terminal = server.terminal("sh", &["-c", script]);
    let mut seen = Vec::new();
    while !seen.ends_with(b"\n") {
        let event = terminal.stream.next_event().unwrap();
        seen.extend(crate::support::bytes(&event, "pty"));
    }
    assert_eq!(String::from_utf8(seen).unwrap(), "é\r\n");
    terminal.press(b"\xe2\x82");
    terminal.press(b"\xac\r");
    terminal.expect("[€]\r\n");
    terminal.press("aé\x7f\x7fb\r");
    terminal.expect("[b]\r\n");
}

#[test]
fn much_input_waits_for_a_program_that_reads_slowly_and_arrives_exactly() {
    let server = Server::new();
    let script = "stty raw -echo; echo ready; sleep 0.3; head -c 1000000 | sha256sum";
    let mut terminal = server.terminal("sh", &["-c", script]);
    terminal.expect("ready");
    let input: Vec<u8> = (0..1_000_000_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    let file = server.path("input");
    std::fs::write(&file, &input).unwrap();
    terminal.press(&input);
    let expected = server.shell(&format!("sha256sum < {file}")).stdout;
    terminal.expect(String::from_utf8(expected).unwrap().trim_end());
}

#[test]
fn a_terminal_and_pipes_are_not_taken_for_each_other() {
    let server = Server::new();
    let mut terminal = server.terminal("sh", &["-i"]);
    terminal.expect("> ");
    let process = json!({"pid": terminal.pid});
    let stdin = json!({"process": process, "input": {"stdin": "eA=="}});
    assert_eq!(
        server.call("process.Process/SendInput", &stdin).code(),
        "failed_precondition"
    );
    let close = server.call("process.Process/CloseStdin", &json!({"process": process}));
    assert_eq!(close.code(), "failed_precondition");
    assert_eq!(terminal.resize(65_536, 1).code(), "invalid_argument");

    let mut pipes = server.start_with(&json!({"process": {"cmd": "cat"}}));
    let pid = pipes.pid();
    let of_pipes = server.terminal_of(pipes, pid);
    assert_eq!(of_pipes.try_press(b"x").code(), "failed_precondition");
    assert_eq!(of_pipes.resize(10, 10).code(), "failed_precondition");
    let nothing = json!({"process": {"pid": pid}});
    assert_eq!(
        server.call("process.Process/Update", &nothing).ok(),
        json!({})
    );
    server.signal(pid, 9).ok();
    of_pipes.stream.finish();
    let ended = server.call(
        "process.Process/Update",
        &json!({"process": {"pid": pid}, "pty": {}}),
    );
    assert_eq!(ended.code(), "not_found");

    terminal.press("\x04");
    let pid = terminal.pid;
    terminal.stream.finish();
    let ended = server.terminal_of(server.attach(pid), pid);
    assert_eq!(ended.resize(10, 10).code(), "not_found");
    assert_eq!(ended.try_press(b"x").code(), "not_found");
    let unknown = server.call(
        "process.Process/Update",
        &json!({"process": {"pid": 1}, "pty": {}}),
    );
    assert_eq!(unknown.code(), "not_found");
}
