/**
 * Generations: frozen moments on disk, immutable, sharing what they have in common by hard link. A folder with a manifest is one;
 * a folder called `.new` is nothing yet.
 */
export { IntactGenerations } from "./intact.ts";
export { generationFiles } from "./layout.ts";
export { linkGeneration } from "./link.ts";
export { Fingerprint, type Manifest, readManifest } from "./manifest.ts";
export { removeGeneration } from "./remove.ts";
export { type Sealing, sealGeneration } from "./seal.ts";
export { generationSize } from "./size.ts";
