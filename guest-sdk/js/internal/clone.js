//! `structuredClone`, for plain data, dates, maps, sets, errors and arrays of bytes.

/** A copy that shares nothing with the value. */
export function clone(value) {
  return copy(value, new Map());
}

function copy(value, copies) {
  if (typeof value === "function" || typeof value === "symbol") {
    throw new TypeError(`a ${typeof value} cannot be cloned`);
  }
  if (value === null || typeof value !== "object") return value;
  if (copies.has(value)) return copies.get(value);
  const keep = (made) => {
    copies.set(value, made);
    return made;
  };
  if (value instanceof Date) return keep(new Date(value.getTime()));
  if (value instanceof RegExp) return keep(new RegExp(value.source, value.flags));
  if (value instanceof ArrayBuffer) return keep(value.slice(0));
  if (value instanceof DataView) return keep(new DataView(copy(value.buffer, copies), value.byteOffset, value.byteLength));
  if (ArrayBuffer.isView(value)) return keep(value.slice());
  if (value instanceof Map) {
    const made = keep(new Map());
    for (const [key, item] of value) made.set(copy(key, copies), copy(item, copies));
    return made;
  }
  if (value instanceof Set) {
    const made = keep(new Set());
    for (const item of value) made.add(copy(item, copies));
    return made;
  }
  const made = keep(Array.isArray(value) ? [] : value instanceof Error ? new Error(value.message) : {});
  for (const key of Object.keys(value)) made[key] = copy(value[key], copies);
  return made;
}
