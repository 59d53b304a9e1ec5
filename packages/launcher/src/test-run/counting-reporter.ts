/** A reporter for Node's test runner that writes one JSON object: how many tests passed, failed and were skipped. */
import type { TestEvent } from "node:test/reporters";

export default async function* countingReporter(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for await (const event of events) {
    // One summary for each file, and a last one, without a file, for all.
    if (event.type !== "test:summary" || event.data.file !== undefined) continue;
    const { tests, passed, skipped, todo } = event.data.counts;
    counts.passed = passed;
    counts.skipped = skipped + todo;
    // Failed, or cancelled because what they are part of failed or took too long.
    counts.failed = tests - passed - skipped - todo;
  }
  yield `${JSON.stringify(counts)}\n`;
}
