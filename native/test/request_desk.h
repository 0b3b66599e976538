// Requests for the tests of native/src/prepare_submission.h, and a client whose memory they name.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include "check.h"
#include "prepare_submission.h"
#include "test_memory.h"

namespace ringpost {

namespace opcode = protocol::opcode;
namespace payload = protocol::payload;
namespace region = protocol::region;
using abi::Address;

inline constexpr uint32_t kSlots = 4;
inline constexpr uint32_t kSlot = 2;
inline constexpr uint32_t kGeneration = 77;
inline constexpr uint32_t kBytes = 8192;
inline constexpr uint32_t kSlab = 5;
inline constexpr uint8_t kUntouched = 0x5a;

// One client with a buffer pinned for kSlot, a slab, and a mailbox full of kUntouched.
class Desk {
 public:
  Desk() : memory(1, kSlots), mailbox(memory.shared().mailbox(0)), regions(kSlots) {
    std::memset(mailbox.payloads, kUntouched, PayloadBytes());
    CHECK(regions.Pin(kSlot, kGeneration, buffer.data(), kBytes));
    CHECK(regions.PinSlab(kSlab, kSlab, buffer.data(), kBytes));
  }

  void PinVectors(uint32_t count) {
    iovec* room = regions.VectorRoom(kSlot, count);
    for (uint32_t i = 0; i < count; i++) room[i] = {buffer.data() + i, 1};
    regions.PinVectors(kSlot, kGeneration, count);
  }

  // Puts a path into the payload, with no NUL after it.
  uint32_t WritePath(const char* path) const {
    std::memcpy(mailbox.Path(kSlot), path, std::strlen(path));
    return static_cast<uint32_t>(std::strlen(path));
  }
  uint32_t WriteSecondPath(const char* path) const {
    std::memcpy(mailbox.SecondPath(kSlot), path, std::strlen(path));
    return static_cast<uint32_t>(std::strlen(path));
  }

  abi::Sqe Prepare(const Request& request) {
    abi::Sqe sqe = {};
    flight = {};
    flight.opcode = request.opcode;
    CHECK_EQ(PrepareSubmission(request, mailbox, regions, &flight, &sqe), 0);
    CHECK_EQ(sqe.flags, 0);
    CHECK_EQ(sqe.user_data, 0);
    return sqe;
  }

  // Returns the refusal, 0 where there was none.
  int Refusal(const Request& request) {
    abi::Sqe sqe = {};
    const abi::Sqe nothing = {};
    flight = {};
    flight.opcode = request.opcode;
    const int refused = PrepareSubmission(request, mailbox, regions, &flight, &sqe);
    if (refused < 0) {
      CHECK_EQ(std::memcmp(&sqe, &nothing, sizeof(sqe)), 0);
      CHECK(PayloadsUntouched());
    }
    return refused;
  }

  [[nodiscard]] bool PayloadsUntouched() const {
    for (size_t i = 0; i < PayloadBytes(); i++) {
      if (mailbox.payloads[i] != kUntouched) return false;
    }
    return true;
  }

  TestMemory memory;
  Mailbox mailbox;
  RegionTable regions;
  InFlight flight;
  std::vector<uint8_t> buffer = std::vector<uint8_t>(kBytes);

 private:
  static size_t PayloadBytes() { return size_t{kSlots} * payload::kBytes; }
};

inline Request Make(uint32_t op) {
  Request request = {};
  request.slot = kSlot;
  request.generation = kGeneration;
  request.opcode = op;
  request.fd = 33;
  request.position_low = 0x89ab'cdef;
  request.position_high = 0x0123;
  request.region = region::kNone;
  return request;
}

inline Request WithOwn(uint32_t op, uint32_t offset, uint32_t length) {
  Request request = Make(op);
  request.region = region::kOwn;
  request.region_generation = kGeneration;
  request.region_offset = offset;
  request.length = length;
  return request;
}

inline Request WithSlab(uint32_t op, uint32_t offset, uint32_t length) {
  Request request = WithOwn(op, offset, length);
  request.region = region::kFirstSlab + kSlab;
  request.region_generation = kSlab;
  return request;
}

inline constexpr uint32_t kTransfers[] = {opcode::kRead, opcode::kWrite};
inline constexpr uint32_t kWithPath[] = {opcode::kOpen,      opcode::kStat,   opcode::kReadFile,
                                         opcode::kWriteFile, opcode::kUnlink, opcode::kRmdir,
                                         opcode::kMkdir,     opcode::kOpenat2};
inline constexpr uint32_t kWithTwoPaths[] = {opcode::kRename, opcode::kSymlink, opcode::kLink};

}  // namespace ringpost
