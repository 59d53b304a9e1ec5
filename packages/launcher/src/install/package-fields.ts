/** Reads the fields that Debian packages are described by: `apt-cache show`, `dpkg-deb --field`. */

/** The value of a field of the first paragraph, on one line; undefined when it is not there. */
export function fieldOf(description: string, field: string): string | undefined {
  const firstParagraph = description.trimStart().split(/\n\s*\n/, 1)[0] ?? "";
  const unfolded = firstParagraph.replaceAll(/\n[ \t]+/g, " ");
  const prefix = `${field.toLowerCase()}:`;
  const line = unfolded.split("\n").find((candidate) => candidate.toLowerCase().startsWith(prefix));
  return line?.slice(prefix.length).trim();
}

/** The package names of a `Depends` field; of alternatives (`a | b`) the first, which is the distribution's choice. */
export function dependenciesOf(depends: string): string[] {
  return depends
    .split(",")
    .map((clause) => /^\s*([a-z0-9][a-z0-9+.-]*)/.exec(clause)?.[1])
    .filter((name) => name !== undefined);
}
