import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type TextPiece, WholeCharacters } from "./whole-characters.ts";

function told(pieces: readonly Uint8Array[]): TextPiece[] {
  const text = new WholeCharacters();
  return [...pieces.map((piece) => text.push(piece)), text.end()].filter((piece) => piece !== undefined);
}

function bytesOf(pieces: readonly TextPiece[]): Buffer {
  return Buffer.concat(pieces.map(({ data, encoding }) => Buffer.from(data, encoding ?? "utf8")));
}

function cut(bytes: Uint8Array, at: readonly number[]): Uint8Array[] {
  const cuts = [0, ...at.map((share) => Math.floor(share * bytes.length)).toSorted((a, b) => a - b), bytes.length];
  return cuts.slice(1).map((end, index) => bytes.subarray(cuts[index], end));
}

const shares = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 8 });

test("R2, R3: text that is cut anywhere is told as text, with all its characters whole", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), shares, (text, at) => {
      const whole = text.toWellFormed();
      const pieces = told(cut(Buffer.from(whole), at));
      assert.ok(pieces.every(({ encoding }) => encoding === undefined));
      assert.equal(pieces.map(({ data }) => data).join(""), whole);
    }),
  );
});

test("R2, R3: any bytes, cut anywhere, arrive as they were", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), shares, (bytes, at) => {
      assert.deepEqual(bytesOf(told(cut(bytes, at))), Buffer.from(bytes));
    }),
  );
});

test("what begins like a character and is none is not kept back for ever", () => {
  for (const bytes of [[0xc0, 0x80], [0xf5, 0x80], [0x80], [0xff], [0xe2, 0x28]]) {
    const text = new WholeCharacters();
    assert.deepEqual(text.push(Buffer.from(bytes)), {
      data: Buffer.from(bytes).toString("base64"),
      encoding: "base64",
    });
  }
});
