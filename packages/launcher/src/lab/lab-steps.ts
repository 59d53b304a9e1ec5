/** What a lab's hosts start from, as steps of an installation; they build on those of a Roost. */
import type { Step } from "../install/step.ts";
import type { Settings } from "../settings.ts";
import { labImageStep } from "./image/image.ts";
import { readyStateStep } from "./ready-state.ts";

export function labSteps(settings: Settings): Step[] {
  return [labImageStep(settings), readyStateStep(settings)];
}
