//! Code that changes under runs that began before.

import wire from "abide:workflow/versions@0.1.0";

import { decode, encode } from "./internal/json.js";
import { immediate } from "./internal/wire.js";

/** Whether this run comes here with the changed code: `true` where it comes here for the first time, or did so when that was recorded. */
export function patched(id) {
  return wire.patched(id);
}

/** The value that `compute` gave when the run first came here, whatever it gives now. */
export function record(id, compute) {
  const value = encode(compute(), "the value");
  return decode(immediate(() => wire.record(id, value)), "invalid-record", `what is recorded as \`${id}\` is no JSON`);
}
