/** What a machine says of itself when it joins, and at every heartbeat. */

export interface MachineFacts {
  /** `host:port` at which the control plane reaches the agent. */
  readonly address: string;
  readonly arch: "x86_64";
  readonly cpuCores: number;
  readonly memoryMb: number;
  readonly diskGb: number;
  readonly vmm: { readonly name: string; readonly version: string; readonly accelerator: string };
  readonly diskDriver: string;
}

/** What is taken, or left, now. */
export interface HostLoad {
  readonly sandboxes: number;
  readonly vcpus: number;
  readonly memoryMb: number;
  readonly diskFreeMb: number;
}

export interface ReportedSandbox {
  readonly id: string;
  readonly state: "starting" | "running" | "pausing" | "paused" | "resuming" | "stopping" | "error";
  readonly reason?: string | undefined;
}

export function factsBody(facts: MachineFacts): object {
  return {
    address: facts.address,
    arch: facts.arch,
    cpu_cores: facts.cpuCores,
    memory_mb: facts.memoryMb,
    disk_gb: facts.diskGb,
    vmm: facts.vmm,
    disk_driver: facts.diskDriver,
  };
}

/** Always complete: a sandbox that is not in it is not here. */
export function heartbeatBody(load: HostLoad, sandboxes: readonly ReportedSandbox[]): object {
  return {
    load: {
      sandboxes: load.sandboxes,
      vcpus: load.vcpus,
      memory_mb: load.memoryMb,
      disk_free_mb: load.diskFreeMb,
    },
    sandboxes: sandboxes.map(({ id, state, reason }) => ({
      id,
      status: state,
      ...(reason === undefined ? {} : { reason }),
    })),
  };
}
