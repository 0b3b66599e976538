// Waits, as submissions: for a time, for a child, for a word of memory; and what ends the latter.
// Part of stage 4 (prepare_submission.h), whose rules are these functions', too.
#pragma once

#include <cerrno>

#include "in_flight.h"
#include "kernel_abi.h"
#include "regions.h"
#include "shared_memory.h"
#include "transfer.h"

namespace ringpost {

[[nodiscard]] bool IsWait(uint32_t op);

// Whether it ends by itself, as a disk's transfer does: it waits for no time, child, word, or event
// of a descriptor; nor for somebody at the other end of a pipe, a socket or a terminal, which have
// no position. (At a file's own offset there is one by now: offset_lines.cc. And what only looks
// as if it did, as a pipe's read at a position, Engine::LeaveOutWaits finds after a while.)
[[nodiscard]] inline bool EndsByItself(uint32_t op, const abi::Sqe& sqe) {
  const bool is_of_pipe = sqe.opcode == abi::kOpSplice || sqe.opcode == abi::kOpTee;
  return sqe.opcode != abi::kOpPollAdd && !is_of_pipe && !IsWait(op) && !IsAtOwnOffset(sqe);
}

// Of such an operation, IsWait's.
[[nodiscard]] int PrepareWait(const Request& request, const Mailbox& mailbox,
                              const RegionTable& regions, InFlight* flight, abi::Sqe* sqe);

// What the wait came to, as its reply says it: the time that is over is a timeout's success.
[[nodiscard]] inline int32_t WaitResult(uint32_t op, int32_t result) {
  if (op == protocol::opcode::kTimeout && result == -ETIME) return 0;
  if (op == protocol::opcode::kFutexWait && result == -EAGAIN)
    return protocol::futex_result::kNotEqual;
  return result;
}

}  // namespace ringpost
