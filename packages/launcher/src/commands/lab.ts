/** `./roost lab`: emulated host machines, by hand. docs/lab.md tells what for. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createReadStream, createWriteStream } from "node:fs";
import { join } from "node:path";
import { finished } from "node:stream/promises";
import { setTimeout as pause } from "node:timers/promises";
import type { ReadStream } from "node:tty";
import { LauncherFailure, sentenceOf } from "../failure.ts";
import { askLab, isLabUp } from "../lab/by-hand/control.ts";
import { holdLab } from "../lab/by-hand/hold.ts";
import { openLine } from "../lab/by-hand/line.ts";
import { CHECKOUT_INSIDE } from "../lab/image/recipe.ts";
import type { Settings } from "../settings.ts";
import { installLabShown } from "./install.ts";
import type { LabAction } from "./lab-action.ts";
import type { Machine } from "./machine.ts";

export async function lab(settings: Settings, machine: Machine, action: LabAction): Promise<void> {
  switch (action.do) {
    case "up":
      return up(settings, machine, action.hosts);
    case "hold":
      return hold(settings, machine);
    case "sh":
      return shell(settings, action.host);
    case "run":
      return run(settings, machine, action.host, action.argv);
    case "cp":
      return copy(settings, action);
    case "cut":
    case "boot":
      return askLab(settings, { op: action.do, host: action.host });
    case "down":
      return down(settings, machine);
  }
}

async function up(settings: Settings, machine: Machine, hosts: number): Promise<void> {
  await installLabShown(settings, machine);
  if (!(await isLabUp(settings))) await startHolding(settings, machine);
  await askLab(settings, { op: "hosts", count: hosts });
  machine.stdout.write(`${hosts === 1 ? "A host is" : `${hosts} hosts are`} up: ./roost lab sh ${hosts}\n`);
}

async function down(settings: Settings, machine: Machine): Promise<void> {
  if (await isLabUp(settings)) {
    await askLab(settings, { op: "down" });
    while (await isLabUp(settings)) await pause(50, undefined, { signal: machine.interrupted });
  }
  machine.stdout.write("no lab is up\n");
}

/** The lab's hosts are children of a process that goes on when this one returns. */
async function startHolding(settings: Settings, machine: Machine): Promise<void> {
  const child = spawn(process.execPath, [join(import.meta.dirname, "..", "main.ts"), "lab", "hold"], {
    cwd: settings.checkout,
    env: settings.environment as NodeJS.ProcessEnv,
    detached: true,
    stdio: ["ignore", "ignore", "ignore", "ipc"],
  });
  const interrupt = () => child.kill("SIGTERM");
  machine.interrupted.addEventListener("abort", interrupt, { once: true });
  const answers: Promise<unknown[]>[] = [once(child, "message"), once(child, "exit")];
  const [told] = await Promise.race(answers);
  machine.interrupted.removeEventListener("abort", interrupt);
  if (child.connected) child.disconnect();
  child.unref();
  if (told !== "ready") throw new LauncherFailure(`the lab did not start: ${String(told)}`);
}

async function hold(settings: Settings, machine: Machine): Promise<void> {
  const tell = (word: string) => {
    if (process.connected) process.send?.(word, () => process.connected && process.disconnect?.());
  };
  try {
    await holdLab(settings, machine.interrupted, () => tell("ready"));
  } catch (error) {
    tell(sentenceOf(error));
    throw error;
  }
}

/** A login shell on a terminal of its own there, when there is one here. */
async function shell(settings: Settings, host: number): Promise<void> {
  const terminal: ReadStream = process.stdin;
  if (!terminal.isTTY) throw new LauncherFailure("this is no terminal: ./roost lab run HOST -- COMMAND… needs none");
  await using opened = await openLine(settings, host);
  const { rows = 24, columns = 80 } = process.stdout;
  terminal.setRawMode(true);
  try {
    const size = `stty rows ${Number(rows)} cols ${Number(columns)}`;
    const argv = ["script", "-qefc", `${size}; exec bash -l`, "/dev/null"] as const;
    const env = { TERM: process.env.TERM ?? "linux" };
    const ending = await opened.line.run(
      { argv, cwd: CHECKOUT_INSIDE, env },
      { input: terminal, onStdout: (piece) => void process.stdout.write(piece) },
    );
    process.exitCode = ending.status;
  } finally {
    terminal.setRawMode(false);
    terminal.destroy();
  }
}

async function run(
  settings: Settings,
  machine: Machine,
  host: number,
  argv: readonly [string, ...string[]],
): Promise<void> {
  await using opened = await openLine(settings, host);
  const ending = await opened.line.run(
    { argv, cwd: CHECKOUT_INSIDE },
    {
      input: process.stdin,
      onStdout: (piece) => void machine.stdout.write(piece),
      onStderr: (piece) => void machine.stderr.write(piece),
      signal: machine.interrupted,
    },
  );
  process.stdin.destroy();
  if (ending.failure !== undefined) throw new LauncherFailure(ending.failure);
  process.exitCode = ending.status;
}

/** One file, in one direction or the other. */
async function copy(settings: Settings, { host, inside, outside, way }: LabAction & { do: "cp" }): Promise<void> {
  await using opened = await openLine(settings, host);
  const said: Buffer[] = [];
  const onStderr = (piece: Buffer) => void said.push(piece);
  const into = async () => {
    const input = createReadStream(outside);
    await once(input, "open");
    return await opened.line.run({ argv: ["dd", `of=${inside}`, "status=none"] }, { input, onStderr });
  };
  const out = async () => {
    const writing = createWriteStream(outside);
    await once(writing, "open");
    const onStdout = (piece: Buffer) => void writing.write(piece);
    const ending = await opened.line.run({ argv: ["cat", "--", inside] }, { onStdout, onStderr });
    await finished(writing.end());
    return ending;
  };
  const { status } = way === "in" ? await into() : await out();
  if (status !== 0) throw new LauncherFailure(Buffer.concat(said).toString().trim());
}
