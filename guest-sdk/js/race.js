//! Waiting for the first of several calls.

/**
 * Waits for the first of several promises, and drops the calls behind the others: a timer is removed, a signal is left for the next
 * `receive`. Only promises that functions of this SDK gave can be dropped; others go on, as with `Promise.race`.
 *
 * With an object it gives `{ name, value }` of the first; with an array, `{ name: index, value }`.
 */
export async function race(branches) {
  const entries = Array.isArray(branches) ? [...branches.entries()] : Object.entries(branches);
  const first = Promise.race(
    entries.map(async ([name, promise]) => {
      try {
        return { name, value: await promise };
      } catch (error) {
        return { name, error };
      }
    }),
  );
  const winner = await first;
  for (const [name, promise] of entries) {
    if (name !== winner.name) promise?.cancel?.();
  }
  if ("error" in winner) throw winner.error;
  return winner;
}
