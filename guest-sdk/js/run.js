//! What a run knows of itself.

import wire from "abide:workflow/run@0.1.0";

import { Failure } from "./failure.js";
import { encode } from "./internal/json.js";
import { immediate } from "./internal/wire.js";

/** Who and where this run is. */
export function info() {
  const info = wire.getInfo();
  return {
    ...info,
    startedMs: Number(info.startedMs),
    historyLength: Number(info.historyLength),
    parentRunId: info.parentRunId ?? undefined,
    continuedFrom: info.continuedFrom ?? undefined,
  };
}

/** Lets the run go on as a new one with `input` and an empty history. Throw what this gives: `throw run.continueAsNew(input)`. */
export function continueAsNew(input) {
  const text = encode(input, "the input of the next run");
  immediate(() => wire.continueAsNew(text));
  // The host does not look at it.
  return new Failure("continued", "the run goes on as a new one");
}
