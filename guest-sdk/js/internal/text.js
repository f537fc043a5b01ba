//! `TextEncoder` and `TextDecoder`, for UTF-8.

/** Texts to bytes. Half a character becomes U+FFFD. */
export class TextEncoder {
  get encoding() {
    return "utf-8";
  }

  encode(text = "") {
    const bytes = [];
    for (const character of String(text)) {
      let code = character.codePointAt(0);
      if (code >= 0xd800 && code <= 0xdfff) code = 0xfffd;
      if (code < 0x80) bytes.push(code);
      else if (code < 0x800) bytes.push(0xc0 | (code >> 6), 0x80 | (code & 0x3f));
      else if (code < 0x10000) bytes.push(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f));
      else bytes.push(0xf0 | (code >> 18), 0x80 | ((code >> 12) & 0x3f), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f));
    }
    return Uint8Array.from(bytes);
  }
}

/** Bytes to texts. What is no UTF-8 becomes U+FFFD, or a `TypeError` where `fatal` is asked for. */
export class TextDecoder {
  #fatal;

  constructor(encoding = "utf-8", { fatal = false } = {}) {
    if (!/^utf-?8$/i.test(encoding)) throw new RangeError(`the encoding \`${encoding}\` is not known here: use UTF-8`);
    this.#fatal = fatal;
  }

  get encoding() {
    return "utf-8";
  }

  decode(input = new Uint8Array()) {
    const bytes = ArrayBuffer.isView(input) ? new Uint8Array(input.buffer, input.byteOffset, input.byteLength) : new Uint8Array(input);
    // A mark of the byte order is no part of the text.
    let at = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
    const parts = [];
    while (at < bytes.length) {
      const { code, length } = next(bytes, at);
      if (code === undefined && this.#fatal) throw new TypeError("the bytes are no UTF-8");
      parts.push(String.fromCodePoint(code ?? 0xfffd));
      at += length;
    }
    return parts.join("");
  }
}

/** The character at a place, or nothing, and how many bytes that takes. */
function next(bytes, at) {
  const first = bytes[at];
  if (first < 0x80) return { code: first, length: 1 };
  const count = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
  if (first < 0xc2 || first > 0xf4) return { length: 1 };
  // The second byte of some characters has a narrower range, lest a character have two forms.
  const lowest = { 0xe0: 0xa0, 0xf0: 0x90 }[first] ?? 0x80;
  const highest = { 0xed: 0x9f, 0xf4: 0x8f }[first] ?? 0xbf;
  let code = first & (0x3f >> count);
  for (let index = 1; index <= count; index += 1) {
    const byte = bytes[at + index];
    const [low, high] = index === 1 ? [lowest, highest] : [0x80, 0xbf];
    if (byte === undefined || byte < low || byte > high) return { length: index };
    code = (code << 6) | (byte & 0x3f);
  }
  return { code, length: count + 1 };
}
