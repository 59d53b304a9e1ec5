/** Programs that have a firewall of their own on a host, as their packages start them, and what the host's network then is. */
import type { LabHost } from "@roost/launcher/lab-host";

export interface OtherProgram {
  readonly name: string;
  start(host: LabHost): Promise<void>;
}

export interface HostNetwork {
  readonly rules: string;
  readonly forwarding: string;
  /** The addresses of each link, but those that it gives itself. */
  readonly links: Readonly<Record<string, readonly string[]>>;
}

/** Rules without their counters, forwarding, links and addresses: to be compared before and after. */
export async function networkOf(host: LabHost): Promise<HostNetwork> {
  const said = async (...argv: [string, ...string[]]) => (await host.run(argv)).stdout;
  return {
    rules: await said("nft", "--stateless", "list", "ruleset"),
    forwarding: await said("cat", "/proc/sys/net/ipv4/ip_forward"),
    links: linksIn(await said("ip", "-brief", "address", "show")),
  };
}

function linksIn(listing: string): HostNetwork["links"] {
  const lines = listing.split("\n").filter((line) => line !== "");
  const words = lines.map((line) => line.trim().split(/\s+/));
  return Object.fromEntries(
    words.map(([name = "", _state, ...addresses]) => [name, addresses.filter((one) => !one.startsWith("fe80:"))]),
  );
}

/** Waits inside the host, where a look costs less. */
async function until(host: LabHost, condition: string): Promise<void> {
  await host.run(["timeout", "240", "sh", "-c", `until ${condition}; do sleep 0.2; done`]);
}

/** In a session of its own, so that it outlives the command that starts it. */
async function daemon(host: LabHost, command: string): Promise<void> {
  await host.run(["sh", "-c", `setsid ${command} >/var/log/lab-daemon.log 2>&1 </dev/null &`]);
}

export const NEIGHBOURS: readonly OtherProgram[] = [
  {
    name: "Docker and ufw",
    async start(host) {
      await daemon(host, "dockerd");
      await until(host, "curl --silent --fail --unix-socket /run/docker.sock http://docker/version");
      await host.run(["ufw", "--force", "enable"]);
    },
  },
  {
    name: "firewalld",
    async start(host) {
      await host.run(["sh", "-c", "mkdir -p /run/dbus && dbus-daemon --system --fork"]);
      await host.run(["firewalld"]);
      await until(host, "firewall-cmd --state");
    },
  },
];
