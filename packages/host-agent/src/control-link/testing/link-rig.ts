/** A link to a test control plane, with a clock moved by hand. */
import { pino } from "pino";
import { temporaryFolder } from "../../identity/testing/temporary-folder.ts";
import { type ControlLink, type ControlLinkOptions, openControlLink, type ReportedSandbox } from "../control-link.ts";
import { TestControlPlane } from "./control-plane.ts";
import { ManualClock } from "./manual-clock.ts";

export interface LinkRig extends AsyncDisposable {
  readonly control: TestControlPlane;
  readonly clock: ManualClock;
  readonly folder: string;
  readonly log: string[];
  /** What happened, in order: `lost:silent`, `lost:refused`, `regained`, `deleted`. */
  readonly events: string[];
  sandboxes: ReportedSandbox[];
  open(options?: Partial<ControlLinkOptions>): Promise<ControlLink>;
}

export async function linkRig(): Promise<LinkRig> {
  await using resources = new AsyncDisposableStack();
  const folder = resources.use(await temporaryFolder());
  const control = resources.use(await TestControlPlane.start());
  const clock = new ManualClock();
  const log: string[] = [];
  const events: string[] = [];
  const links = new Set<ControlLink>();
  resources.defer(async () => {
    for (const link of links) await link[Symbol.asyncDispose]();
  });
  const owned = resources.move();
  const rig: LinkRig = {
    control,
    clock,
    folder: folder.path,
    log,
    events,
    sandboxes: [],
    async open(options = {}) {
      const link = await openControlLink({
        url: control.url,
        identityFolder: folder.path,
        joinToken: control.joinToken,
        facts: {
          address: "127.0.0.1:4701",
          arch: "x86_64",
          cpuCores: 2,
          memoryMb: 4096,
          diskGb: 50,
          vmm: { name: "qemu", version: "7.2", accelerator: "tcg" },
          diskDriver: "qcow2",
        },
        listSandboxes: () => rig.sandboxes,
        load: () => ({ sandboxes: rig.sandboxes.length, vcpus: 1, memoryMb: 128, diskFreeMb: 1000 }),
        logger: pino({ level: "trace" }, { write: (line: string) => void log.push(line) }),
        onControlLost: (why) => events.push(`lost:${why}`),
        onControlRegained: () => events.push("regained"),
        onHostDeleted: () => events.push("deleted"),
        clock,
        random: () => 0,
        ...options,
      });
      links.add(link);
      return link;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
  return rig;
}

/** Resolves when what a test waits for is so; the runner's own limit ends a wait in vain. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}
