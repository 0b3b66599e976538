/** How much of an engine a client may have: what `connect` and handles take, and what native code is told. */
import { checkInteger, checkNames, type Names } from "./arguments.js";
import { invalidArgType } from "./node-errors.js";

export interface ClientShare {
  /**
   * Requests that the client may have with the engine at a time: 2 to the engine's own `credits`, which is the default. Its chains
   * have no more steps than that. Few of them keep a busy client from filling a device's queue, or the CPUs.
   */
  readonly credits?: number | undefined;
  /**
   * How many requests the engine takes of this client before the others have their turn, as a multiple of what it takes of them (up
   * to 32): 1 to 16. Counts only while several clients have more than that to be taken. Default 1.
   */
  readonly weight?: number | undefined;
}

/** A share with nothing left out. */
type WholeShare = { readonly [Name in keyof ClientShare]-?: NonNullable<ClientShare[Name]> };

const shareNames = { credits: true, weight: true } satisfies Names<ClientShare>;

const MOST_WEIGHT = 16;

/**
 * Checks a share.
 * @param otherwise what counts for those left out
 * @param most credits that the engine has for one client
 */
export function toShare(
  given: unknown,
  name: string,
  otherwise: WholeShare,
  most: number,
): WholeShare {
  if (given === undefined) return otherwise;
  if (typeof given !== "object" || given === null)
    throw invalidArgType(name, "of type object", given);
  checkNames(given, name, shareNames);
  const { credits = otherwise.credits, weight = otherwise.weight } = given as {
    credits?: unknown; // both are looked at right here
    weight?: unknown;
  };
  checkInteger(credits, `${name}.credits`, 2, most);
  checkWeight(weight, `${name}.weight`);
  return { credits, weight };
}

export function checkWeight(weight: unknown, name: string): asserts weight is number {
  checkInteger(weight, name, 1, MOST_WEIGHT);
}
