//! What `import … from "abide"` gives. `abide build` embeds these modules; nothing is installed.

export { Agent, agent } from "./agent.js";
export * as cancellation from "./cancellation.js";
export * as children from "./children.js";
export { Failure } from "./failure.js";
export * as http from "./http.js";
export * as llm from "./llm.js";
export * as log from "./log.js";
export * as queries from "./queries.js";
export { race } from "./race.js";
export * as random from "./random.js";
export * as run from "./run.js";
export * as runs from "./runs.js";
export { saga } from "./saga.js";
export * as signals from "./signals.js";
export * as state from "./state.js";
export * as timer from "./timer.js";
export * as tools from "./tools.js";
export * as updates from "./updates.js";
export * as versions from "./versions.js";
