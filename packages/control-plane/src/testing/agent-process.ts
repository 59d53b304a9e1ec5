/**
 * The program of an agent by itself: the real RPC server before a guest that runs already. For tests that look at its memory. It says
 * `ready` on its standard output, and ends with its standard input.
 */
import { connectEnvd, FakeSandboxes, IdentityFolder, startRpcServer } from "@roost/host-agent/testing";
import { pino } from "pino";

export interface AgentProcessOptions {
  readonly identity: string;
  readonly port: number;
  readonly guest: { readonly address: string; readonly port: number; readonly accessToken: string };
}

const { identity: folder, port, guest } = JSON.parse(process.argv[2] ?? "{}") as AgentProcessOptions;
const identity = await IdentityFolder.open(folder);
const sandboxes = new FakeSandboxes();
await using envd = connectEnvd(guest);
sandboxes.envd = envd;
const listen = { host: "127.0.0.1", port };
await using _server = await startRpcServer({ listen, identity, sandboxes, logger: pino({ level: "silent" }) });
process.stdout.write("ready\n");
for await (const _ of process.stdin);
