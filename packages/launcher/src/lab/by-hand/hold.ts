/** The process that holds a lab for use by hand: its hosts run as long as it does. */
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { LauncherFailure, sentenceOf } from "../../failure.ts";
import type { Settings } from "../../settings.ts";
import { Lab } from "../lab.ts";
import type { LabHost } from "../lab-host.ts";
import { BY_HAND, controlSocket, type LabAnswer, type LabRequest } from "./control.ts";

/** Until it is told to end, or interrupted. @param onReady called when it can be asked. */
export async function holdLab(settings: Settings, signal: AbortSignal, onReady: () => void): Promise<void> {
  await using lab = await Lab.open({ settings, signal, name: BY_HAND });
  const down = Promise.withResolvers<void>();
  const hosts = new Map<number, LabHost>();
  const obey = async (request: LabRequest): Promise<void> => {
    if (request.op === "down") return;
    if (request.op === "hosts") {
      while (hosts.size < request.count) {
        const host = await lab.host();
        hosts.set(host.number, host);
      }
      return;
    }
    const host = hosts.get(request.host);
    if (host === undefined) throw new LauncherFailure(`there is no host ${request.host}; there are ${hosts.size}`);
    await (request.op === "cut" ? host.cutPower() : host.boot());
  };
  // One after the other: of two that ask for hosts, the second finds those of the first.
  let before: Promise<unknown> = Promise.resolve();
  const server = createServer((socket) => {
    before = before.then(async () => {
      const request = await answer(socket, obey);
      if (request?.op === "down") down.resolve();
    });
  });
  server.listen(controlSocket(settings));
  await once(server, "listening");
  signal.addEventListener("abort", () => down.resolve(), { once: true });
  onReady();
  await down.promise;
  server.close();
}

async function answer(socket: Socket, obey: (request: LabRequest) => Promise<void>): Promise<LabRequest | undefined> {
  socket.on("error", () => {});
  for await (const line of createInterface({ input: socket })) {
    const request = JSON.parse(line) as LabRequest;
    const said = await obey(request).then(
      (): LabAnswer => ({ done: true }),
      (error: unknown): LabAnswer => ({ failed: sentenceOf(error) }),
    );
    socket.end(`${JSON.stringify(said)}\n`);
    return request;
  }
  return undefined;
}
