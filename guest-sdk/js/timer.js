//! Time as the run sees it. It stands still between two outcomes.

import wire from "abide:workflow/timer@0.1.0";

import { call, whole } from "./internal/wire.js";

/** The time of the last event that this run was given, in milliseconds since 1970. */
export function now() {
  return Number(wire.now());
}

/** Waits, and gives the time then. It costs nothing while it waits, be it a year, and outlives restarts. At most 10 years. */
export function sleep(durationMs) {
  return call(wire.sleep(whole(durationMs, "durationMs")), Number);
}

/** Waits until a time in milliseconds since 1970, or a `Date`, and gives the time then. */
export function sleepUntil(time) {
  return call(wire.sleepUntil(whole(time instanceof Date ? time.getTime() : time, "time")), Number);
}
