import type { Trial } from "../trial.js";
import { chains } from "./chains.js";
import { connect } from "./connect.js";
import { fairness } from "./fairness.js";
import { files } from "./files.js";
import { idle } from "./idle.js";
import { nops } from "./nops.js";
import { reads } from "./reads.js";

export const trials: readonly Trial[] = [reads, nops, files, chains, connect, idle, fairness];

export function trialNamed(name: string): Trial | undefined {
  return trials.find((trial) => trial.name === name);
}
