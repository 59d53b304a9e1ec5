/**
 * Run once in the making of a host, where processors are fast: loads all of Roost, so that its compiled code is kept (NODE_COMPILE_CACHE).
 * An emulated processor would take a minute for what then takes seconds. No module does work when it is imported; programs are left out.
 */
import { globSync } from "node:fs";
import { flushCompileCache } from "node:module";
import { resolve } from "node:path";

const PROGRAMS = /(\.test|main|admin|agent|-program|warm)\.ts$|\/testing\//;

for (const file of globSync("packages/{sdk,cli,launcher,control-plane,host-agent}/src/**/*.ts").sort()) {
  if (!PROGRAMS.test(file)) await import(resolve(file));
}
flushCompileCache();
process.exit(0);
