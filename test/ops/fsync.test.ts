import { testSyncOperation } from "../support/sync-operation.js";

testSyncOperation("fsync");
