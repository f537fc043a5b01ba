//! Random numbers from the generator that is seeded in the first event of the run. They are no secrets: whoever reads the history can
//! compute them.

import wire from "abide:workflow/random@0.1.0";

/** The most bytes that the host gives at once. */
const MAX_BYTES = 65536;

/** So many bytes. */
export function bytes(length) {
  const all = new Uint8Array(length);
  for (let from = 0; from < length; from += MAX_BYTES) {
    all.set(wire.bytes(Math.min(MAX_BYTES, length - from)), from);
  }
  return all;
}

/** A number of 64 bits. */
export function u64() {
  return wire.u64();
}

/** A number from 0 to 1, without 1. */
export function number() {
  return Number(wire.u64() >> 11n) / 2 ** 53;
}

/** A UUID of version 4. */
export function uuid() {
  const all = bytes(16);
  all[6] = (all[6] & 0x0f) | 0x40;
  all[8] = (all[8] & 0x3f) | 0x80;
  const hex = Array.from(all, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
