//! Sagas: steps that are undone in reverse order when a later one fails, or when the run is asked to end.

import * as cancellation from "./cancellation.js";
import { Failure } from "./failure.js";
import { wireFailure } from "./internal/wire.js";
import * as log from "./log.js";

/**
 * Makes the steps of `body(undo)`. When it fails, or the run is asked to end, what `undo(what, action)` was told is done, the last
 * first; then the failure is thrown. Say how to undo a step *before* it is made. The workflow says `export const cancellation =
 * "manual"`, else it is dropped before anything can be undone.
 */
export async function saga(body) {
  const steps = [];
  const undo = (what, action) => steps.push({ what, action });
  const made = body(undo);
  const asked = cancellation.requested();
  try {
    return await Promise.race([made, asked.then((reason) => Promise.reject(Failure.cancelled(reason)))]);
  } catch (error) {
    asked.cancel();
    throw await compensate(steps, error);
  } finally {
    asked.cancel();
  }
}

/** One that fails does not keep the others from being tried; they are named in the failure. */
async function compensate(steps, error) {
  const failed = [];
  for (const { what, action } of steps.reverse()) {
    try {
      await action();
    } catch (reason) {
      const { code, message } = wireFailure(reason);
      log.error(`\`${what}\` failed: ${code}: ${message}`);
      failed.push({ what, failure: { code, message } });
    }
  }
  if (failed.length === 0) return error;
  const { code, message, details, retryable } = wireFailure(error);
  return new Failure(code, `${message} (${failed.length} steps could not be undone)`, {
    details: { details: details === null ? null : JSON.parse(details), not_undone: failed },
    retryable,
  });
}
