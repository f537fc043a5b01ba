//! `Failure`: why a call or a run did not succeed. It decides nothing about retries: the host does.

/** Why something did not succeed. Calls throw one, and a workflow that throws one ends with it. */
export class Failure extends Error {
  constructor(code, message, { details, retryable = false, cause } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "Failure";
    this.code = code;
    this.details = details;
    this.retryable = retryable;
  }

  /** The failure of a run that was asked to end. */
  static cancelled(reason) {
    return new Failure("cancelled", reason);
  }

  /** Whether `error` is a failure, and, where a code is given, one with this code. */
  static is(error, code) {
    return error instanceof Failure && (code === undefined || error.code === code);
  }

  /** What is stored of it. */
  toJSON() {
    const { code, message, details, retryable } = this;
    return details === undefined ? { code, message, retryable } : { code, details, message, retryable };
  }

  toString() {
    return `${this.code}: ${this.message}`;
  }
}
