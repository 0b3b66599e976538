export { AWAKE, claimWake, isParked, PARKED, park, unpark } from "./handoff.js";
export { Mailbox, readGeometry } from "./mailbox.js";
export { RingConsumer, type RingPlace, RingProducer } from "./mailbox-rings.js";
export * from "./shared-words.js";
