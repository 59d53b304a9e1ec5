import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type HostCpu, kvmCpu, readHostCpu } from "./cpu-model.ts";

const V2 = "fpu tsc pni ssse3 cx16 sse4_1 sse4_2 popcnt lahf_lm aes pclmulqdq";
const V3 = `${V2} xsave xsaveopt avx avx2 bmi1 bmi2 f16c fma abm movbe rdrand fsgsbase smep erms`;

function host(flags: string, vendor = "AuthenticAMD"): HostCpu {
  return { vendor, model: "A CPU 9000", flags: new Set(flags.split(" ")) };
}

describe("the CPU of guests under KVM", () => {
  test("is by itself the highest level that the host reaches, and the host's own where it reaches none", () => {
    assert.equal(kvmCpu("auto", host(V3)).name, "x86-64-v3 of AuthenticAMD");
    assert.equal(kvmCpu("auto", host(`${V3} avx512f`)).name, "x86-64-v3 of AuthenticAMD");
    assert.equal(kvmCpu("auto", host(V3.replace(" fma", ""))).name, "x86-64-v2 of AuthenticAMD");
    assert.deepEqual(kvmCpu("auto", host("fpu tsc")), { argument: "host", name: "host: A CPU 9000" });
  });

  test("has one name and one look on different models of one vendor, and another name on another vendor's", () => {
    const own = kvmCpu("auto", host(`${V3} avx512f`, "GenuineIntel"));
    assert.deepEqual(own, kvmCpu("auto", { ...host(V3, "GenuineIntel"), model: "Another" }));
    assert.notEqual(own.name, kvmCpu("auto", host(V3)).name);
  });

  test("may be asked for; a level that the host does not reach is refused with what it lacks", () => {
    assert.equal(kvmCpu("x86-64-v2", host(V3)).name, "x86-64-v2 of AuthenticAMD");
    assert.equal(kvmCpu("host", host(V3)).argument, "host");
    assert.throws(() => kvmCpu("x86-64-v3", host(V2)), { code: "invalid_request", message: /lacks xsave, .*erms/ });
  });

  test("is never less than its name says: QEMU is told to refuse rather than leave something out", () => {
    const words = kvmCpu("x86-64-v3", host(V3)).argument.split(",");
    assert(words.includes("enforce"));
    for (const feature of ["+sse4.1", "+sse4.2", "+lahf-lm", "+avx2", "+tsc-deadline"]) assert(words.includes(feature));
    assert(!words.some((word) => word.includes("_") || word.includes(":")), words.join(" "));
  });
});

test("a host's CPU is read as the kernel tells it", () => {
  const text =
    "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel\t\t: 85\nmodel name\t: Xeon(R)  X\nflags\t\t: fpu avx2\nvmx flags\t: vnmi\n";
  assert.deepEqual(readHostCpu(text), { vendor: "GenuineIntel", model: "Xeon(R)  X", flags: new Set(["fpu", "avx2"]) });
  assert.equal(readHostCpu("").model, "unknown CPU");
});
