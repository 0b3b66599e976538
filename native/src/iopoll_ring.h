// The second ring of an engine with `iopoll`: transfers whose completions nobody is interrupted
// for. They are found by asking the device's poll queues, which io_uring_enter does on the engine's
// thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <vector>

#include "iopoll_queues.h"
#include "kernel_abi.h"
#include "ring.h"

namespace ringpost {

struct PolledOptions {
  bool enabled = false;
  bool asks_sysfs = true;  // false, for tests: what has no poll queues is the kernel's to say
};

class PolledRing {
 public:
  // As Ring::Open. `main` are the options of the ring beside it; `most_in_flight` bounds what is in
  // flight in both.
  [[nodiscard]] int Open(const RingOptions& main, const PolledOptions& options,
                         uint32_t most_in_flight);
  [[nodiscard]] bool is_open() const { return ring_.is_open(); }
  // Nothing is in flight.
  void Close() { ring_.Close(); }

  // Transfers that haven't got their completion.
  [[nodiscard]] uint32_t in_flight() const { return in_flight_; }

  // Takes a submission that is for this ring: a read or write of a file or disk that is open with
  // O_DIRECT. Returns whether it was. It completes with -EOPNOTSUPP where the device has no poll
  // queues.
  [[nodiscard]] bool Take(const abi::Sqe& sqe);

  // Submits what is pending, and asks the devices. Doesn't block.
  void Poll() { (void)ring_.Submit(); }

  // Copies the oldest completion out. Returns false where there is none now.
  [[nodiscard]] bool TakeCompletion(abi::Cqe* out);

  // Of this ring's own table of registered buffers; as Ring's.
  [[nodiscard]] int RegisterBufferTable(uint32_t count) { return ring_.RegisterBufferTable(count); }
  [[nodiscard]] int UpdateBuffer(uint32_t index, uint8_t* base, uint64_t length) {
    return ring_.UpdateBuffer(index, base, length);
  }

 private:
  void Push(const abi::Sqe& sqe);

  Ring ring_;
  PolledOptions options_;
  PollQueues queues_;
  uint32_t in_flight_ = 0;
  std::vector<uint64_t> refused_;  // user_data of those without poll queues; never grows
};

}  // namespace ringpost
