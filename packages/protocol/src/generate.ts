/** `npm run generate`: writes what is made from the tables of this package: the C++ header, and README's table of operations. */
import { readFileSync, writeFileSync } from "node:fs";
import { documentOperations } from "./documentation.js";
import { renderHeader } from "./header.js";

const root = new URL("../../../", import.meta.url);

writeFileSync(new URL("native/generated/protocol.h", root), renderHeader());
const readme = new URL("README.md", root);
writeFileSync(readme, documentOperations(readFileSync(readme, "utf8")));
