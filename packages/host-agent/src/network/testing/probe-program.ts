/**
 * Runs in a network namespace of a test: listens and connects as told on its standard input, one JSON command a line, and
 * answers with one JSON line each.
 */
import { createSocket } from "node:dgram";
import { connect, createServer } from "node:net";
import { createInterface } from "node:readline";
import type { ProbeAnswer, ProbeCommand } from "./probe.ts";

let contacts = 0;

async function serve(address: string, port: number): Promise<ProbeAnswer> {
  const tcp = createServer((socket) => {
    contacts++;
    socket.on("error", () => undefined).write(`${socket.remoteAddress}\n`);
    socket.pipe(socket);
  });
  const udp = createSocket(address.includes(":") ? "udp6" : "udp4");
  udp.on("message", (_, peer) => {
    contacts++;
    udp.send(peer.address, peer.port, peer.address);
  });
  await new Promise<void>((resolve, reject) => tcp.once("error", reject).listen(port, address, resolve));
  await new Promise<void>((resolve) => udp.bind(port, address, resolve));
  return {};
}

/** Sends `bytes` and takes what comes back: a line that says as whom we are seen, and then the same bytes. */
function connectTcp(address: string, port: number, from: string | undefined, bytes = 0): Promise<ProbeAnswer> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port, ...(from === undefined ? {} : { localAddress: from }) });
    const chunks: Buffer[] = [];
    socket.on("data", (chunk) => chunks.push(Buffer.from(chunk)));
    socket.once("end", () => {
      const [seenAs = "", ...rest] = Buffer.concat(chunks).toString().split("\n");
      resolve(bytes === 0 ? { seenAs } : { echoed: rest.join("\n").length });
    });
    socket.once("error", (error: NodeJS.ErrnoException) => resolve({ error: error.code ?? error.message }));
    socket.end(Buffer.alloc(bytes, "x"));
  });
}

function askUdp(address: string, port: number, from: string | undefined): Promise<ProbeAnswer> {
  return new Promise((resolve) => {
    const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
    socket.once("message", (said) => resolve({ seenAs: said.toString() }));
    socket.once("error", (error: NodeJS.ErrnoException) => resolve({ error: error.code ?? error.message }));
    socket.bind(0, from, () => socket.send("?", port, address));
  });
}

/** Waits for each packet to leave, so that none is lost in our own queue. */
async function flood(address: string, connections: number): Promise<ProbeAnswer> {
  const socket = createSocket("udp4").on("error", () => undefined);
  for (let port = 10_000; port < 10_000 + connections; port++) {
    await new Promise<void>((resolve) => socket.send("!", port, address, () => resolve()));
  }
  socket.close();
  return {};
}

async function obey(command: ProbeCommand): Promise<ProbeAnswer> {
  if (command.do === "contacts") return { contacts };
  if (command.do === "serve") return serve(command.address, command.port);
  if (command.do === "flood") return flood(command.address, command.connections);
  if (command.do === "echo") return connectTcp(command.address, command.port, undefined, command.bytes);
  process.seteuid?.(command.uid ?? 0);
  const attempt = command.do === "tcp" ? connectTcp : askUdp;
  return attempt(command.address, command.port, command.from);
}

for await (const line of createInterface({ input: process.stdin })) {
  const { id, ...command }: ProbeCommand & { id: number } = JSON.parse(line);
  void obey(command).then((answer) => process.stdout.write(`${JSON.stringify({ id, ...answer })}\n`));
}
process.exit(0);
