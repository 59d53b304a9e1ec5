import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Code } from "@connectrpc/connect";
import { HOST_ID, rpcRig, SANDBOX_ID } from "./testing/rpc-rig.ts";
import { says } from "./testing/says.ts";

const MiB = 1024 * 1024;
const target = { sandboxId: SANDBOX_ID, path: "/file", user: "" };
const spec = { sandboxId: SANDBOX_ID, template: "minimal", vcpus: 1, memoryMb: 128, env: { A: "b" }, internet: true };

suite("R6: requests that are out of bounds", () => {
  const wrong: [string, (client: Awaited<ReturnType<typeof rpcRig>>["client"]) => Promise<unknown>][] = [
    ["an id that is a path", (client) => client.destroySandbox({ sandboxId: "../../etc" })],
    ["an id of another kind", (client) => client.exec({ sandboxId: HOST_ID, cmd: "id" })],
    ["no CPU", (client) => client.createSandbox({ ...spec, vcpus: 0 })],
    ["33 CPUs", (client) => client.createSandbox({ ...spec, vcpus: 33 })],
    ["too little memory", (client) => client.createSandbox({ ...spec, memoryMb: 127 })],
    ["a template that is a path", (client) => client.createSandbox({ ...spec, template: "../x" })],
    ["a variable without a name", (client) => client.createSandbox({ ...spec, env: { "": "x" } })],
    ["a variable with NUL", (client) => client.exec({ sandboxId: SANDBOX_ID, cmd: "id", env: { A: "\0" } })],
    ["no command", (client) => client.exec({ sandboxId: SANDBOX_ID })],
    ["an argument with NUL", (client) => client.exec({ sandboxId: SANDBOX_ID, cmd: "id", args: ["a\0"] })],
    [
      "an input over 16 MiB",
      (client) => client.exec({ sandboxId: SANDBOX_ID, cmd: "cat", stdin: Buffer.alloc(16 * MiB + 1) }),
    ],
    ["a path with NUL", (client) => client.readFile({ target: { ...target, path: "/a\0" } })],
    ["no target", (client) => client.writeFile({ data: Buffer.alloc(1) })],
    [
      "a second target",
      (client) =>
        client.streamWriteFile(
          (async function* () {
            yield { part: { case: "target" as const, value: target } };
            yield { part: { case: "target" as const, value: target } };
          })(),
        ),
    ],
    [
      "a chunk before the target",
      (client) =>
        client.streamWriteFile(
          (async function* () {
            yield { part: { case: "chunk" as const, value: Buffer.from("x") } };
          })(),
        ),
    ],
  ];
  for (const [what, call] of wrong) {
    test(`${what} is an invalid request`, async () => {
      await using rig = await rpcRig();
      await assert.rejects(call(rig.client), says(Code.InvalidArgument));
      assert.equal(rig.sandboxes.execs.length + rig.sandboxes.sandboxes.size + rig.sandboxes.files.size, 0);
    });
  }
});
