/** Colours, where somebody looks: on a terminal, and not against the user's wish (NO_COLOR, TERM=dumb). */
import { styleText } from "node:util";
import type { Environment, Output } from "../surroundings.ts";

export type Colour = "green" | "yellow" | "red" | "cyan" | "gray" | "bold";
export type Paint = (colour: Colour, text: string) => string;

export function paintFor(stream: Output, env: Environment): Paint {
  const wanted = stream.isTTY === true && !env.NO_COLOR && env.TERM !== "dumb";
  return wanted ? (colour, text) => styleText(colour, text, { validateStream: false }) : (_colour, text) => text;
}

const STATUS_COLOURS: Readonly<Record<string, Colour>> = {
  running: "green",
  online: "green",
  paused: "cyan",
  stopped: "gray",
  offline: "gray",
  error: "red",
  missing: "red",
  unreachable: "red",
};

/** The colour of a status of a sandbox or host; what is on its way to another status is yellow. */
export function statusColour(status: string): Colour {
  return STATUS_COLOURS[status] ?? "yellow";
}
