//! Runs that this run starts and waits for: a workflow calls other workflows.

import wire from "abide:workflow/children@0.1.0";

import { decode, encode } from "./internal/json.js";
import { call, whole } from "./internal/wire.js";
import * as runs from "./runs.js";

/** A run that this run started. */
class Child {
  constructor(id, runId) {
    this.id = id;
    this.runId = runId;
  }

  /** Waits for its result. Where the child goes on as new runs, that of the last of them. */
  result() {
    const what = `the result of the child \`${this.id}\` is no JSON`;
    return call(wire.awaitResult(this.runId), (result) => decode(result, "invalid-result", what));
  }

  /** Sends it a signal. */
  signal(name, payload) {
    return runs.signal(this.runId, name, payload);
  }

  /** Asks it to end. */
  cancel(reason) {
    return runs.cancel(this.runId, reason);
  }
}

/** Starts a run of `workflow`, and gives it when its start is durable. */
export function start(workflow, input = null, options = {}) {
  const wireOptions = {
    id: options.id ?? null,
    version: options.version ?? null,
    parentClose: options.parentClose ?? "cancel",
    runTimeoutMs: options.runTimeoutMs === undefined ? null : whole(options.runTimeoutMs, "runTimeoutMs"),
  };
  const text = encode(input, "the input of the child");
  return call(wire.start(workflow, text, wireOptions), ({ id, runId }) => new Child(id, runId));
}

/** Starts a run of `workflow`, and waits for its result. */
export async function run(workflow, input, options) {
  const child = await start(workflow, input, options);
  return child.result();
}
