/** Counts what flows through. */
export interface ByteCount {
  readonly stream: TransformStream<Uint8Array, Uint8Array>;
  bytes(): number;
}

export function countBytes(): ByteCount {
  let bytes = 0;
  const stream = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      bytes += chunk.byteLength;
      controller.enqueue(chunk);
    },
  });
  return { stream, bytes: () => bytes };
}
