//! `atob` and `btoa`.

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** Bytes, as characters up to U+00FF, to base64. */
export function encodeBase64(text) {
  const bytes = Array.from(String(text), (character) => character.codePointAt(0));
  if (bytes.some((byte) => byte > 0xff)) throw new RangeError("`btoa` takes characters up to U+00FF");
  let encoded = "";
  for (let at = 0; at < bytes.length; at += 3) {
    const [first, second, third] = [bytes[at], bytes[at + 1], bytes[at + 2]];
    const group = (first << 16) | ((second ?? 0) << 8) | (third ?? 0);
    encoded += ALPHABET[group >> 18] + ALPHABET[(group >> 12) & 63];
    encoded += second === undefined ? "=" : ALPHABET[(group >> 6) & 63];
    encoded += third === undefined ? "=" : ALPHABET[group & 63];
  }
  return encoded;
}

/** Base64 to bytes, as characters up to U+00FF. */
export function decodeBase64(text) {
  const digits = String(text).replace(/[\t\n\f\r ]/g, "").replace(/={1,2}$/, "");
  if (digits.length % 4 === 1 || /[^A-Za-z0-9+/]/.test(digits)) throw new RangeError("the text is no base64");
  let decoded = "";
  let group = 0;
  let bits = 0;
  for (const digit of digits) {
    group = ((group << 6) | ALPHABET.indexOf(digit)) & 0xffffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      decoded += String.fromCharCode((group >> bits) & 0xff);
    }
  }
  return decoded;
}
