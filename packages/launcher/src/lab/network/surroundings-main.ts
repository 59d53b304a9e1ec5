/**
 * Everything around a lab's hosts, as one process in a network namespace of its own: their LAN (a bridge), its router and resolver, a
 * neighbour in it, the internet, the clouds' metadata service. The namespace ends with it.
 *
 * Standard output: one line of JSON when it is ready, then one for everyone who has reached it.
 */
import { execFile } from "node:child_process";
import { createSocket } from "node:dgram";
import { createServer as createHttpServer } from "node:http";
import { createServer as createTcpServer, type Server } from "node:net";
import { promisify } from "node:util";
import { ECHO_PORT, HTTP_PORT, INTERNET, LAN_NEIGHBOUR, METADATA, ROUTER } from "./addresses.ts";
import { dnsAnswer } from "./dns-answer.ts";

const LINKS = `link set lo up
link add br0 type bridge
address add ${ROUTER.v4}/24 dev br0
address add ${LAN_NEIGHBOUR.v4}/24 dev br0
address add ${ROUTER.v6}/64 dev br0 nodad
address add ${LAN_NEIGHBOUR.v6}/64 dev br0 nodad
link set br0 up
address add ${INTERNET.v4}/32 dev lo
address add ${METADATA}/32 dev lo
address add ${INTERNET.v6}/128 dev lo
`;

/** As one reads them: an IPv4 address is one, also where it came by an IPv6 socket. */
function plain(address: string | undefined): string {
  return (address ?? "").replace(/^::ffff:/, "");
}

function tell(line: Readonly<Record<string, string>>): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

async function listen(server: Server, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(port, "::", resolve));
}

/** Tells everyone as whom they are seen, and where they have arrived. */
async function serveHttp(): Promise<void> {
  const server = createHttpServer((request, response) => {
    const facts = { from: plain(request.socket.remoteAddress), to: plain(request.socket.localAddress) };
    response.setHeader("content-type", "application/json");
    response.end(`${JSON.stringify({ ...facts, path: request.url })}\n`);
  });
  server.on("connection", (socket) => {
    tell({ contact: "tcp", from: plain(socket.remoteAddress), to: plain(socket.localAddress) });
  });
  await listen(server, HTTP_PORT);
}

async function serveUdp(port: number, answer: (message: Buffer) => Buffer | undefined): Promise<void> {
  const socket = createSocket({ type: "udp6", ipv6Only: false });
  socket.on("message", (message, { address, port: from }) => {
    tell({ contact: "udp", from: plain(address), port: String(port) });
    const said = answer(message);
    if (said !== undefined) socket.send(said, from, address);
  });
  await new Promise<void>((resolve) => socket.bind(port, "::", resolve));
}

/** Each message stands behind its length. */
async function serveDnsByTcp(): Promise<void> {
  const server = createTcpServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", (piece: Buffer) => {
      const said = dnsAnswer(piece.subarray(2));
      if (said === undefined) return void socket.destroy();
      const length = Buffer.alloc(2);
      length.writeUInt16BE(said.length);
      socket.write(Buffer.concat([length, said]));
    });
  });
  await listen(server, 53);
}

const setUp = promisify(execFile)("ip", ["-batch", "-"]);
setUp.child.stdin?.end(LINKS);
await setUp;
await Promise.all([serveHttp(), serveUdp(ECHO_PORT, (message) => message), serveUdp(53, dnsAnswer), serveDnsByTcp()]);
tell({ ready: "yes" });
