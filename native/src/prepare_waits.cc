#include "prepare_waits.h"

#include <cerrno>
#include <csignal>
#include <cstddef>

#include "request_buffer.h"

namespace ringpost {

namespace {

namespace opcode = protocol::opcode;
using abi::Address;

constexpr uint64_t kNsPerSecond = 1'000'000'000;

// packages/client/src/child-state.ts reads them there.
static_assert(sizeof(siginfo_t) <= protocol::payload::kDeadlineOffset);
static_assert(offsetof(siginfo_t, si_code) == 8 && offsetof(siginfo_t, si_pid) == 16 &&
              offsetof(siginfo_t, si_uid) == 20 && offsetof(siginfo_t, si_status) == 24);

int PrepareTimeout(const Request& request, InFlight* flight, abi::Sqe* sqe) {
  const uint64_t ns = request.position();
  flight->time = {static_cast<int64_t>(ns / kNsPerSecond), static_cast<int64_t>(ns % kNsPerSecond)};
  sqe->opcode = abi::kOpTimeout;
  sqe->fd = -1;
  sqe->address = Address(&flight->time);
  sqe->length = 1;  // one timespec
  return 0;         // no offset: it counts no completions
}

// The kernel tells the payload what became of the child, as it does a statx.
int PrepareWaitid(const Request& request, const Mailbox& mailbox, abi::Sqe* sqe) {
  sqe->opcode = abi::kOpWaitid;
  sqe->fd = request.mode == abi::kIdIsPidfd ? request.fd : static_cast<int32_t>(request.length);
  sqe->length = request.mode;
  sqe->file_index = static_cast<int32_t>(request.flags);
  sqe->offset = Address(mailbox.Result(request.slot));
  return 0;
}

int PrepareFutex(const Request& request, const RegionTable& regions, abi::Sqe* sqe) {
  Span word;
  if (request.length != sizeof(uint32_t)) return -EINVAL;
  if (const int found = FindBuffer(request, regions, &word); found < 0) return found;
  sqe->opcode = request.opcode == opcode::kFutexWait ? abi::kOpFutexWait : abi::kOpFutexWake;
  sqe->fd = abi::kFutexSizeU32 | abi::kFutexPrivate;
  sqe->address = Address(word.base);
  sqe->offset = request.flags;  // the value that is expected, or how many to wake
  sqe->address3 = abi::kFutexMatchAny;
  return 0;
}

}  // namespace

bool IsWait(uint32_t op) {
  return op == opcode::kTimeout || op == opcode::kWaitid || op == opcode::kFutexWait ||
         op == opcode::kFutexWake;
}

int PrepareWait(const Request& request, const Mailbox& mailbox, const RegionTable& regions,
                InFlight* flight, abi::Sqe* sqe) {
  switch (request.opcode) {
    case opcode::kTimeout:
      return PrepareTimeout(request, flight, sqe);
    case opcode::kWaitid:
      return PrepareWaitid(request, mailbox, sqe);
    default:
      return PrepareFutex(request, regions, sqe);
  }
}

}  // namespace ringpost
