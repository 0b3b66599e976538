/** As bench/src/child.ts, for the experiment of the article. */
import { answerParent } from "../child-process.js";
import type { Task } from "../trial.js";
import { article } from "./article.js";

await answerParent((task: Task) => article.measure(task));
