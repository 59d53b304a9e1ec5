/** Programs that have a firewall of their own on a host, as their packages start them, and what the host's network then is. */
import type { LabHost } from "@roost/launcher/lab-host";

export interface OtherProgram {
  readonly name: string;
  start(host: LabHost): Promise<void>;
  stop(host: LabHost): Promise<void>;
}

export interface HostNetwork {
  readonly rules: string;
  readonly forwarding: string;
  readonly links: string;
}

/** Rules without their counters, forwarding, links and addresses: to be compared before and after. */
export async function networkOf(host: LabHost): Promise<HostNetwork> {
  const said = async (...argv: [string, ...string[]]) => (await host.run(argv)).stdout;
  return {
    rules: await said("nft", "--stateless", "list", "ruleset"),
    forwarding: await said("cat", "/proc/sys/net/ipv4/ip_forward"),
    links: await said("ip", "-brief", "address", "show"),
  };
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
    async stop(host) {
      await host.run(["ufw", "--force", "disable"]);
      await host.run(["sh", "-c", "kill $(cat /var/run/docker.pid)"]);
      await until(host, "! pgrep -x dockerd");
      await host.run(["ip", "link", "delete", "docker0"]);
      await host.run(["nft", "flush", "ruleset"]);
    },
  },
  {
    name: "firewalld",
    async start(host) {
      await host.run(["sh", "-c", "mkdir -p /run/dbus && dbus-daemon --system --fork"]);
      await host.run(["firewalld"]);
      await until(host, "firewall-cmd --state");
    },
    async stop(host) {
      await host.run(["sh", "-c", "kill $(cat /run/firewalld.pid)"]);
      await until(host, "! pgrep -x firewalld");
    },
  },
];
