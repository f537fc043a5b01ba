globalThis.console = {};
