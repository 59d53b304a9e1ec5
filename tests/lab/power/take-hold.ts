/**
 * take-hold.ts PID FILE: runs on a lab's host and lets the Node process PID load the module FILE, by the debugger that every Node has. So
 * the agent that is tested is started as ever, by `./roost up`.
 */
import { setTimeout as pause } from "node:timers/promises";

const DEBUGGER = "http://127.0.0.1:9229/json/list";

const [pid, file] = process.argv.slice(2);
process.kill(Number(pid), "SIGUSR1");
const socket = new WebSocket(await debuggerUrl());
await new Promise((resolve, reject) => {
  socket.addEventListener("open", resolve);
  socket.addEventListener("error", reject);
});
const answer = new Promise<string>((resolve) => {
  socket.addEventListener("message", ({ data }) => resolve(String(data)));
});
const load = `process.getBuiltinModule("node:module").createRequire(${JSON.stringify(file)})(${JSON.stringify(file)})`;
socket.send(JSON.stringify({ id: 1, method: "Runtime.evaluate", params: { expression: `void ${load}` } }));
const said = await answer;
socket.close();
if (said.includes("exceptionDetails")) throw new Error(said);

async function debuggerUrl(): Promise<string> {
  for (;;) {
    const targets = await fetch(DEBUGGER).catch(() => undefined);
    const [target] = ((await targets?.json()) ?? []) as { readonly webSocketDebuggerUrl: string }[];
    if (target !== undefined) return target.webSocketDebuggerUrl;
    await pause(50);
  }
}
