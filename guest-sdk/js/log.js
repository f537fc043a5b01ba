//! Lines for people. A line is written once, and never by a replay.

import wire from "abide:workflow/log@0.1.0";

/** Writes a line. `fields` is an object, or nothing. */
export function write(level, message, fields) {
  wire.write(level, String(message), fields === undefined || fields === null ? null : JSON.stringify(fields));
}

export const trace = (message, fields) => write("trace", message, fields);
export const debug = (message, fields) => write("debug", message, fields);
export const info = (message, fields) => write("info", message, fields);
export const warn = (message, fields) => write("warn", message, fields);
export const error = (message, fields) => write("error", message, fields);
