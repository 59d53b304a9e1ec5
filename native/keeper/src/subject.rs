//! What requests are about: the sandbox's VMM, its output and its memory.

use confine::{Failure, Result};
use serde_json::Value;

use crate::jobs::Jobs;
use crate::memory::{Memory, Order};
use crate::output::Output;
use crate::requests::{Operation, Reply, Stats, Status, answer, refusal};
use crate::vmm::Vmm;

/// All of it.
pub struct Subject {
    pub sandbox_id: String,
    pub started_at_ms: u64,
    pub vmm: Vmm,
    pub console: Output,
    pub messages: Output,
    pub memory: Option<Memory>,
    pub jobs: Jobs,
}

impl Subject {
    /// Carries out a request, or begins to.
    pub fn perform(&mut self, operation: Operation, id: Option<&Value>) -> Reply {
        match operation {
            Operation::Status => Reply::Now(answer(
                id,
                &Status {
                    sandbox_id: &self.sandbox_id,
                    keeper_pid: std::process::id(),
                    vmm_pid: self.vmm.pid(),
                    started_at_ms: self.started_at_ms,
                    state: "running",
                },
            )),
            Operation::Stats => Reply::Now(match self.vmm.usage() {
                Ok(usage) => answer(
                    id,
                    &Stats {
                        usage,
                        console_bytes: self.console.bytes(),
                        vmm_bytes: self.messages.bytes(),
                        memory: self.memory.as_ref().map(Memory::stats),
                    },
                ),
                Err(failure) => refusal(id, &failure.to_string()),
            }),
            Operation::Kill => {
                self.vmm.kill();
                Reply::AtExit
            }
            Operation::SendState => self.begin(id, |memory| memory.sending_state()),
            Operation::Save { name, generation } => {
                self.begin(id, |memory| memory.save(Order { name, generation }))
            }
            Operation::CancelSave => self.begin(id, Memory::cancel_save),
            Operation::RecordWorkingSet => self.begin(id, Memory::record_working_set),
        }
    }

    /// Begins a job that is about the memory.
    fn begin<Work>(
        &mut self,
        id: Option<&Value>,
        prepare: impl FnOnce(&mut Memory) -> Result<Work>,
    ) -> Reply
    where
        Work: FnOnce() -> Result<Value> + Send + 'static,
    {
        let begun = self
            .memory
            .as_mut()
            .ok_or_else(|| Failure::new("this sandbox was started without memory of the keeper's"))
            .and_then(prepare)
            .and_then(|work| self.jobs.begin(work));
        match begun {
            Ok(job) => Reply::Later(job),
            Err(failure) => Reply::Now(refusal(id, &failure.to_string())),
        }
    }

    /// A guest whose memory is in doubt does not go on.
    pub fn attend_to_memory(&mut self) {
        let Some(memory) = &mut self.memory else {
            return;
        };
        if let Err(failure) = memory.attend(self.vmm.pid()) {
            eprintln!("roost-keeper: the VMM is killed: {failure}");
            self.vmm.cut_off();
            self.memory = None;
        }
    }
}
