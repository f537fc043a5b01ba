//! JSON at the edge of a workflow.

import { Failure } from "../failure.js";

/** Writes a value. What JSON has no word for at all is `null`, as in an array. */
export function encode(value, what) {
  try {
    return JSON.stringify(value) ?? "null";
  } catch (error) {
    throw new Failure("invalid-json", `${what} cannot be written as JSON: ${error.message}`);
  }
}

/** Reads a text. One that is no JSON becomes a failure with `code`. */
export function decode(text, code, what) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Failure(code, `${what}: ${error.message}`);
  }
}

/** Writes a value with the members of objects in the order of their names, as the SDK for Rust does with values that it does not know. */
export function encodeSorted(value) {
  return JSON.stringify(sorted(value));
}

function sorted(value) {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.keys(value).sort().map((name) => [name, sorted(value[name])]));
}
