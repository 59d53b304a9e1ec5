/** What tests of whole operations (`tests/faults`) need of the agent; no other package imports from it. */

export { runCommand } from "./commands/run.ts";
export { emptyLayer } from "./disk/qcow2/header.ts";
export { connectEnvd } from "./envd-client/envd-client.ts";
export { type RealGuest, realGuest } from "./envd-client/testing/real-guest.ts";
export { linkGeneration, readManifest } from "./generations/generations.ts";
export { summarizeMap } from "./generations/memory-map.ts";
export { findCandidates } from "./host/candidates.ts";
export { Ground, type GroundOptions } from "./host/ground.ts";
export { chooseHostVmm } from "./host/host.ts";
export { IdentityFolder } from "./identity/identity-folder.ts";
export { startRpcServer } from "./rpc/server.ts";
export { FakeSandboxes } from "./rpc/testing/fake-sandboxes.ts";
export { createSandbox } from "./sandboxes/create.ts";
export { destroySandbox } from "./sandboxes/destroy.ts";
export type { Parts } from "./sandboxes/parts.ts";
export { freezeSandbox, type Paused } from "./sandboxes/pause.ts";
export { reconcile } from "./sandboxes/reconcile.ts";
export { resumeSandbox } from "./sandboxes/resume.ts";
export type { RunningSandbox } from "./sandboxes/sandbox.ts";
export { Sandboxes } from "./sandboxes/sandboxes.ts";
export { keepSnapshot, snapshotFolder } from "./sandboxes/snapshots.ts";
export type { Steps } from "./sandboxes/steps.ts";
export { LIMITS, type Limits, needOf } from "./upkeep/need.ts";
export { ASLEEP, AWAKE, renewGeneration } from "./upkeep/renew.ts";
export { learnBeforePause, learnWorkingSet } from "./upkeep/working-set.ts";
export { Shelf } from "./warm-bases/shelf.ts";
export { warmBase } from "./warm-bases/warm-base.ts";
