//! `Date`, whose present is the time of the run.

import * as timer from "../timer.js";
import { needRun } from "./loading.js";

/** The engine's own, with another present. */
export function workflowDate(EngineDate) {
  const now = () => {
    needRun("Date");
    return timer.now();
  };
  const date = new Proxy(EngineDate, {
    construct: (target, args, newTarget) => Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
    // Called as a function it gives the present as a text.
    apply: (target) => new target(now()).toString(),
  });
  EngineDate.now = now;
  EngineDate.prototype.constructor = date;
  return date;
}
