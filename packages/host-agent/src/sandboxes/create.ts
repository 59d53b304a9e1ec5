/** Making a sandbox, in steps, each of which is undone when a later one fails. */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { RoostError } from "@roost/protocol/errors";
import type { EnvdClient } from "../envd-client/envd-client.ts";
import { findImage } from "../images/images.ts";
import type { Machine, Vmm } from "../vmm/vmm.ts";
import { foldersOf, makingMarker } from "./folders.ts";
import { cgroupName, type Parts } from "./parts.ts";
import { writeRunRecord, writeSpecRecord } from "./records.ts";
import type { RunningSandbox, SandboxSpec } from "./sandbox.ts";

/** Generous: it ends hopeless boots, not slow ones. Idle machines take 0.5 s with KVM and 3 s with TCG, busy ones many times that. */
const BOOT_LIMIT_MS = { kvm: 60_000, tcg: 240_000 };
/** `/init` writes a few files; what it takes is the guest's turn at the CPU. */
const INIT_LIMIT_MS = 60_000;
/** Who runs commands when nobody is named; envd falls back to root in an image without it. */
const DEFAULT_USER = "user";
/** Tasks of a VMM: vCPUs, main loop, and up to 64 workers for disk requests; and the keeper. */
const PIDS_BEYOND_VCPUS = 96;
/** What the VMM's own threads may use beside the vCPUs, in CPUs. */
const CPUS_BEYOND_VCPUS = 0.5;

/**
 * @throws RoostError `not_found` (no such image), `no_capacity`, `disk_full`, `host_failed` (the machine did not come up); the
 * signal's reason when aborted. Nothing of the sandbox is left then.
 */
export async function createSandbox(
  parts: Parts,
  spec: SandboxSpec,
  createdAt: Date,
  signal: AbortSignal,
): Promise<RunningSandbox> {
  const folders = foldersOf(parts.roots, spec.id);
  const accessToken = parts.randomBytes(32).toString("hex");
  using steps = parts.steps("create", parts.logger.child({ sandbox: spec.id }));
  await using undo = new AsyncDisposableStack();
  const step = async <T>(name: string, make: () => Promise<T> | T): Promise<T> => {
    signal.throwIfAborted();
    return await steps.run(name, make);
  };

  const image = await step("image", () => findImage(parts.assets, spec.template));
  await step("admission", () => {
    parts.admission.reserve(spec.id, { vcpus: spec.vcpus, memoryMb: spec.memoryMb });
    undo.defer(() => parts.admission.release(spec.id));
  });
  const slot = await step("slot", async () => {
    const slot = await parts.slots.acquire({ internet: spec.internet }, signal);
    undo.defer(() => parts.slots.release(slot.index));
    return slot;
  });
  const uid = parts.uidBase + slot.index;
  await step("record", async () => {
    undo.defer(() => rm(folders.run, { recursive: true, force: true }));
    // The VMM's user may pass, to its own folder `vm`; no more.
    await mkdir(folders.run, { recursive: true, mode: 0o711 });
    await writeRunRecord(folders.run, { state: "starting", slot: slot.index, access_token: accessToken });
  });
  await step("folder", async () => {
    undo.defer(() => rm(folders.data, { recursive: true, force: true }));
    await mkdir(folders.data, { recursive: true, mode: 0o700 });
    await writeFile(makingMarker(folders), "");
    await writeSpecRecord(folders.data, {
      template: spec.template,
      vcpus: spec.vcpus,
      memory_mb: spec.memoryMb,
      internet: spec.internet,
      created_at: createdAt.toISOString(),
    });
  });
  const disk = await step("disk", async () => {
    const disk = await parts.rootDisk.create(image.path, folders.data, uid, signal);
    undo.defer(() => parts.rootDisk.remove(folders.data));
    return disk;
  });
  const cgroup = await step("cgroup", async () => {
    const cgroup = await parts.cgroups.create(cgroupName(parts, spec.id), {
      memoryBytes: (spec.memoryMb + parts.vmm.overheadMb) * 1024 * 1024,
      cpus: spec.vcpus + CPUS_BEYOND_VCPUS,
      pids: spec.vcpus + PIDS_BEYOND_VCPUS,
    });
    undo.defer(() => cgroup.remove());
    return cgroup;
  });
  const machine = await step("machine", async () => {
    undo.defer(() => parts.vmm.stop(folders));
    const machine = await parts.vmm.start(
      {
        sandboxId: spec.id,
        vcpus: spec.vcpus,
        memoryMb: spec.memoryMb,
        disk,
        slot,
        uid,
        cgroupProcs: cgroup.procs,
        folders: { run: folders.run, data: folders.data },
      },
      signal,
    );
    undo.use(machine);
    return machine;
  });
  const envd = await step("boot", async () => {
    const envd = parts.connectEnvd({ address: slot.address, accessToken });
    undo.use(envd);
    await waitForGuest(envd, machine, parts.vmm, signal);
    return envd;
  });
  await step("init", () =>
    envd.init(
      {
        envVars: spec.env,
        accessToken,
        defaultUser: DEFAULT_USER,
        timestamp: parts.now(),
        hostname: spec.id,
        entropy: parts.randomBytes(64),
        machineId: parts.randomBytes(16).toString("hex"),
      },
      AbortSignal.any([signal, AbortSignal.timeout(INIT_LIMIT_MS)]),
    ),
  );
  const startedAt = parts.now();
  await step("keep", async () => {
    await writeRunRecord(folders.run, {
      state: "running",
      slot: slot.index,
      access_token: accessToken,
      started_at: startedAt.toISOString(),
    });
    await rm(makingMarker(folders));
  });
  undo.move();
  return { machine, envd, slot, startedAt };
}

/** Until envd answers. @throws RoostError `host_failed` when the machine ends first, or takes beyond all patience. */
async function waitForGuest(envd: EnvdClient, machine: Machine, vmm: Vmm, signal: AbortSignal): Promise<void> {
  const limit = BOOT_LIMIT_MS[vmm.description.accelerator];
  const giveUp = new AbortController();
  const timer = setTimeout(() => {
    giveUp.abort(new RoostError("host_failed", `The guest did not answer within ${limit / 1000} seconds.`));
  }, limit);
  let waiting = true;
  void machine.ended.then(({ reason }) => {
    if (waiting) giveUp.abort(new RoostError("host_failed", `The guest did not come up. ${reason}`));
  });
  try {
    await envd.waitHealthy(AbortSignal.any([signal, giveUp.signal]));
  } finally {
    waiting = false;
    clearTimeout(timer);
  }
}
