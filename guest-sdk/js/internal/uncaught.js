//! Errors that no code waits for: in a callback of `setTimeout`. They end the run.

let fail;

/** Rejected by the first of them. */
export const uncaught = new Promise((_, reject) => {
  fail = reject;
});
uncaught.catch(() => undefined);

/** Ends the run with this error. */
export function reportUncaught(error) {
  fail(error);
}
