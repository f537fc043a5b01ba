//! Questions that the workflow answers with code of its own. What can be shown as it is belongs into `state`. A handler sees the run
//! where it stands, on a copy: it may look and compute, but make no calls.

import { Failure } from "./failure.js";

const handlers = new Map();

/** Answers queries of that name from now on with what `handler(args)` gives, in place of a handler that was there. */
export function on(name, handler) {
  handlers.set(name, handler);
}

/** Answers one query. */
export function answer(name, args) {
  const handler = handlers.get(name);
  if (handler !== undefined) return handler(args);
  const known = [...handlers.keys()].sort().map((name) => `\`${name}\``).join(", ");
  throw new Failure("unknown-query", `this run answers no query \`${name}\`; it answers: ${known || "none so far"}`);
}
