//! `console`: lines of the log.

import * as log from "../log.js";

/** How deep objects are shown. */
const MAX_DEPTH = 6;

const line = (level) => (...values) => log.write(level, values.map((value) => show(value)).join(" "));

/** Those of the usual functions that write lines. */
export const console = {
  trace: line("trace"),
  debug: line("debug"),
  log: line("info"),
  info: line("info"),
  warn: line("warn"),
  error: line("error"),
  assert: (condition, ...values) => {
    if (!condition) line("error")("assertion failed:", ...values);
  },
};

function show(value) {
  if (typeof value === "string") return value;
  if (value instanceof Error) return `${value}${value.stack ? `\n${value.stack.trimEnd()}` : ""}`;
  return plain(value, [], false);
}

function plain(value, above, quoted = true) {
  if (typeof value === "string") return quoted ? JSON.stringify(value) : value;
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "function") return `[function ${value.name || "anonymous"}]`;
  if (value === null || typeof value !== "object") return String(value);
  if (above.includes(value)) return "[circular]";
  if (above.length === MAX_DEPTH) return "…";
  const inside = [...above, value];
  if (value instanceof Error) return String(value);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "Invalid Date" : value.toISOString();
  if (Array.isArray(value) || ArrayBuffer.isView(value)) return `[${Array.from(value, (item) => plain(item, inside)).join(", ")}]`;
  if (value instanceof Set) return `Set {${Array.from(value, (item) => plain(item, inside)).join(", ")}}`;
  if (value instanceof Map) {
    return `Map {${Array.from(value, ([key, item]) => `${plain(key, inside)} => ${plain(item, inside)}`).join(", ")}}`;
  }
  return `{${Object.keys(value).map((key) => `${key}: ${plain(value[key], inside)}`).join(", ")}}`;
}
