/**
 * A network for one test alone: its commands run in a namespace that stands for the host's, so that what is the whole machine's (IPv4
 * forwarding, other programs' firewall tables) can be tried beside other tests.
 */
import { randomBytes } from "node:crypto";
import { type CommandRunner, runCommand } from "../../commands/run.ts";
import { netnsPath } from "../names.ts";

export class OwnNetwork implements AsyncDisposable {
  readonly run: CommandRunner;
  /** Path of the namespace. */
  readonly netns: string;
  readonly #name: string;

  private constructor(name: string) {
    this.#name = name;
    this.netns = netnsPath(name);
    this.run = ([program, ...args], options) =>
      runCommand(["nsenter", `--net=${this.netns}`, program, ...args], options);
  }

  static async make(): Promise<OwnNetwork> {
    const name = `t${randomBytes(5).toString("hex")}`;
    await runCommand(["ip", "netns", "add", name]);
    const network = new OwnNetwork(name);
    await network.run(["ip", "link", "set", "lo", "up"]);
    // A new namespace begins with the machine's own settings, whatever they are now.
    await network.run(["tee", "/proc/sys/net/ipv4/ip_forward"], { input: "0\n" });
    return network;
  }

  /** All of it, rule by rule: to be compared before and after. */
  async state(): Promise<string[]> {
    const outputs = await Promise.all([
      this.run(["ip", "-oneline", "link", "show"]),
      this.run(["ip", "-oneline", "address", "show"]),
      this.run(["ip", "route", "show", "table", "all"]),
      this.run(["nft", "list", "ruleset"]),
      this.run(["cat", "/proc/sys/net/ipv4/ip_forward"]),
    ]);
    return outputs.flatMap(({ stdout }) => stdout.split("\n"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await runCommand(["ip", "netns", "delete", this.#name]);
  }
}
