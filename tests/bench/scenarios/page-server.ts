/**
 * The keeper's page server and the smallest one that serves, under the same program: one that maps its memory as QEMU does, and touches
 * it, or waits until all of it has come.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chown, copyFile, mkdir, open, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { BenchGround } from "../ground.ts";
import type { Scenario } from "../measure.ts";
import type { RowId } from "../rows.ts";

type What = "faults" | "push";

const PAGES = 65_536;
const PAGE_BYTES = 4096;

export const openFaults = (ground: BenchGround): Promise<Scenario> => openPageServer(ground, "faults", "fault");
export const openPush = (ground: BenchGround): Promise<Scenario> => openPageServer(ground, "push", "push");

/** What both sides have in common. */
interface Place {
  readonly what: What;
  readonly program: string;
  /** Holds the program, and mount points. */
  readonly root: string;
  readonly generation: string;
  readonly folder: string;
}

async function openPageServer(ground: BenchGround, what: What, row: RowId): Promise<Scenario> {
  await using stack = new AsyncDisposableStack();
  const folder = join(ground.folder, what);
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const place = {
    what,
    program: ground.floor.program,
    root: join(folder, "root"),
    generation: join(folder, "1"),
    folder,
  };
  for (const name of ["root/bin", "root/dev", "root/vm", "root/proc", "1"]) {
    await mkdir(join(folder, name), { recursive: true });
  }
  await copyFile(place.program, join(place.root, "bin", "touch"));
  await succeed(spawn(place.program, ["layer", "--folder", place.generation, "--pages", String(PAGES)]));
  const slot = stack.use(await ground.slots.take());
  const kept = stack.move();
  return {
    roost: async () => ({ [row]: await withKeeper(place, join(ground.assets, "bin", "roost-keeper"), slot) }),
    floor: async () => ({ [row]: await withMinimalServer(place) }),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

async function withKeeper(
  place: Place,
  keeper: string,
  { netns, uid }: { netns: string; uid: number },
): Promise<number> {
  const { what, folder, root, generation } = place;
  await using vm = await freshVm(place);
  const save = join(folder, "save");
  await rm(save, { recursive: true, force: true });
  await mkdir(save, { mode: 0o700 });
  for (const path of [save, vm.path, join(vm.path, "ram")]) await chown(path, uid, uid);
  const config = {
    sandbox_id: "sb_bench",
    socket: join(folder, "keeper.sock"),
    exit_file: join(folder, "exit.json"),
    console_log: join(folder, "console.log"),
    vmm_log: join(folder, "vmm.log"),
    log_limit_bytes: 65_536,
    cgroup_procs: [],
    ...{ netns, tap: null, tap_fd: 3, uid, gid: uid, root },
    mounts: [{ source: vm.path, target: "/vm", read_only: false }],
    devices: ["null"],
    argv: ["/bin/touch", ...touchWords(what)],
    env: {},
    memory: {
      size_bytes: PAGES * PAGE_BYTES,
      mode: "paged",
      map: join(generation, "memory.map"),
      layers: join(generation, "memory"),
      state: null,
      working_set: what === "push" ? join(generation, "working-set") : null,
      save_folder: save,
    },
  };
  for (const file of [config.socket, config.exit_file]) await rm(file, { force: true });
  const child = spawn(keeper, [], { stdio: ["pipe", "pipe", "inherit"] });
  child.stdin.end(JSON.stringify(config));
  const said = text(child.stdout);
  await succeed(child);
  return await vm.result(`${await said}${await readFile(config.vmm_log, "utf8").catch(() => "")}`);
}

async function withMinimalServer(place: Place): Promise<number> {
  const { what, program, root, generation, folder } = place;
  await using vm = await freshVm(place);
  const layer = join(generation, "memory", `${"01".repeat(16)}.layer`);
  const push = what === "push" ? ["--push", "yes"] : [];
  const words = ["page-server", "--socket", join(vm.path, "memory.sock"), "--layer", layer, ...push];
  const server = spawn(program, words, { stdio: ["ignore", "pipe", "inherit"] });
  const gone = once(server, "exit");
  try {
    await Promise.race([once(server.stdout, "data"), gone]);
    const view = ["--root", root, "--vm", vm.path, "--memory", "paged", "--generation", generation];
    const touch = spawn(program, ["machine", ...view, "--", "/bin/touch", ...touchWords(what)], {
      cwd: folder,
      stdio: ["ignore", "ignore", "inherit"],
    });
    await succeed(touch);
  } finally {
    server.kill("SIGKILL");
    await gone;
  }
  return await vm.result("");
}

function touchWords(what: What): string[] {
  return ["touch", "--what", what];
}

/** The folder that the program sees as /vm, with the file that stands for its memory. */
async function freshVm({ folder }: Place) {
  const path = join(folder, "vm");
  await rm(path, { recursive: true, force: true });
  await mkdir(path);
  await using ram = await open(join(path, "ram"), "wx");
  await ram.truncate(PAGES * PAGE_BYTES);
  return {
    path,
    /** What the program has found. */
    async result(said: string): Promise<number> {
      const found = await readFile(join(path, "result"), "utf8").catch(() => "");
      if (found === "") throw new Error(`the page server was not measured: ${said}`);
      return Number(found);
    },
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
}

async function succeed(child: ChildProcess): Promise<void> {
  const [code, signal] = (await once(child, "exit")) as [number | null, string | null];
  if (code !== 0) throw new Error(`${child.spawnargs.slice(0, 2).join(" ")} ended with ${signal ?? code}`);
}
