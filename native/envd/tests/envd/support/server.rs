//! A server of its own for each test: a process, on a port that the kernel chose, killed at the end.

use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use ureq::http::{Request, Response};
use ureq::{Agent, Body, SendBody};

/// Longer than anything here takes, also on a machine that does much else.
const LIMIT: Duration = Duration::from_secs(120);

/// A running server, and a folder for the test's files.
pub struct Server {
    child: Child,
    stderr: BufReader<ChildStderr>,
    pub address: SocketAddr,
    pub folder: TempDir,
    agent: Agent,
    /// How many sockets it has while nobody is connected.
    own_sockets: usize,
}

impl Server {
    /// One that takes `/init` from here.
    pub fn new() -> Self {
        Self::with_gateway("127.0.0.1")
    }

    /// One that takes `/init` from `gateway`.
    pub fn with_gateway(gateway: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_envd"))
            .args([
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--gateway",
                gateway,
                "--cgroup",
                "/no/such/cgroup",
            ])
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let address = loop {
            let mut line = String::new();
            assert_ne!(
                stderr.read_line(&mut line).unwrap(),
                0,
                "the server ended before it listened"
            );
            if let Some(address) = line.trim().strip_prefix("envd: listening on ") {
                break address.parse().unwrap();
            }
        };
        let own_sockets = sockets_of(child.id());
        let agent = Agent::new_with_config(
            Agent::config_builder()
                .http_status_as_error(false)
                // A connection that is over is one that the server sees end.
                .max_idle_connections(0)
                .timeout_global(Some(LIMIT))
                .build(),
        );
        Self {
            child,
            stderr,
            address,
            folder: TempDir::new().unwrap(),
            agent,
            own_sockets,
        }
    }

    /// Sends a request; whatever the status, its response.
    pub fn send(&self, request: Request<SendBody<'_>>) -> Response<Body> {
        self.agent.run(request).expect("the server answers")
    }

    /// The beginning of a request.
    pub fn request(&self, method: &str, path: &str) -> ureq::http::request::Builder {
        Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.address))
    }

    /// GET, whole.
    pub fn get(&self, path: &str) -> (u16, Vec<u8>) {
        let response = self.send(self.request("GET", path).body(SendBody::none()).unwrap());
        whole(response)
    }

    /// POST of JSON to a plain route.
    pub fn post(&self, path: &str, json: &serde_json::Value) -> (u16, Vec<u8>) {
        let request =
            self.request("POST", path)
                .body(SendBody::from_owned_reader(std::io::Cursor::new(
                    json.to_string(),
                )));
        whole(self.send(request.unwrap()))
    }

    /// A path in the test's folder.
    pub fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// A bare connection, for requests that end badly.
    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        stream
    }

    /// Returns once the server has closed every connection: it has noticed that the clients are gone.
    pub fn await_disconnected(&self) {
        while self.sockets() > self.own_sockets {
            std::thread::yield_now();
        }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Kibibytes that it has in memory.
    pub fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.unwrap().trim().trim_end_matches(" kB");
        number.parse().unwrap()
    }

    fn sockets(&self) -> usize {
        sockets_of(self.child.id())
    }

    /// How often the server has gone to sleep: while it does nothing, never.
    pub fn times_slept(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))
            .unwrap();
        line.trim().parse().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let mut said = String::new();
            let _ = self.stderr.read_to_string(&mut said);
            eprintln!("the server said: {said}");
        }
    }
}

fn sockets_of(pid: u32) -> usize {
    let descriptors = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let targets = descriptors.filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok());
    targets
        .filter(|target| target.to_string_lossy().starts_with("socket:"))
        .count()
}

/// Status and body.
pub fn whole(mut response: Response<Body>) -> (u16, Vec<u8>) {
    let mut body = Vec::new();
    response
        .body_mut()
        .as_reader()
        .read_to_end(&mut body)
        .unwrap();
    (response.status().as_u16(), body)
}
