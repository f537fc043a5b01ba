//! Messages to this run from outside.

import wire from "abide:workflow/signals@0.1.0";

import { decode } from "./internal/json.js";
import { call } from "./internal/wire.js";

/** Waits for the next signal of that name, and gives its payload. Signals that came early wait for this, in their order, and each is received once. */
export function receive(name) {
  return call(wire.receive(name), (payload) => decode(payload, "invalid-signal", `the signal \`${name}\` is no JSON`));
}
