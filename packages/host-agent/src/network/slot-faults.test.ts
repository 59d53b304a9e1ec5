/** Every command of every operation on slots fails in turn, before and after its work; the kernel is compared before and after. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { RoostError } from "@roost/protocol/errors";
import { pino } from "pino";
import { failingRun } from "../commands/failing-run.ts";
import type { CommandRunner } from "../commands/run.ts";
import { openSlots, teardownNetwork } from "./network.ts";
import type { Slots } from "./slots.ts";
import { kernelState } from "./testing/kernel-state.ts";
import { freshHost } from "./testing/marks.ts";
import { OwnNetwork } from "./testing/own-network.ts";

const logger = pino({ level: "silent" });

interface Scene extends AsyncDisposable {
  readonly mark: string;
  readonly network: OwnNetwork;
  readonly open: (options?: { readonly run?: CommandRunner; readonly spare?: number }) => Promise<Slots>;
  readonly state: () => Promise<string[]>;
}

async function scene(): Promise<Scene> {
  await using undo = new AsyncDisposableStack();
  const { mark, cidr } = freshHost();
  const network = undo.use(await OwnNetwork.make());
  undo.defer(() => teardownNetwork(mark, { run: network.run }));
  const resources = undo.move();
  return {
    mark,
    network,
    // Without spare slots nothing happens in the background: each command belongs to the operation that is tried.
    open: ({ run = network.run, spare = 0 } = {}) => openSlots({ mark, cidr, logger, spare, run, resolverFiles: [] }),
    state: () => kernelState(network, [mark]),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** Tries an operation with each of its commands failing. @returns the commands that failed and were reported. */
async function failEach(
  when: "before" | "after",
  attempt: (run: CommandRunner, failed: () => string | undefined) => Promise<void>,
  run: CommandRunner,
): Promise<string[]> {
  const commands: string[] = [];
  for (let failAt = 0; ; failAt++) {
    const failing = failingRun(run, failAt, when);
    await attempt(failing.run, failing.failed);
    const command = failing.failed();
    if (command === undefined) return commands;
    commands.push(command);
  }
}

async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
    return undefined;
  } catch (error) {
    return error;
  }
}

for (const when of ["before", "after"] as const) {
  test(`opening fails ${when} each of its commands, and leaves nothing`, async () => {
    await using host = await scene();
    const before = await host.state();
    const commands = await failEach(
      when,
      async (failing, failed) => {
        let run = failing;
        const opening = host.open({ run: (argv, options) => run(argv, options), spare: 1 });
        const error = await rejection(opening);
        run = host.network.run;
        if (error === undefined) {
          // Whether another firewall stands in the way may stay unknown.
          assert.match(`${failed()}`, /^(undefined|cat \/proc\/net\/ip_tables_names)$/);
          await (await opening)[Symbol.asyncDispose]();
          await teardownNetwork(host.mark, { run: host.network.run });
        } else {
          assert.ok(error instanceof RoostError && error.code === "internal", `${failed()}: ${error}`);
          assert.match(error.message, /planted failure/);
        }
        assert.deepEqual(await host.state(), before, `after ${failed()}`);
      },
      host.network.run,
    );
    assert.ok(commands.length >= 5, commands.join("\n"));
  });

  test(`making a slot fails ${when} each of its commands, and leaves nothing; the next one is made`, async () => {
    await using host = await scene();
    let run: CommandRunner = host.network.run;
    await using slots = await host.open({ run: (argv, options) => run(argv, options) });
    const before = await host.state();
    const commands = await failEach(
      when,
      async (failing, failed) => {
        run = failing;
        const error = await rejection(slots.acquire({ internet: false }));
        run = host.network.run;
        if (failed() === undefined) {
          assert.equal(error, undefined);
        } else {
          assert.ok(error instanceof RoostError && error.code === "internal", `${failed()}: ${error}`);
          assert.deepEqual(await host.state(), before, `after ${failed()}`);
          assert.equal(slots.taken.size, 0);
        }
      },
      host.network.run,
    );
    assert.ok(commands.length >= 6, commands.join("\n"));
  });

  test(`releasing a slot fails ${when} each of its commands; asked again it leaves nothing`, async () => {
    await using host = await scene();
    let run: CommandRunner = host.network.run;
    await using slots = await host.open({ run: (argv, options) => run(argv, options) });
    const before = await host.state();
    const commands = await failEach(
      when,
      async (failing, failed) => {
        const slot = await slots.acquire({ internet: true });
        run = failing;
        const error = await rejection(slots.release(slot.index));
        run = host.network.run;
        // A conntrack that finds nothing to forget ends with status 1, too.
        if (error !== undefined) {
          assert.ok(error instanceof RoostError && error.code === "internal", `${failed()}: ${error}`);
          assert.ok(slots.taken.has(slot.index), "a slot that is half there is not used again");
          await slots.release(slot.index);
        }
        assert.deepEqual(await host.state(), before, `after ${failed()}`);
        assert.equal(slots.taken.size, 0);
      },
      host.network.run,
    );
    assert.ok(commands.length >= 3, commands.join("\n"));
  });

  test(`tearing down fails ${when} each of its commands; asked again it leaves nothing`, async () => {
    await using host = await scene();
    const before = await host.state();
    const commands = await failEach(
      when,
      async (failing, failed) => {
        const slots = await host.open();
        await slots.acquire({ internet: true });
        const error = await rejection(teardownNetwork(host.mark, { run: failing }));
        if (error !== undefined) await teardownNetwork(host.mark, { run: host.network.run });
        assert.deepEqual(await host.state(), before, `after ${failed()}`);
      },
      host.network.run,
    );
    assert.ok(commands.length >= 5, commands.join("\n"));
  });
}
