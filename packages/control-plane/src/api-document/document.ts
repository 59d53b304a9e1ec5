/** The OpenAPI document of a server with the default settings, made without a database: only its routes are wanted, nothing is asked. */
import pino from "pino";
import { loadConfig } from "../config.ts";
import { buildServer, type ServerParts } from "../server.ts";

export async function apiDocument(): Promise<object> {
  const config = loadConfig({ ROOST_SECRET: "only-routes-are-wanted-of-this-server" });
  const parts = { ...config, log: pino({ level: "silent" }) };
  // What the handlers would call is not there: no request comes.
  const app = await buildServer(parts as unknown as ServerParts);
  await app.ready();
  const document = app.swagger();
  await app.close();
  return document;
}
