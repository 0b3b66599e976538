#pragma once

#include <cstdint>

namespace ringpost {

// What the engine remembers of a step of a chain, beside its InFlight. One per slot, the engine
// thread's; chains.cc.
struct ChainStep {
  static constexpr uint32_t kNone = UINT32_MAX;
  static constexpr int32_t kNotOpen = -1;

  enum class State : uint8_t {
    kWaiting,  // its turn is still to come
    kRunning,
    kDone,     // its reply is held until the chain is over
    kClosing,  // the chain is over: what this step has opened is being closed
  };

  State state = State::kWaiting;
  bool linked_hard = false;  // the next step runs whatever becomes of this one
  uint32_t head = kNone;     // slot of the first step
  uint32_t next = kNone;     // slot of the next one
  uint32_t nth = 0;
  uint32_t fd_of = kNone;  // the step whose descriptor it uses
  uint32_t second_fd_of = kNone;
  int32_t refused = 0;  // why it can't run

  // Of a chain's first step.
  bool drains = false;
  bool needs_process_fds = false;  // a step can't use descriptors of the ring's own table
  uint32_t count = 1;              // steps of the chain
  uint32_t closing = 0;            // descriptors still to be closed

  // What came of it.
  int32_t result = 0;
  uint32_t note = 0;

  // Of an open: the chain's until the chain is over.
  int32_t opened = kNotOpen;
  bool direct = false;         // in the ring's own table, or on its way there; not the process's
  bool appends = false;        // the kernel alone knows where its writes end
  uint64_t offset = 0;         // of a direct descriptor: where a transfer at a null position goes
  bool at_own_offset = false;  // this step is such a transfer
};

}  // namespace ringpost
