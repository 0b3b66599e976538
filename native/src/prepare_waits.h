// Waits, as submissions: for a time, for a child, for a word of memory; and what ends the latter.
// Part of stage 4 (prepare_submission.h), whose rules are these functions', too.
#pragma once

#include <cerrno>

#include "in_flight.h"
#include "kernel_abi.h"
#include "regions.h"
#include "shared_memory.h"

namespace ringpost {

[[nodiscard]] bool IsWait(uint32_t op);

// Whether it waits for what is no input or output of its own: one of these, or events of a
// descriptor.
[[nodiscard]] inline bool WaitsWithoutIo(uint32_t op) {
  return op == protocol::opcode::kPoll || op == protocol::opcode::kPollEvents || IsWait(op);
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
