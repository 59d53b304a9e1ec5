/** A Roost for all tests of a suite: brought up before the first of them, and gone, with all it has made, after the last. */
import { after, before } from "node:test";
import { type Instance, type InstanceOptions, startInstance } from "@roost/launcher/instance";
import { Roost, type Sandbox, type SandboxStatus } from "@roost/sdk";
import { type MachineScope, machineState } from "../machine-state/machine-state.ts";
import { until } from "./until.ts";

export interface RoostForTests {
  readonly instance: Instance;
  readonly roost: Roost;
  /** What it has on the machine of this sandbox, or, without one, of any; its folders' files only where they are asked for. */
  traces(of?: Sandbox, folders?: MachineScope["folders"]): Promise<string[]>;
}

/** To be called in a suite, before its tests. */
export function roostForTests(options: InstanceOptions = {}): RoostForTests {
  let instance: Instance | undefined;
  before(async () => {
    instance = await startInstance(options);
  });
  after(async () => {
    await instance?.[Symbol.asyncDispose]();
  });
  const started = (): Instance => {
    if (!instance) throw new Error("the suite's Roost has not been started");
    return instance;
  };
  return {
    get instance() {
      return started();
    },
    get roost() {
      return new Roost(started());
    },
    traces: async (of, folders) => {
      const { mark, runFolder } = started();
      const state = await machineState({ mark, folders: folders ?? [runFolder] });
      return state.filter((line) => line.includes(of?.id ?? "sb-"));
    },
  };
}

/** Until its status is this one. */
export async function becomes(sandbox: Sandbox, status: SandboxStatus): Promise<Sandbox> {
  return await until(`${sandbox.id} is ${status}`, async () => {
    const now = await sandbox.refresh();
    return now.status === status ? now : undefined;
  });
}
