//! Starting a keeper as the agent does, and talking to it.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use serde_json::{Value, json};

use super::Process;
use super::process::PATIENCE;

/// A keeper whose VMM runs. Dropped, both are ended.
pub struct Keeper {
    pub vmm: Process,
    pub process: Process,
    child: Child,
    socket: PathBuf,
}

impl Keeper {
    /// Starts it, and gives the reason if it could not start its VMM; then it has ended with status
    /// 1.
    pub fn start(config: &Value) -> Result<Self, String> {
        Self::start_with(&config.to_string())
    }

    /// The same with a text for its standard input.
    pub fn start_with(config: &str) -> Result<Self, String> {
        let mut child = Self::spawn(config);
        // To the end of the file: it has to close its standard output, or this never returns.
        let mut said = String::new();
        child
            .stdout
            .take()
            .unwrap()
            .read_to_string(&mut said)
            .unwrap();
        assert_eq!(said.matches('\n').count(), 1, "one line: {said:?}");
        let word: Value = serde_json::from_str(&said).unwrap();
        if word["ready"] != json!(true) {
            assert_eq!(word["ready"], json!(false), "{word}");
            assert_eq!(child.wait().unwrap().code(), Some(1));
            return Err(word["error"].as_str().unwrap().to_owned());
        }
        assert_eq!(
            word["keeper_pid"],
            json!(child.id()),
            "the process that was started is the keeper"
        );
        let config: Value = serde_json::from_str(config).unwrap();
        Ok(Self {
            vmm: Process::open(i32::try_from(word["vmm_pid"].as_i64().unwrap()).unwrap()),
            process: Process::open(child.id().cast_signed()),
            socket: config["socket"].as_str().unwrap().into(),
            child,
        })
    }

    /// Only begins to start it.
    pub fn spawn(config: &str) -> Child {
        let mut child = Command::new(env!("CARGO_BIN_EXE_roost-keeper"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // It may refuse before it has read all.
        let _ = child.stdin.take().unwrap().write_all(config.as_bytes());
        child
    }

    pub fn connect(&self) -> Client {
        Self::connect_to(&self.socket)
    }

    /// To a keeper that somebody else started.
    pub fn connect_to(socket: &Path) -> Client {
        let stream = UnixStream::connect(socket).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Client {
            reader: BufReader::new(stream),
        }
    }

    /// Waits for its end.
    pub fn wait(&mut self) -> ExitStatus {
        self.process.ended();
        self.child.wait().unwrap()
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        // It dies with its keeper; tests of their own see to that. This is for the day it does not.
        self.vmm.kill();
        self.vmm.ended();
    }
}

/// A connection to the socket.
pub struct Client {
    pub reader: BufReader<UnixStream>,
}

impl Client {
    pub fn send(&mut self, text: &str) {
        self.reader.get_mut().write_all(text.as_bytes()).unwrap();
    }

    /// Asks for an operation and waits for the answer.
    pub fn ask(&mut self, operation: &str) -> Value {
        self.send(&format!("{}\n", json!({ "op": operation })));
        self.line().expect("an answer")
    }

    /// How the connection ends, if that is all that comes.
    pub fn end(&mut self) -> Result<(), ErrorKind> {
        match self.reader.read(&mut [0]) {
            Ok(0) => Ok(()),
            Ok(_) => panic!("something comes"),
            Err(error) => Err(error.kind()),
        }
    }

    /// The next line, or none if the connection has ended.
    pub fn line(&mut self) -> Option<Value> {
        let mut line = String::new();
        match self.reader.read_line(&mut line) {
            Ok(0) => None,
            Ok(_) => {
                Some(serde_json::from_str(&line).unwrap_or_else(|_| panic!("not JSON: {line:?}")))
            }
            // What the keeper had not read when it closed makes the kernel say so instead of "end".
            Err(error) if error.kind() == ErrorKind::ConnectionReset => None,
            Err(error) => panic!("{error}"),
        }
    }
}
