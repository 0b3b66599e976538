// Generated from packages/protocol by `npm run generate`. Do not edit.
// clang-format off
#pragma once

#include <cstdint>

namespace ringpost::protocol {

inline constexpr uint32_t kLayoutHash = 1146544677u;
inline constexpr uint32_t kLastOpcode = 39u;
inline constexpr uint32_t kLayoutVersion = 1u;
inline constexpr uint32_t kLineBytes = 64u;
inline constexpr uint32_t kPageBytes = 4096u;
inline constexpr uint32_t kHugePageBytes = 2097152u;
inline constexpr uint32_t kMailboxHeaderBytes = 768u;
inline constexpr uint32_t kRequestBytes = 64u;
inline constexpr uint32_t kEntriesPerSlot = 2u;
inline constexpr uint32_t kReplyBytes = 16u;
inline constexpr uint32_t kRepliesPerSlot = 2u;
inline constexpr uint32_t kMaxClients = 512u;
inline constexpr uint32_t kMaxSlotCount = 4096u;
inline constexpr uint32_t kCurrentPosition = 4294967295u;
inline constexpr uint32_t kMaxSlabs = 64u;
inline constexpr uint32_t kMaxVectors = 1024u;
inline constexpr uint32_t kMaxTransferBytes = 2147479552u;
inline constexpr uint32_t kOpcodeMask = 65535u;
inline constexpr uint32_t kBatchBuckets = 16u;
inline constexpr uint32_t kLatencyBuckets = 40u;

namespace engine_word {
inline constexpr uint32_t kLayoutHash = 0u;
inline constexpr uint32_t kMaxClients = 1u;
inline constexpr uint32_t kSlotCount = 2u;
inline constexpr uint32_t kMailboxesOffset = 3u;
inline constexpr uint32_t kMailboxBytes = 4u;
inline constexpr uint32_t kRequestRingOffset = 5u;
inline constexpr uint32_t kReplyRingOffset = 6u;
inline constexpr uint32_t kPayloadsOffset = 7u;
inline constexpr uint32_t kInitialIndex = 8u;
inline constexpr uint32_t kParked = 16u;
inline constexpr uint32_t kWaitMode = 17u;
}  // namespace engine_word

namespace engine_counter {
inline constexpr uint32_t kEnters = 16u;
inline constexpr uint32_t kWakeups = 17u;
inline constexpr uint32_t kIdleWakeups = 18u;
inline constexpr uint32_t kDoorbells = 19u;
inline constexpr uint32_t kNotifies = 20u;
inline constexpr uint32_t kCancels = 21u;
inline constexpr uint32_t kOverflows = 22u;
inline constexpr uint32_t kClientsOpened = 23u;
inline constexpr uint32_t kClientsDrained = 24u;
inline constexpr uint32_t kPlainCalls = 25u;
inline constexpr uint32_t kPolled = 26u;
inline constexpr uint32_t kSlabsRegistered = 27u;
inline constexpr uint32_t kSlabsRefused = 28u;
inline constexpr uint32_t kEnterSizes = 32u;
}  // namespace engine_counter

namespace wait_mode {
inline constexpr uint32_t kNotify = 0u;
inline constexpr uint32_t kPoll = 1u;
inline constexpr uint32_t kAuto = 2u;
}  // namespace wait_mode

namespace placement_mode {
inline constexpr uint32_t kAuto = 0u;
inline constexpr uint32_t kFloat = 1u;
inline constexpr uint32_t kColocate = 2u;
inline constexpr uint32_t kSpread = 3u;
inline constexpr uint32_t kList = 4u;
}  // namespace placement_mode

namespace mailbox_word {
inline constexpr uint32_t kRequestTail = 0u;
inline constexpr uint32_t kReplyHead = 1u;
inline constexpr uint32_t kRequestHead = 16u;
inline constexpr uint32_t kReplyTail = 17u;
inline constexpr uint32_t kParked = 32u;
}  // namespace mailbox_word

namespace client_counter {
inline constexpr uint32_t kPosted = 24u;
inline constexpr uint32_t kSettled = 25u;
inline constexpr uint32_t kBatches = 26u;
inline constexpr uint32_t kDoorbells = 27u;
inline constexpr uint32_t kWakeups = 28u;
inline constexpr uint32_t kLateReplies = 29u;
inline constexpr uint32_t kWaiting = 30u;
inline constexpr uint32_t kHotReads = 31u;
inline constexpr uint32_t kBatchSizes = 32u;
}  // namespace client_counter

namespace service_counter {
inline constexpr uint32_t kTaken = 48u;
inline constexpr uint32_t kReplied = 49u;
inline constexpr uint32_t kRefused = 50u;
inline constexpr uint32_t kNotifies = 51u;
inline constexpr uint32_t kSubmitted = 52u;
inline constexpr uint32_t kCompleted = 53u;
inline constexpr uint32_t kPunts = 54u;
inline constexpr uint32_t kConnected = 55u;
inline constexpr uint32_t kLatencies = 56u;
}  // namespace service_counter

namespace request_word {
inline constexpr uint32_t kSlot = 0u;
inline constexpr uint32_t kGeneration = 1u;
inline constexpr uint32_t kOpcode = 2u;
inline constexpr uint32_t kFd = 3u;
inline constexpr uint32_t kPositionLow = 4u;
inline constexpr uint32_t kPositionHigh = 5u;
inline constexpr uint32_t kRegion = 6u;
inline constexpr uint32_t kRegionGeneration = 7u;
inline constexpr uint32_t kRegionOffset = 8u;
inline constexpr uint32_t kLength = 9u;
inline constexpr uint32_t kFlags = 10u;
inline constexpr uint32_t kMode = 11u;
inline constexpr uint32_t kPathBytes = 12u;
inline constexpr uint32_t kSecondPathBytes = 13u;
inline constexpr uint32_t kSecondFd = 14u;
inline constexpr uint32_t kLengthHigh = 15u;
}  // namespace request_word

namespace opcode_flag {
inline constexpr uint32_t kDeadline = 65536u;
inline constexpr uint32_t kLink = 131072u;
inline constexpr uint32_t kHardLink = 262144u;
inline constexpr uint32_t kDrain = 524288u;
inline constexpr uint32_t kFdOfStep = 1048576u;
inline constexpr uint32_t kSecondFdOfStep = 2097152u;
inline constexpr uint32_t kChain = 4194304u;
inline constexpr uint32_t kContinues = 8388608u;
}  // namespace opcode_flag

namespace cancel_scope {
inline constexpr uint32_t kRequest = 0u;
inline constexpr uint32_t kDescriptor = 1u;
inline constexpr uint32_t kAll = 2u;
inline constexpr uint32_t kClosing = 3u;
}  // namespace cancel_scope

namespace reply_word {
inline constexpr uint32_t kSlot = 0u;
inline constexpr uint32_t kGeneration = 1u;
inline constexpr uint32_t kResult = 2u;
inline constexpr uint32_t kNote = 3u;
}  // namespace reply_word

namespace region {
inline constexpr uint32_t kNone = 4294967295u;
inline constexpr uint32_t kOwn = 4294967294u;
inline constexpr uint32_t kFirstSlab = 0u;
}  // namespace region

namespace payload {
inline constexpr uint32_t kResultOffset = 0u;
inline constexpr uint32_t kResultBytes = 256u;
inline constexpr uint32_t kPathOffset = 256u;
inline constexpr uint32_t kPathCapacity = 4096u;
inline constexpr uint32_t kSecondPathOffset = 4352u;
inline constexpr uint32_t kSecondPositionOffset = 248u;
inline constexpr uint32_t kDeadlineOffset = 240u;
inline constexpr uint32_t kBytes = 8448u;
}  // namespace payload

namespace open_flag {
inline constexpr uint32_t kFlush = 1073741824u;
inline constexpr uint32_t kKept = 536870912u;
}  // namespace open_flag

namespace memory_advice {
inline constexpr uint32_t kNormal = 0u;
inline constexpr uint32_t kRandom = 1u;
inline constexpr uint32_t kSequential = 2u;
inline constexpr uint32_t kWillneed = 3u;
inline constexpr uint32_t kDontneed = 4u;
inline constexpr uint32_t kFree = 8u;
inline constexpr uint32_t kMergeable = 12u;
inline constexpr uint32_t kUnmergeable = 13u;
inline constexpr uint32_t kHugepage = 14u;
inline constexpr uint32_t kNohugepage = 15u;
inline constexpr uint32_t kCold = 20u;
inline constexpr uint32_t kPageout = 21u;
inline constexpr uint32_t kPopulateRead = 22u;
inline constexpr uint32_t kPopulateWrite = 23u;
inline constexpr uint32_t kCollapse = 25u;
}  // namespace memory_advice

namespace futex_result {
inline constexpr uint32_t kWoken = 0u;
inline constexpr uint32_t kNotEqual = 1u;
}  // namespace futex_result

namespace reply_note {
inline constexpr uint32_t kEndOfFile = 65536u;
inline constexpr uint32_t kKeepsFd = 131072u;
inline constexpr uint32_t kNotPolled = 262144u;
inline constexpr uint32_t kNotAllowed = 524288u;
inline constexpr uint32_t kMore = 1048576u;
inline constexpr uint32_t kStopping = 2097152u;
}  // namespace reply_note

namespace stage {
inline constexpr uint32_t kWhole = 0u;
inline constexpr uint32_t kOpen = 1u;
inline constexpr uint32_t kMove = 2u;
inline constexpr uint32_t kFlush = 3u;
inline constexpr uint32_t kClose = 4u;
}  // namespace stage

namespace run_result {
inline constexpr int32_t kStopped = -1;
}  // namespace run_result

namespace ring_operation {
inline constexpr uint8_t kOpNop = 0u;
inline constexpr uint8_t kOpReadv = 1u;
inline constexpr uint8_t kOpWritev = 2u;
inline constexpr uint8_t kOpFsync = 3u;
inline constexpr uint8_t kOpReadFixed = 4u;
inline constexpr uint8_t kOpWriteFixed = 5u;
inline constexpr uint8_t kOpPollAdd = 6u;
inline constexpr uint8_t kOpSyncFileRange = 8u;
inline constexpr uint8_t kOpTimeout = 11u;
inline constexpr uint8_t kOpAsyncCancel = 14u;
inline constexpr uint8_t kOpFallocate = 17u;
inline constexpr uint8_t kOpOpenat = 18u;
inline constexpr uint8_t kOpClose = 19u;
inline constexpr uint8_t kOpStatx = 21u;
inline constexpr uint8_t kOpRead = 22u;
inline constexpr uint8_t kOpWrite = 23u;
inline constexpr uint8_t kOpFadvise = 24u;
inline constexpr uint8_t kOpMadvise = 25u;
inline constexpr uint8_t kOpOpenat2 = 28u;
inline constexpr uint8_t kOpSplice = 30u;
inline constexpr uint8_t kOpTee = 33u;
inline constexpr uint8_t kOpRenameat = 35u;
inline constexpr uint8_t kOpUnlinkat = 36u;
inline constexpr uint8_t kOpMkdirat = 37u;
inline constexpr uint8_t kOpSymlinkat = 38u;
inline constexpr uint8_t kOpLinkat = 39u;
inline constexpr uint8_t kOpFsetxattr = 41u;
inline constexpr uint8_t kOpSetxattr = 42u;
inline constexpr uint8_t kOpFgetxattr = 43u;
inline constexpr uint8_t kOpGetxattr = 44u;
inline constexpr uint8_t kOpWaitid = 50u;
inline constexpr uint8_t kOpFutexWait = 51u;
inline constexpr uint8_t kOpFutexWake = 52u;
inline constexpr uint8_t kOpFtruncate = 55u;
inline constexpr uint8_t kOpPipe = 62u;
}  // namespace ring_operation

namespace opcode {
inline constexpr uint32_t kNop = 1u;
inline constexpr uint32_t kOpen = 2u;
inline constexpr uint32_t kClose = 3u;
inline constexpr uint32_t kRead = 4u;
inline constexpr uint32_t kWrite = 5u;
inline constexpr uint32_t kReadv = 6u;
inline constexpr uint32_t kWritev = 7u;
inline constexpr uint32_t kFsync = 8u;
inline constexpr uint32_t kFdatasync = 9u;
inline constexpr uint32_t kStat = 10u;
inline constexpr uint32_t kReadFile = 11u;
inline constexpr uint32_t kReadRest = 12u;
inline constexpr uint32_t kWriteFile = 13u;
inline constexpr uint32_t kRegisterSlab = 14u;
inline constexpr uint32_t kFtruncate = 15u;
inline constexpr uint32_t kFallocate = 16u;
inline constexpr uint32_t kFadvise = 17u;
inline constexpr uint32_t kSyncFileRange = 18u;
inline constexpr uint32_t kRename = 19u;
inline constexpr uint32_t kUnlink = 20u;
inline constexpr uint32_t kRmdir = 21u;
inline constexpr uint32_t kMkdir = 22u;
inline constexpr uint32_t kSymlink = 23u;
inline constexpr uint32_t kLink = 24u;
inline constexpr uint32_t kCancel = 25u;
inline constexpr uint32_t kOpenat2 = 26u;
inline constexpr uint32_t kGetxattr = 27u;
inline constexpr uint32_t kSetxattr = 28u;
inline constexpr uint32_t kSplice = 29u;
inline constexpr uint32_t kTee = 30u;
inline constexpr uint32_t kPoll = 31u;
inline constexpr uint32_t kMadvise = 32u;
inline constexpr uint32_t kPipe = 33u;
inline constexpr uint32_t kTimeout = 34u;
inline constexpr uint32_t kWaitid = 35u;
inline constexpr uint32_t kFutexWait = 36u;
inline constexpr uint32_t kFutexWake = 37u;
inline constexpr uint32_t kPollEvents = 38u;
inline constexpr uint32_t kNextEvents = 39u;
}  // namespace opcode

}  // namespace ringpost::protocol
