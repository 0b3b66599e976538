/** What the comparison has to show, and what else is worth a line: a goal without a limit is a finding. */
import { type CaseResult, valuesOf } from "../rounds.js";
import type { Goal } from "../trial.js";
import { type Contender, parseRival, rivalName } from "./rivals.js";
import type { WorkloadName } from "./workloads.js";

const SHARED_GOAL_WORKERS = 4;
const DIRECT_GOAL_WORKERS = 8;

type Limits = Pick<Goal, "atLeast" | "atMost">;

export function goalsOf(workload: WorkloadName, result: CaseResult): Goal[] {
  const goals = {
    reads: () => [...sharedGoals({ atLeast: 2 }), ...syncFindings(result), ...mainFindings(result)],
    direct: directGoals,
    files: () => [...sharedGoals({ atLeast: 2 }), ...syncFindings(result), ...mainFindings(result)],
    hash: () => [...sharedGoals({}), ...syncFindings(result), ...mainFindings(result)],
    append: () => [...sharedGoals({}), ...syncFindings(result), ...mainFindings(result)],
    offload: () => offloadGoals(result),
  } satisfies Record<WorkloadName, () => Goal[]>;
  const { rivals } = result.trial;
  return goals[workload]().filter(
    ({ rival, against }) => rivals.includes(rival) && rivals.includes(against ?? rival),
  );
}

/** The rival with most operations per second among those contenders, whatever its number of workers. */
export function bestOf(result: CaseResult, contenders: readonly Contender[]): string | undefined {
  const speed = (rival: string): number => valuesOf(result, rival, "opsPerSecond")?.median ?? 0;
  return result.trial.rivals
    .filter((rival) => contenders.includes(parseRival(rival).contender))
    .sort((a, b) => speed(b) - speed(a))[0];
}

/** In operations per second, and per CPU second. */
function both(rival: string, against: string, limits: Limits): Goal[] {
  return ["opsPerSecond", "opsPerCpuSecond"].map((metric) => ({
    metric,
    rival,
    against,
    ...limits,
  }));
}

const main = rivalName({ contender: "main" });

function offloadGoals(result: CaseResult): Goal[] {
  const against = bestOf(result, ["sync", "copied"]);
  if (against === undefined) return [];
  return [
    ...both(main, against, { atLeast: 5 }),
    { metric: "rssMiB", rival: main, against, atMost: 1 / 3 },
    { metric: "addedRssMiB", rival: main, against },
  ];
}

function directGoals(): Goal[] {
  const against = rivalName({ contender: "sync", workers: DIRECT_GOAL_WORKERS });
  return [
    { metric: "opsPerSecond", rival: main, against, atLeast: 2 },
    { metric: "opsPerCpuSecond", rival: main, against },
    ...sharedGoals({}),
  ];
}

function sharedGoals(limits: Limits): Goal[] {
  const workers = SHARED_GOAL_WORKERS;
  const shared = rivalName({ contender: "shared", workers });
  return both(shared, rivalName({ contender: "promises", workers }), limits);
}

/** How far the shared engine stays behind loops of synchronous fs, or comes near, with each number of workers. */
function syncFindings(result: CaseResult): Goal[] {
  return result.trial.rivals.flatMap((rival) => {
    const { contender, workers } = parseRival(rival);
    if (contender !== "shared") return [];
    return both(rival, rivalName({ contender: "sync", workers }), {});
  });
}

function mainFindings(result: CaseResult): Goal[] {
  const against = bestOf(result, ["sync", "promises", "tuned"]);
  return against === undefined ? [] : both(main, against, {});
}
