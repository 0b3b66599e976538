// The shared memory of an engine without JavaScript: laid out by the formula of
// packages/protocol/src/layout.ts (geometry and writeGeometry).
#pragma once

#include <cstdint>

#include "check.h"
#include "mapped_region.h"
#include "protocol.h"
#include "shared_memory.h"

namespace ringpost {

class TestMemory {
 public:
  TestMemory(uint32_t max_clients, uint32_t slot_count, uint32_t initial_index = 0) {
    namespace page = protocol::engine_word;
    const uint32_t request_ring = protocol::kMailboxHeaderBytes;
    const uint32_t reply_ring =
        request_ring + slot_count * protocol::kEntriesPerSlot * protocol::kRequestBytes;
    const uint32_t payloads =
        reply_ring + RoundUp(slot_count * protocol::kRepliesPerSlot * protocol::kReplyBytes,
                             protocol::kLineBytes);
    const uint32_t mailbox_bytes =
        RoundUp(payloads + slot_count * protocol::payload::kBytes, protocol::kPageBytes);

    const size_t bytes = protocol::kPageBytes + size_t{max_clients} * mailbox_bytes;
    if (!CHECK_EQ(MappedRegion::Zeroed(bytes, &mapping_), 0)) return;
    auto* words = reinterpret_cast<uint32_t*>(mapping_.base());
    words[page::kLayoutHash] = protocol::kLayoutHash;
    words[page::kMaxClients] = max_clients;
    words[page::kSlotCount] = slot_count;
    words[page::kMailboxesOffset] = protocol::kPageBytes;
    words[page::kMailboxBytes] = mailbox_bytes;
    words[page::kRequestRingOffset] = request_ring;
    words[page::kReplyRingOffset] = reply_ring;
    words[page::kPayloadsOffset] = payloads;
    words[page::kInitialIndex] = initial_index;
    CHECK_EQ(SharedMemory::Open(mapping_.base(), mapping_.bytes(), &shared_), 0);
  }

  [[nodiscard]] const SharedMemory& shared() const { return shared_; }
  [[nodiscard]] uint8_t* base() const { return mapping_.base(); }
  [[nodiscard]] size_t bytes() const { return mapping_.bytes(); }
  [[nodiscard]] uint32_t* words() const { return reinterpret_cast<uint32_t*>(mapping_.base()); }

 private:
  static constexpr uint32_t RoundUp(uint32_t value, uint32_t unit) {
    return (value + unit - 1) / unit * unit;
  }

  MappedRegion mapping_;
  SharedMemory shared_;
};

}  // namespace ringpost
