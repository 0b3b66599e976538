/** `npm run generate`: writes native/generated/protocol.h from the tables of this package. */
import { writeFileSync } from "node:fs";
import { renderHeader } from "./header.js";

writeFileSync(new URL("../../../native/generated/protocol.h", import.meta.url), renderHeader());
