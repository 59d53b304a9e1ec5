/** The parts of a control plane, taken singly, of which a test makes one fail. */
import assert from "node:assert/strict";
import { BackgroundWork } from "../background.ts";
import { CertificateAuthority, HostClients } from "../hosts/hosts.ts";
import { RoundRobin, type SandboxParts, SandboxRows, StepsInFlight } from "../sandboxes/sandboxes.ts";
import { TeamLimits } from "../teams/limits.ts";
import type { TestControlPlane } from "./control-plane.ts";

export class Injected extends Error {}

/** The object, of which one method fails: before it does its work, or after. */
export function failing<T extends object>(whole: T, method: keyof T, when: "before" | "after"): T {
  return new Proxy(whole, {
    get(target, property) {
      const value = Reflect.get(target, property, target);
      if (typeof value !== "function") return value;
      if (property !== method) return value.bind(target);
      return async (...args: unknown[]) => {
        if (when === "after") await value.apply(target, args);
        throw new Injected(`${String(method)} fails ${when}`);
      };
    },
  });
}

export interface World extends Disposable {
  readonly parts: SandboxParts;
  readonly background: BackgroundWork;
}

/** As a process that was started beside the plane, on the same database: what it works on is not known to the plane. */
export async function worldBeside({ db, config }: TestControlPlane): Promise<World> {
  const authority = await CertificateAuthority.open(db, config.secret, () => new Date());
  const clients = new HostClients(authority);
  const background = new BackgroundWork({ error: (facts) => assert.fail(JSON.stringify(facts)) });
  const parts = {
    db,
    rows: new SandboxRows(db, new TeamLimits(config.teamLimits)),
    clients,
    placement: new RoundRobin(),
    inFlight: new StepsInFlight(),
    background,
    log: { warn: () => {} },
    createTimeoutMs: 30_000,
    execOutputBytes: 1024,
    fileBytes: 1024,
  };
  return { parts, background, [Symbol.dispose]: () => clients[Symbol.dispose]() };
}
