import { InvalidArgumentError } from "commander";

/** Parses an option's value. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`A whole number from ${least} to ${most} is needed.`);
  };
}

/** Parses several, with commas between them. */
export function wholeNumbers(least: number, most: number): (list: string) => number[] {
  return (list) => [...new Set(list.split(",").map(wholeNumber(least, most)))];
}
