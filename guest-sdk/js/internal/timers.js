//! `setTimeout` and `setInterval`: durable timers, which outlive restarts and cost nothing while they wait.

import * as timer from "../timer.js";
import { needRun } from "./loading.js";
import { reportUncaught } from "./uncaught.js";

const waiting = new Map();
let last = 0;

/** Calls `callback` once. */
export function setTimeout(callback, delayMs = 0, ...args) {
  needRun("setTimeout");
  return begin(async (number) => {
    await wait(number, delayMs);
    if (!waiting.delete(number)) return;
    await callback(...args);
  });
}

/** Calls `callback` again and again. */
export function setInterval(callback, delayMs = 0, ...args) {
  needRun("setInterval");
  return begin(async (number) => {
    for (;;) {
      await wait(number, delayMs);
      if (!waiting.has(number)) return;
      await callback(...args);
      if (!waiting.has(number)) return;
    }
  });
}

/** Forgets a timer, and drops it on the host. */
export function clearTimer(number) {
  const call = waiting.get(number);
  waiting.delete(number);
  call?.cancel();
}

function begin(work) {
  last += 1;
  const number = last;
  waiting.set(number, undefined);
  work(number).catch(reportUncaught);
  return number;
}

async function wait(number, delayMs) {
  const delay = Number(delayMs);
  const call = timer.sleep(delay > 0 ? delay : 0);
  waiting.set(number, call);
  try {
    await call;
  } catch (error) {
    // One that was cleared is dropped; what else goes wrong is for the program.
    if (waiting.has(number)) throw error;
  }
}
