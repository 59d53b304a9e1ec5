import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { Code } from "@connectrpc/connect";
import { RoostError } from "@roost/protocol/errors";
import { type RealGuest, realGuest } from "../envd-client/testing/real-guest.ts";
import { temporaryFolder } from "../identity/testing/temporary-folder.ts";
import { Conversation } from "./testing/conversation.ts";
import { type RpcRig, rpcRig, SANDBOX_ID } from "./testing/rpc-rig.ts";
import { says } from "./testing/says.ts";

const MiB = 1024 * 1024;

interface Scene extends AsyncDisposable {
  readonly rig: RpcRig;
  readonly guest: RealGuest;
  readonly client: RpcRig["client"];
}

/** An agent's RPC server before a real guest agent. */
async function scene(): Promise<Scene> {
  await using stack = new AsyncDisposableStack();
  const rig = stack.use(await rpcRig());
  const guest = stack.use(await realGuest());
  rig.sandboxes.envd = guest.client;
  const owned = stack.move();
  return { rig, guest, client: rig.client, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

async function unused(rig: RpcRig): Promise<void> {
  while (rig.sandboxes.uses > 0) await pause(5);
}

suite("R3, R6: commands followed over RPC", () => {
  test("start, output as it comes, input as it is given, exit code; the guest is in use as long", async () => {
    await using at = await scene();
    await using command = Conversation.shell(at.client, 'echo out; echo err >&2; read line; echo "got $line"; exit 3');
    const { pid, tag } = await command.started();
    assert.ok(pid > 0);
    assert.match(tag, /^roost-/);
    await command.until("out\n");
    assert.equal(at.rig.sandboxes.uses, 1);
    await command.input("words\n");
    const { stdout, exitCode } = await command.rest();
    assert.match(stdout.toString(), /got words\n$/);
    assert.equal(exitCode, 3);
    await unused(at.rig);
  });

  test("the end of input comes after the input", async () => {
    await using at = await scene();
    await using command = Conversation.shell(at.client, "wc -c");
    await command.started();
    for (let sent = 0; sent < 40; sent++) await command.input(Buffer.alloc(100_000));
    await command.say({ case: "closeInput", value: {} });
    assert.equal((await command.rest()).stdout.toString().trim(), "4000000");
  });

  test("bytes of every kind go through both ways as they are", async () => {
    await using at = await scene();
    await using command = Conversation.shell(at.client, "cat");
    const sent = randomBytes(3 * MiB);
    await command.started();
    const feeding = (async () => {
      for (let offset = 0; offset < sent.length; offset += 77_777) {
        await command.input(sent.subarray(offset, offset + 77_777));
      }
      await command.say({ case: "closeInput", value: {} });
    })();
    const { stdout } = await command.rest();
    await feeding;
    assert.equal(hash(stdout), hash(sent));
  });

  test("a signal overtakes input that nobody reads; stop ends what wants to go on", async () => {
    await using at = await scene();
    await using deaf = Conversation.shell(at.client, "trap 'exit 7' INT; echo ready; while :; do sleep 0.05; done");
    await deaf.until("ready");
    await deaf.input(Buffer.alloc(MiB / 2));
    await deaf.say({ case: "signal", value: 2 });
    assert.equal((await deaf.rest()).exitCode, 7);
    await using stopped = Conversation.shell(at.client, "echo ready; sleep 1000");
    await stopped.until("ready");
    await stopped.say({ case: "stop", value: {} });
    assert.equal((await stopped.rest()).exitCode, 143);
  });

  test("stop kills what does not listen", async () => {
    await using at = await scene();
    await using command = Conversation.shell(at.client, "trap '' TERM; echo ready; while :; do sleep 0.05; done");
    await command.until("ready");
    await command.say({ case: "stop", value: {} });
    assert.equal((await command.rest()).exitCode, 137);
  });

  test("without input it reads an end at once; arguments, environment and user are as asked", async () => {
    await using at = await scene();
    const script = 'cat; printf "%s|%s|%s" "$A" "$PWD" "$(id -un)"';
    const more = { stdin: false, env: { A: "ü" }, cwd: "/usr", user: at.guest.user };
    await using command = Conversation.shell(at.client, script, more);
    assert.equal((await command.rest()).stdout.toString(), `ü|/usr|${at.guest.user}`);
  });

  test("a command that is not there ends as a shell says it", async () => {
    await using at = await scene();
    await using command = new Conversation(at.client);
    void command.say({ case: "start", value: { sandboxId: SANDBOX_ID, cmd: "no-such-command" } });
    const { stderr, exitCode } = await command.rest();
    assert.equal(exitCode, 127);
    assert.match(stderr.toString(), /no-such-command: command not found/);
  });

  test("a caller that leaves leaves the command running; it is attached again by pid and by tag, with what it said meanwhile", async () => {
    await using at = await scene();
    const tag = "build-1";
    await using first = Conversation.shell(at.client, "echo one; read line; echo two; read line; echo three", { tag });
    const started = await first.started();
    assert.equal(started.tag, tag);
    await first.until("one");
    first.leave();
    await unused(at.rig);
    await using second = Conversation.attach(at.client, started.pid);
    assert.equal((await second.started()).pid, started.pid);
    await second.input("\n");
    await second.until("two");
    second.leave();
    await using third = new Conversation(at.client);
    const process = { selector: { case: "tag" as const, value: tag } };
    void third.say({ case: "attach", value: { sandboxId: SANDBOX_ID, process } });
    assert.equal((await third.started()).pid, started.pid);
    await third.input("\n");
    assert.match((await third.rest()).stdout.toString(), /three/);
  });

  test("what nobody read and was not kept is counted", async () => {
    await using at = await scene();
    await using folder = await temporaryFolder();
    const written = join(folder.path, "written");
    const script = `read line; echo begun; head -c 30000000 /dev/zero; echo end; touch ${written}; sleep 1000`;
    await using first = Conversation.shell(at.client, script);
    const { pid } = await first.started();
    await first.input("\n");
    await first.until("begun");
    first.leave();
    while (!existsSync(written)) await pause(5);
    await using again = Conversation.attach(at.client, pid);
    const { droppedBytes } = await again.started();
    assert.ok(droppedBytes > 0n && droppedBytes <= 30_000_000n, String(droppedBytes));
    await again.until("end\n");
    await again.say({ case: "signal", value: 9 });
  });

  test("a process that is not there cannot be attached", async () => {
    await using at = await scene();
    await using command = Conversation.attach(at.client, 4_000_000);
    await assert.rejects(command.next(), says(Code.NotFound, /no such process/));
  });

  test("a reader that stops holds the command back, and loses nothing", async () => {
    await using at = await scene();
    // Far more than fits on the way.
    const lines = 5_000_000;
    await using command = Conversation.shell(at.client, `seq ${lines}; echo finished >&2`);
    await command.started();
    await pause(300);
    const { processes } = await at.client.listProcesses({ sandboxId: SANDBOX_ID });
    assert.equal(processes.length, 1, "it waits for its reader");
    const { stdout, stderr } = await command.rest();
    const wanted = createHash("sha256");
    for (let line = 1; line <= lines; line++) wanted.update(`${line}\n`);
    assert.equal(hash(stdout), wanted.digest("hex"));
    assert.equal(stderr.toString(), "finished\n");
  });

  test("a slow reader does not slow another", async () => {
    await using at = await scene();
    await using slow = Conversation.shell(at.client, "yes");
    await slow.started();
    await using quick = Conversation.shell(at.client, "head -c 20000000 /dev/zero");
    assert.equal((await quick.rest()).stdout.length, 20_000_000);
    await slow.say({ case: "signal", value: 9 });
  });

  test("when the guest is taken away the stream ends and says why; the process is still there", async () => {
    await using at = await scene();
    await using command = Conversation.shell(at.client, "echo ready; sleep 1000");
    const { pid } = await command.started();
    await command.until("ready");
    at.rig.sandboxes.taken.abort(new RoostError("sandbox_paused", "It was paused."));
    await assert.rejects(command.next(), says(Code.Aborted, /paused/));
    await at.guest.client.signalProcess({ case: "pid", value: pid }, 9, new AbortController().signal);
  });

  test("when the agent stops, streams end at once", async () => {
    await using at = await scene();
    await using command = Conversation.shell(at.client, "echo ready; sleep 1000");
    const { pid } = await command.started();
    await command.until("ready");
    const ended = assert.rejects(command.next(), says(Code.Unavailable));
    await at.rig.server[Symbol.asyncDispose]();
    await ended;
    await at.guest.client.signalProcess({ case: "pid", value: pid }, 9, new AbortController().signal);
  });

  test("a guest that dies is an error, never an end", async () => {
    await using at = await scene();
    await using command = Conversation.shell(at.client, "echo $$; exec sleep 1000");
    const { pid } = await command.started();
    await command.until("\n");
    const ended = assert.rejects(command.next(), says(Code.Unavailable, /guest agent/));
    await at.guest.kill();
    await ended;
    process.kill(pid, "SIGKILL");
  });

  const wrong: [string, Parameters<Conversation["say"]>[0][]][] = [
    ["input before the start", [{ case: "input", value: Buffer.from("x") }]],
    ["a start without a command", [{ case: "start", value: { sandboxId: SANDBOX_ID } }]],
    ["a tag that is a number", [{ case: "start", value: { sandboxId: SANDBOX_ID, cmd: "true", tag: "12" } }]],
    ["an attach to nothing", [{ case: "attach", value: { sandboxId: SANDBOX_ID } }]],
    [
      "a terminal without columns",
      [{ case: "start", value: { sandboxId: SANDBOX_ID, cmd: "true", terminal: { cols: 0, rows: 1 } } }],
    ],
  ];
  for (const [what, messages] of wrong) {
    test(`${what} is refused`, async () => {
      await using at = await scene();
      await using command = new Conversation(at.client);
      for (const message of messages) void command.say(message);
      await assert.rejects(command.next(), says(Code.InvalidArgument));
    });
  }

  test("a second start, and a signal that is none, end the stream and not the command", async () => {
    await using at = await scene();
    for (const message of [
      { case: "start", value: { sandboxId: SANDBOX_ID, cmd: "true" } },
      { case: "signal", value: 65 },
    ] as const) {
      await using command = Conversation.shell(at.client, "echo ready; sleep 1000");
      const { pid } = await command.started();
      await command.until("ready");
      await command.say(message);
      await assert.rejects(command.next(), says(Code.InvalidArgument));
      await at.guest.client.signalProcess({ case: "pid", value: pid }, 9, new AbortController().signal);
    }
  });
});

suite("R6: processes over RPC", () => {
  test("those that run are listed, and signalled by pid or tag; one that is not there is not found", async () => {
    await using at = await scene();
    await using command = Conversation.shell(at.client, "exec sleep 1000", { tag: "sleeper", cwd: "/usr" });
    const { pid } = await command.started();
    const { processes } = await at.client.listProcesses({ sandboxId: SANDBOX_ID });
    assert.deepEqual(
      processes.map(({ pid, tag, cmd, args, cwd }) => ({ pid, tag, cmd, args, cwd })),
      [{ pid, tag: "sleeper", cmd: "/bin/sh", args: ["-c", "exec sleep 1000"], cwd: "/usr" }],
    );
    const process = { selector: { case: "tag" as const, value: "sleeper" } };
    await at.client.signalProcess({ sandboxId: SANDBOX_ID, process, signal: 15 });
    assert.equal((await command.rest()).exitCode, 143);
    await assert.rejects(
      at.client.signalProcess({ sandboxId: SANDBOX_ID, process, signal: 15 }),
      says(Code.NotFound, /process/),
    );
    await assert.rejects(
      at.client.signalProcess({ sandboxId: SANDBOX_ID, process, signal: 0 }),
      says(Code.InvalidArgument),
    );
  });
});

function hash(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
