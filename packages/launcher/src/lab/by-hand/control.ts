/** How `./roost lab` speaks with the process that holds the lab: one request a connection, each one line of JSON. */
import { once } from "node:events";
import { connect } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { LauncherFailure } from "../../failure.ts";
import { exists } from "../../files/presence.ts";
import type { Settings } from "../../settings.ts";
import { labFolder } from "../lab.ts";

export type LabRequest =
  /** So many hosts are to be there. */
  | { readonly op: "hosts"; readonly count: number }
  | { readonly op: "cut" | "boot"; readonly host: number }
  | { readonly op: "down" };

export type LabAnswer = { readonly done: true } | { readonly failed: string };

/** The lab that is used by hand; there is one for each cache. */
export const BY_HAND = "by-hand";

export function controlSocket(settings: Settings): string {
  return join(labFolder(settings, BY_HAND), "control");
}

/** The files and lines of a host. */
export function hostFolder(settings: Settings, host: number): string {
  return join(labFolder(settings, BY_HAND), String(host));
}

/** Or is just ending. */
export function isLabUp(settings: Settings): Promise<boolean> {
  return exists(labFolder(settings, BY_HAND));
}

/** @throws LauncherFailure when there is no lab, or it could not do it. */
export async function askLab(settings: Settings, request: LabRequest): Promise<void> {
  const socket = connect(controlSocket(settings));
  try {
    await once(socket, "connect");
  } catch (error) {
    throw new LauncherFailure("no lab is up: ./roost lab up starts one", { cause: error });
  }
  try {
    socket.write(`${JSON.stringify(request)}\n`);
    for await (const line of createInterface({ input: socket })) {
      const answer = JSON.parse(line) as LabAnswer;
      if ("failed" in answer) throw new LauncherFailure(answer.failed);
      return;
    }
    throw new LauncherFailure("the lab ended before it answered");
  } finally {
    socket.destroy();
  }
}
