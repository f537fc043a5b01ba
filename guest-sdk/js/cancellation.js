//! Being asked to end. A workflow is dropped where it waits, unless it says `export const cancellation = "manual"`.

import wire from "abide:workflow/cancellation@0.1.0";

import { call } from "./internal/wire.js";

/** Waits until somebody asks this run to end, and gives their reason; at once where they already did. */
export function requested() {
  return call(wire.requested());
}
