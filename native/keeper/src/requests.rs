//! What may be asked on the socket, and the answers: one JSON object a line, each way
//! (docs/formats/keeper.md).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::jobs::JobId;
use crate::memory;
use crate::vmm::{Exit, Usage};

/// The longest line that is listened to, without its end.
pub const LONGEST_LINE: usize = 64 * 1024;

const SAVE_TAKES: &str = "save takes a name, of 1 to 64 letters, digits, ., - and _ and not beginning \
                          with ., and a generation from 1 on";

/// A request that was understood. Its `id`, a string or a number, comes back with the answer.
#[derive(Debug, PartialEq)]
pub struct Request {
    pub operation: Operation,
    pub id: Option<Value>,
}

/// What can be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    Status,
    Stats,
    Kill,
    SendState,
    Save { name: String, generation: u64 },
    CancelSave,
    RecordWorkingSet,
}

/// What a request comes to.
pub enum Reply {
    /// It is answered with this line.
    Now(Vec<u8>),
    /// It is answered when the job has ended.
    Later(JobId),
    /// It is answered when the VMM has ended.
    AtExit,
}

/// The answer to `status`.
#[derive(Serialize)]
pub struct Status<'a> {
    pub sandbox_id: &'a str,
    pub keeper_pid: u32,
    pub vmm_pid: i32,
    pub started_at_ms: u64,
    pub state: &'static str,
}

/// The answer to `stats`.
#[derive(Serialize)]
pub struct Stats {
    #[serde(flatten)]
    pub usage: Usage,
    pub console_bytes: u64,
    pub vmm_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<memory::Stats>,
}

/// The answer to `kill`, and what an `exit` event holds.
#[derive(Serialize)]
pub struct Ended {
    pub exit: Exit,
}

impl Request {
    /// Understands a line, or says what is wrong with it in an answer.
    pub fn parse(line: &[u8]) -> Result<Self, Vec<u8>> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Asked {
            op: String,
            id: Option<Value>,
            name: Option<String>,
            generation: Option<u64>,
        }
        let Asked {
            op,
            id,
            name,
            generation,
        } = serde_json::from_slice(line)
            .map_err(|error| refusal(None, &format!("not a request: {error}")))?;
        if id
            .as_ref()
            .is_some_and(|id| !id.is_string() && !id.is_number())
        {
            return Err(refusal(None, "the id of a request is a string or a number"));
        }
        let refuse = |error: &str| Err(refusal(id.as_ref(), error));
        let operation = match (op.as_str(), name, generation) {
            ("save", Some(name), Some(generation)) if is_folder_name(&name) && generation > 0 => {
                Operation::Save { name, generation }
            }
            ("save", ..) => return refuse(SAVE_TAKES),
            (_, Some(_), _) | (_, _, Some(_)) => {
                return refuse("only save takes a name and a generation");
            }
            ("status", ..) => Operation::Status,
            ("stats", ..) => Operation::Stats,
            ("kill", ..) => Operation::Kill,
            ("send_state", ..) => Operation::SendState,
            ("cancel_save", ..) => Operation::CancelSave,
            ("record_working_set", ..) => Operation::RecordWorkingSet,
            _ => return refuse("unknown operation"),
        };
        Ok(Self { operation, id })
    }
}

/// One that needs no thought wherever it is written, and is neither hidden nor a way out.
fn is_folder_name(name: &str) -> bool {
    let letters = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    name.len() <= 64 && name.chars().all(letters) && !name.is_empty() && !name.starts_with('.')
}

/// `{"ok": true, …}`
pub fn answer(id: Option<&Value>, body: &impl Serialize) -> Vec<u8> {
    #[derive(Serialize)]
    struct Answer<'a, T> {
        ok: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a Value>,
        #[serde(flatten)]
        body: &'a T,
    }
    line(&Answer { ok: true, id, body })
}

/// `{"ok": false, "error": "…"}`
pub fn refusal(id: Option<&Value>, error: &str) -> Vec<u8> {
    #[derive(Serialize)]
    struct Refusal<'a> {
        ok: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a Value>,
        error: &'a str,
    }
    line(&Refusal {
        ok: false,
        id,
        error,
    })
}

/// `{"event": "exit", "exit": {…}}`
pub fn exit_event(exit: Exit) -> Vec<u8> {
    #[derive(Serialize)]
    struct Event {
        event: &'static str,
        exit: Exit,
    }
    line(&Event {
        event: "exit",
        exit,
    })
}

/// One JSON object and its end of line.
pub fn line(object: &impl Serialize) -> Vec<u8> {
    // Nothing that is answered here has keys other than strings, the one thing that JSON could not
    // hold.
    let mut line = serde_json::to_vec(object).unwrap_or_default();
    line.push(b'\n');
    line
}
