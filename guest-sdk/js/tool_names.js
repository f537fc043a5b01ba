//! The names by which a model knows tools. Models take 1 to 64 characters of `a-z A-Z 0-9 _ -`; providers call their tools what they like.

const NAME_LENGTH = 64;

/** A name that models take: the parts with `__` between. One that is too long is cut, and ends in a digest of the whole. */
export function forModel(...parts) {
  const whole = parts.join("__");
  const name = Array.from(whole, (character) => (/^[A-Za-z0-9-]$/.test(character) ? character : "_")).join("");
  if (name.length >= 1 && name.length <= NAME_LENGTH) return name;
  // FNV-1a
  let digest = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(whole)) digest = Math.imul(digest ^ byte, 0x01000193);
  const hex = (digest >>> 0).toString(16).padStart(8, "0");
  return `${name.slice(0, NAME_LENGTH - 9)}_${hex}`;
}

/** The name, or where another tool has it, the name with a number. */
export function unique(name, taken) {
  if (!taken.has(name)) return name;
  for (let number = 2; ; number += 1) {
    const ending = `_${number}`;
    const numbered = name.slice(0, NAME_LENGTH - ending.length) + ending;
    if (!taken.has(numbered)) return numbered;
  }
}
