// A module beside the entry.

export interface Doubled {
  value: number;
}

export const double = (value: number): Doubled => ({ value: value * 2 });
