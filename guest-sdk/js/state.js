//! What others may see of this run while it goes on.

import wire from "abide:workflow/state@0.1.0";

import { encode } from "./internal/json.js";
import { immediate } from "./internal/wire.js";

/** Shows `value` under `name` to whoever asks, in place of what was there. At most 64 names, and 256 KiB a value. */
export function publish(name, value) {
  const text = encode(value, "the published value");
  immediate(() => wire.publish(name, text));
}

/** Changes what this run can be found by. What `attributes` does not name stays as it was; `null` removes an attribute. */
export function setAttributes(attributes) {
  const text = encode(attributes, "the attributes");
  immediate(() => wire.setAttributes(text));
}
