/**
 * Paths from parts a caller chose: route`/v1/sandboxes/${id}/exec`. Every part stays one segment, so that no id can
 * reach another route.
 */
export function route(texts: TemplateStringsArray, ...segments: readonly string[]): string {
  return texts.reduce((path, text, index) => path + segment(segments[index - 1] ?? "") + text);
}

function segment(value: string): string {
  // URL parsers fold "." and ".." away, encoded or not, and an empty segment would name the collection.
  if (value === "" || value === "." || value === "..") throw new TypeError(`not an id or a name: "${value}"`);
  return encodeURIComponent(value);
}
