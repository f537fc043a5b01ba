//! What programs expect to be there, as far as it can be had: each answers from the history of the run, so that it replays.

import * as log from "../log.js";
import * as random from "../random.js";
import * as timer from "../timer.js";
import { decodeBase64, encodeBase64 } from "./base64.js";
import { clone } from "./clone.js";
import { console } from "./console.js";
import { workflowDate } from "./date.js";
import { fetch, Headers, Response } from "./fetch.js";
import { isLoading, needRun } from "./loading.js";
import { TextDecoder, TextEncoder } from "./text.js";
import { clearTimer, setInterval, setTimeout } from "./timers.js";
import { URL, URLSearchParams } from "./url.js";

function define(name, value) {
  Object.defineProperty(globalThis, name, { value, writable: true, enumerable: false, configurable: true });
}

const crypto = Object.freeze({
  getRandomValues(array) {
    needRun("crypto.getRandomValues");
    const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    bytes.set(random.bytes(bytes.length));
    return array;
  },
  randomUUID() {
    needRun("crypto.randomUUID");
    return random.uuid();
  },
});

/** Around each statement that is a bare call: nobody waits for what it gives, so nobody else would say that it failed. */
function abideFloating(value) {
  // While modules load, the build itself looks after what fails.
  if (value instanceof Promise && !isLoading()) {
    value.then(undefined, (error) => {
      const stack = error?.stack ? `\n${error.stack.trimEnd()}` : "";
      log.error(`a promise was rejected, and nobody waited for it: ${error}${stack}`);
    });
  }
  return value;
}

const globals = {
  abideFloating,
  console,
  crypto,
  fetch,
  setTimeout,
  setInterval,
  clearTimeout: clearTimer,
  clearInterval: clearTimer,
  Date: workflowDate(globalThis.Date),
  Headers,
  Response,
  TextDecoder,
  TextEncoder,
  URL,
  URLSearchParams,
  atob: decodeBase64,
  btoa: encodeBase64,
  structuredClone: clone,
  // Time stands still between two outcomes, so there is nothing finer than a millisecond.
  performance: Object.freeze({ now: () => Date.now() - timeOrigin(), get timeOrigin() { return timeOrigin(); } }),
};
for (const [name, value] of Object.entries(globals)) define(name, value);

// Made when the program is built, the engine's own generator would give every run the same numbers.
Math.random = () => {
  needRun("Math.random");
  return random.number();
};

let origin;
function timeOrigin() {
  origin ??= timer.now();
  return origin;
}
