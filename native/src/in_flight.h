#pragma once

#include <cstdint>

#include "descriptor_users.h"
#include "kernel_abi.h"
#include "protocol.h"
#include "regions.h"

namespace ringpost {

// What every request begins with. The rest of InFlight is set before it is read, or what it was
// again when the kernel is done with the request.
struct RequestState {
  bool cancelled = false;
  bool timed = false;    // it has a deadline
  bool overdue = false;  // that is why it was cancelled
  bool chained = false;  // a step of a chain: chain_step.h
  bool held = false;     // drains.cc: it waits for a drain
  // A close of its descriptor waits behind it, for a credit or a drain: it is cancelled as soon as
  // it has begun.
  bool doomed = false;
  bool siblings_told = false;  // of this close: the other rings are to be told of its end, too
  bool polled = false;         // it is with the polled ring
  bool unpollable = false;     // whose device, or file system, has nothing to poll
  bool awaits_writer = false;  // fifo_peers.cc: what is in the kernel is a poll
  DescriptorUse used;          // the descriptor that it works on
  DescriptorUse input;         // and what it takes from
  // offset_lines.cc: the descriptor in whose line it stands; negative: in none.
  int32_t line_fd = -1;
  // Of a recipe: where it is, and how many bytes it has moved.
  uint32_t stage = protocol::stage::kWhole;
  uint32_t done = 0;
};

// What the engine remembers of a request between its submission and its reply. One per slot, the
// engine thread's.
struct InFlight : RequestState {
  static constexpr uint32_t kIdle = 0;  // no operation has opcode 0

  uint32_t opcode = kIdle;
  uint32_t generation = 0;
  uint64_t taken_ns = 0;      // of CLOCK_MONOTONIC, the same for all of a batch
  uint64_t nth_taken = 0;     // of all requests of the engine
  uint64_t cancelled_ns = 0;  // when the kernel was first told
  // What the kernel is told of it: of a recipe, the step it is at.
  abi::Sqe submission = {};
  // What the kernel reads, or writes, by its address.
  union {
    abi::OpenHow open_how = {};  // of an openat2
    int32_t pipe_ends[2];        // of a pipe: to read from, and to write to
    abi::Timespec time;          // of a timeout
  };
  bool ends_by_itself = false;       // what is in the kernel does (prepare_waits.h)
  uint64_t began_ns = 0;             // and has been there since then
  bool transfers = false;            // turns.cc: what is in the kernel is a transfer at a position
  bool of_few = false;               // of a client that has few; meant while it transfers
  InFlight* next_in_line = nullptr;  // offset_lines.cc

  // poll_streams.cc: a stream of events. Set when one begins, meant for nothing else.
  bool armed = false;   // its poll is with the kernel
  bool asked = false;   // the client has read what it was given, and waits for more
  uint32_t events = 0;  // what came since, together

  // call_thread.h: a system call carries it out, not the ring.
  bool by_call = false;
  int32_t call_result = 0;
  InFlight* next_call = nullptr;

  // Recipes only: what they have.
  uint32_t failed_stage = 0;  // the step that `error` came from
  int32_t error = 0;          // first failure, reported after the close
  int32_t fd = -1;
  uint32_t flags = 0;
  uint32_t mode = 0;
  const char* path = nullptr;
  Span buffer;
  uint64_t position = 0;  // in the file, of the buffer's first byte

  void BeginAnew() { static_cast<RequestState&>(*this) = {}; }
  [[nodiscard]] bool idle() const { return opcode == kIdle; }
  [[nodiscard]] bool opens() const {
    return opcode == protocol::opcode::kOpen || opcode == protocol::opcode::kOpenat2;
  }
  [[nodiscard]] bool Uses(int32_t of) const { return used.fd == of || input.fd == of; }
};

}  // namespace ringpost
