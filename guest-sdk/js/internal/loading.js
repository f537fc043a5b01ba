//! Whether the modules of the program still load. They do so when it is built: there is no run then, no time and no chance, and what was
//! asked of them would be the same in every run.

let loading = true;

/** A run begins. */
export function loaded() {
  loading = false;
}

/** Refuses what only a run can answer. */
export function needRun(what) {
  if (loading) {
    throw new Error(`\`${what}\` is used while the modules load, when there is no run: use it in \`run\``);
  }
}

/** Whether modules load, which happens when the program is built. */
export function isLoading() {
  return loading;
}
