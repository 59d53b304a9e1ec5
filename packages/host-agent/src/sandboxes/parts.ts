/** What the operations on sandboxes are built from: the drivers and facts of this host. */
import type { Logger } from "pino";
import type { Admission } from "../admission/admission.ts";
import type { Cgroups } from "../cgroups/cgroups.ts";
import type { RootDisk } from "../disk/root-disk.ts";
import type { ConnectEnvd } from "../envd-client/envd-client.ts";
import type { IntactGenerations } from "../generations/generations.ts";
import type { Slots } from "../network/slots.ts";
import type { MemoryMode, Vmm } from "../vmm/vmm.ts";
import type { SandboxRoots } from "./folders.ts";
import type { Steps } from "./steps.ts";

export interface Parts {
  /** Begins the names of all kernel objects of this host: `r<mark>-…`. */
  readonly mark: string;
  readonly assets: string;
  readonly roots: SandboxRoots;
  /** The VMM of slot n runs as user and group `uidBase + n`. */
  readonly uidBase: number;
  readonly slots: Slots;
  readonly rootDisk: RootDisk;
  readonly cgroups: Cgroups;
  readonly admission: Admission;
  readonly vmm: Vmm;
  /** How machines get their memory. */
  readonly memoryMode: MemoryMode;
  readonly intact: IntactGenerations;
  readonly connectEnvd: ConnectEnvd;
  readonly randomBytes: (size: number) => Buffer;
  readonly now: () => Date;
  readonly logger: Logger;
  /** How an operation's steps are run: timed in the agent, made to fail in tests. */
  readonly steps: (operation: string, logger: Logger) => Steps & Disposable;
}

/** The name of a sandbox's cgroup. */
export function cgroupName(parts: Parts, id: string): string {
  return `r${parts.mark}-${id}`;
}
