/**
 * A multipart body around a stream, which FormData cannot hold: fields first, then the file, never more of it in memory
 * than one chunk.
 */
import type { Body } from "./transport.ts";

export function multipartStream(
  fields: Readonly<Record<string, string>>,
  file: ReadableStream<Uint8Array>,
  boundary: string,
): Body {
  const encoder = new TextEncoder();
  const head = Object.entries(fields).map(([name, value]) => `${partHead(boundary, `name="${name}"`)}\r\n${value}\r\n`);
  const fileHead = `${partHead(boundary, 'name="file"; filename="file"')}Content-Type: application/octet-stream\r\n\r\n`;
  const framed = file.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      start: (controller) => controller.enqueue(encoder.encode(head.join("") + fileHead)),
      flush: (controller) => controller.enqueue(encoder.encode(`\r\n--${boundary}--\r\n`)),
    }),
  );
  return { content: framed, type: `multipart/form-data; boundary=${boundary}` };
}

function partHead(boundary: string, disposition: string): string {
  return `--${boundary}\r\nContent-Disposition: form-data; ${disposition}\r\n`;
}
