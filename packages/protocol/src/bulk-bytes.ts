/**
 * Keeps the memory of bulk transfers small. V8 counts the bytes of buffers towards its next full collection, and collects the buffers
 * themselves only when so many small objects have come that its young generation is full: a process that passes on large pieces fills
 * its memory with dead ones, and then collects all of its heap, over and over. Here the young generation is collected after so many
 * bytes, which takes less than a millisecond and frees them.
 *
 * It does something only under `--expose-gc`, with which the launcher starts the servers.
 */
const YOUNG_BYTES = 4 * 1024 * 1024;

let passedSince = 0;

/** To be told of every piece that passed through. */
export function passedOn(bytes: number): void {
  passedSince += bytes;
  if (passedSince < YOUNG_BYTES) return;
  passedSince = 0;
  void globalThis.gc?.({ type: "minor" });
}
