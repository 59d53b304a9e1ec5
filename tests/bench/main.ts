/** `./roost bench`: measures what was asked for, prints it, and keeps it under bench/results. */
import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { cpus, release } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { CHECKOUT } from "@roost/launcher/settings";
import { Roost } from "@roost/sdk";
import { type BenchGround, openBenchGround } from "./ground.ts";
import { measure } from "./measure.ts";
import { type BenchOptions, parseOptions } from "./options.ts";
import { plot } from "./report/plot.ts";
import { type BenchResult, type MachineFacts, type RowResult, rowResult } from "./report/result.ts";
import { table, value } from "./report/table.ts";
import { ROWS, type RowId } from "./rows.ts";
import { SCENARIOS, type ScenarioKind } from "./scenarios/scenarios.ts";

const WARM_UPS = 2;

async function bench(options: BenchOptions, signal: AbortSignal): Promise<void> {
  const kinds = SCENARIOS.filter(({ rows }) => rows.some((id) => options.rows.includes(id)));
  const rows: RowResult[] = [];
  let machine: MachineFacts | undefined;
  for (const [warmBases, some] of Map.groupBy(kinds, (kind) => kind.warmBases)) {
    say("starting a Roost to measure\n");
    await using ground = await openBenchGround(warmBases, signal);
    machine ??= await machineFacts(ground);
    for (const kind of some) rows.push(...(await measureKind(kind, ground, options, signal)));
  }
  if (!machine) throw new TypeError("no rows");
  const result: BenchResult = {
    at: new Date().toISOString(),
    commit: await commit(),
    machine,
    rounds: options.rounds,
    rows: rows.toSorted((one, other) => options.rows.indexOf(one.id) - options.rows.indexOf(other.id)),
  };
  const files = await keep(result);
  process.stdout.write(options.json ? `${JSON.stringify(result, undefined, 2)}\n` : `${table(result)}\n${files}\n`);
}

async function measureKind(
  { rows, open }: ScenarioKind,
  ground: BenchGround,
  options: BenchOptions,
  signal: AbortSignal,
): Promise<RowResult[]> {
  const wanted = rows.filter((id) => options.rows.includes(id));
  const notes = new Map<RowId, string>();
  await using scenario = await open(ground, (id, note) => notes.set(id, note));
  const samples = await measure(scenario, new Map(wanted.map((id) => [id, ROWS[id].operations])), {
    warmUps: Math.min(WARM_UPS, options.rounds),
    rounds: options.rounds,
    newPhases: ground.newPhases,
    onRound: (round) =>
      say(`${wanted.join(", ")}: ${round < 1 ? "warming up" : `round ${round} of ${options.rounds}`}\n`),
    signal,
  });
  return Array.from(samples, ([id, found]) => {
    const row = rowResult(id, found, notes.get(id));
    say(`${row.title}: ${value(row.roost.median, row.unit)}, ${row.ratio.toFixed(2)} × ${row.floor.what}\n`);
    return row;
  });
}

function say(text: string): void {
  process.stderr.write(text);
}

/** @returns where it is. */
async function keep(result: BenchResult): Promise<string> {
  const folder = join(CHECKOUT, "bench", "results");
  await mkdir(folder, { recursive: true });
  const name = join(folder, result.at.replace(/[:.]/g, "-"));
  await writeFile(`${name}.json`, `${JSON.stringify(result, undefined, 2)}\n`);
  await writeFile(`${name}.svg`, plot(result));
  return `${name}.svg, .json`;
}

async function machineFacts({ instance }: BenchGround): Promise<MachineFacts> {
  const admin = new Roost({ url: instance.url, token: await instance.adminToken() });
  const { vmm } = await admin.hosts.get(instance.hostId);
  return {
    cpu: cpus()[0]?.model ?? "unknown CPU",
    cores: cpus().length,
    kernel: release(),
    vmm: [vmm?.name, vmm?.version, vmm?.accelerator].join(" "),
  };
}

async function commit(): Promise<string | null> {
  const asked = promisify(execFile)("git", ["-C", CHECKOUT, "describe", "--always", "--dirty"]);
  return await asked.then(
    ({ stdout }) => stdout.trim(),
    () => null,
  );
}

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => stop.abort(new Error("interrupted")));
try {
  await bench(parseOptions(process.argv.slice(2)), stop.signal);
} catch (error) {
  process.stderr.write(`${stop.signal.aborted ? "interrupted" : (error as Error).stack}\n`);
  process.exitCode = 1;
}
