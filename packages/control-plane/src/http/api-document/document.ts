/** The routes of a server with the default settings, and their OpenAPI document, made without a database: nothing is asked. */
import type { FastifyInstance } from "fastify";
import pino from "pino";
import { loadConfig } from "../../config.ts";
import { buildServer, type ServerParts } from "../../server.ts";
import type { GuardedRoute } from "../access.ts";

export async function apiDocument(): Promise<object> {
  return await ofServer((app) => app.swagger());
}

/** Every route that the server guards, also those that the document does not show. */
export async function guardedRoutes(): Promise<readonly GuardedRoute[]> {
  return await ofServer((app) => app.guardedRoutes);
}

async function ofServer<T>(read: (app: FastifyInstance) => T): Promise<T> {
  const config = loadConfig({ ROOST_SECRET: "only-routes-are-wanted-of-this-server" });
  const parts = { ...config, log: pino({ level: "silent" }) };
  // What the handlers would call is not there: no request comes.
  const app = await buildServer(parts as unknown as ServerParts);
  await app.ready();
  const result = read(app);
  await app.close();
  return result;
}
