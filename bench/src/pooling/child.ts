/** A child process of the pooling comparison. It has nothing in its memory but what its rival needs. */
import { answerParent } from "../child-process.js";
import { measureRival } from "./measure.js";

await answerParent(measureRival);
