import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempDisposable } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { encodeFrame, type Frame, FrameReader, KINDS } from "./frames.ts";
import { HostLine } from "./host-line.ts";

/** A line, and the host's end of it, which does what a test says. */
async function openLine(t: TestContext, onFrame: (frame: Frame, host: Socket) => void): Promise<HostLine> {
  const folder = await mkdtempDisposable(join(tmpdir(), "roost-line-"));
  const server = createServer((host) => {
    const reader = new FrameReader();
    host.on("data", (piece: Buffer) => {
      for (const frame of reader.read(piece)) onFrame(frame, host);
    });
  });
  const path = join(folder.path, "line");
  server.listen(path);
  await once(server, "listening");
  const line = await HostLine.connect(path);
  t.after(async () => {
    line[Symbol.dispose]();
    server.close();
    await folder.remove();
  });
  return line;
}

test("a command's output and status come back, also when two run at once", async (t) => {
  const line = await openLine(t, ({ command, kind, payload }, host) => {
    if (kind !== KINDS.start) return;
    const { argv } = JSON.parse(payload.toString()) as { argv: string[] };
    // In two pieces, cut in the middle of a frame.
    const said = Buffer.concat([
      encodeFrame(command, KINDS.stdout, Buffer.from(argv.join(" "))),
      encodeFrame(command, KINDS.ended, Buffer.from(JSON.stringify({ status: argv.length }))),
    ]);
    host.write(said.subarray(0, 12));
    setImmediate(() => host.write(said.subarray(12)));
  });
  const outputs: Record<string, string> = {};
  const run = async (...argv: [string, ...string[]]): Promise<number> => {
    const name = argv[0];
    const onStdout = (piece: Buffer) => {
      outputs[name] = (outputs[name] ?? "") + piece;
    };
    return (await line.run({ argv }, { onStdout })).status;
  };
  assert.equal(await run("one"), 1);
  assert.equal(await run("two", "2"), 2);
  assert.deepEqual(outputs, { one: "one", two: "two 2" });
});

test("an interrupted command is killed, and not waited for: something of it may hold its output open", async (t) => {
  const killed = Promise.withResolvers<number>();
  const line = await openLine(t, ({ command, kind }) => {
    if (kind === KINDS.kill) killed.resolve(command);
  });
  const interrupt = new AbortController();
  const running = line.run({ argv: ["sleep", "1000"] }, { signal: interrupt.signal });
  interrupt.abort(new Error("interrupted"));
  await assert.rejects(running, /interrupted/);
  assert.equal(await killed.promise, 1);
});

test("a command whose host goes away fails", async (t) => {
  const line = await openLine(t, (_, host) => void host.destroy());
  await assert.rejects(line.run({ argv: ["true"] }), /gone before the command had ended/);
  await assert.rejects(line.run({ argv: ["true"] }), /not there any more/);
});
