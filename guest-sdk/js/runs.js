//! Other runs. A run is named by its run id, or by its id: then the latest run with that id is meant.

import wire from "abide:workflow/runs@0.1.0";

import { encode } from "./internal/json.js";
import { call } from "./internal/wire.js";

/** Sends a signal to a run, once, and goes on when it is durable. */
export function signal(run, name, payload = null) {
  return call(wire.signal(run, name, encode(payload, "the payload of the signal")), () => undefined);
}

/** Asks a run to end. One that has ended already is fine. */
export function cancel(run, reason) {
  return call(wire.cancel(run, reason), () => undefined);
}
