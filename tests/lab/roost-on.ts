/** A Roost that runs on a lab's host, as this process's client sees it. */
import type { LabHost } from "@roost/launcher/lab-host";
import { Roost } from "@roost/sdk";
import { patientFetch } from "@roost/sdk/node";

export interface RoostOnHost extends AsyncDisposable {
  readonly client: Roost;
}

/** `./roost up` there; when disposed of, the way to it is closed, and the Roost runs on. */
export async function roostOn(host: LabHost): Promise<RoostOnHost> {
  await host.roost("up", "--detach");
  return await roostThere(host);
}

/** The Roost that runs there already. */
export async function roostThere(host: LabHost): Promise<RoostOnHost> {
  const { api_key: apiKey } = JSON.parse(await host.read(CREDENTIALS)) as { api_key: string };
  const forwarded = await host.forward(4700);
  const client = new Roost({ url: `http://127.0.0.1:${forwarded.port}`, apiKey, fetch: patientFetch });
  return { client, [Symbol.asyncDispose]: () => forwarded[Symbol.asyncDispose]() };
}

const CREDENTIALS = "/root/roost/.roost/credentials.json";
