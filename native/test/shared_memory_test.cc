// The engine believes the engine page only as far as it fits the buffer
// (native/src/shared_memory.h).
#include "shared_memory.h"

#include <cerrno>

#include "check.h"
#include "test_memory.h"

namespace ringpost {
namespace {

namespace page = protocol::engine_word;

int OpenWith(uint32_t word, uint32_t value) {
  const TestMemory memory(3, 8);
  memory.words()[word] = value;
  SharedMemory out;
  return SharedMemory::Open(memory.base(), memory.bytes(), &out);
}

TEST(the_geometry_comes_back) {
  for (const uint32_t slot_count : {1u, 2u, 256u, protocol::kMaxSlotCount}) {
    const TestMemory memory(5, slot_count);
    CHECK_EQ(memory.shared().max_clients(), 5);
    CHECK_EQ(memory.shared().slot_count(), slot_count);
    const Mailbox last = memory.shared().mailbox(4);
    CHECK_EQ(last.requests.capacity, slot_count * protocol::kEntriesPerSlot);
    CHECK_EQ(last.replies.capacity, slot_count * protocol::kRepliesPerSlot);
    const uint8_t* end = last.SecondPath(slot_count - 1) + protocol::payload::kPathCapacity;
    CHECK(end <= memory.base() + memory.bytes());
  }
}

TEST(the_parts_of_the_mailboxes_do_not_overlap) {
  constexpr uint32_t kSlots = 8;
  const TestMemory memory(2, kSlots);
  const uint8_t* end_before = memory.base() + protocol::kPageBytes;
  for (uint32_t client = 0; client < 2; client++) {
    const Mailbox box = memory.shared().mailbox(client);
    const auto* header = reinterpret_cast<const uint8_t*>(box.requests.tail);
    CHECK(header >= end_before);
    CHECK(header + protocol::kMailboxHeaderBytes <= box.requests.entries);
    CHECK(box.requests.entries + kSlots * protocol::kEntriesPerSlot * sizeof(Request) <=
          box.replies.entries);
    CHECK(box.replies.entries + kSlots * sizeof(Reply) <= box.Result(0));
    CHECK(box.Result(0) + protocol::payload::kResultBytes <= box.Path(0));
    CHECK_EQ(box.Path(0) + protocol::payload::kPathCapacity, box.SecondPath(0));
    CHECK_EQ(box.SecondPath(0) + protocol::payload::kPathCapacity, box.Result(1));
    end_before = box.Result(kSlots - 1) + protocol::payload::kBytes;
  }
}

TEST(a_reset_mailbox_starts_at_the_initial_index) {
  const TestMemory memory(2, 4, UINT32_MAX - 1);
  memory.shared().ResetMailbox(1);
  const Mailbox box = memory.shared().mailbox(1);
  for (const uint32_t* index :
       {box.requests.tail, box.requests.head, box.replies.tail, box.replies.head}) {
    CHECK_EQ(*index, UINT32_MAX - 1);
  }
  CHECK_EQ(*box.parked, 0);
  CHECK_EQ(*memory.shared().mailbox(0).requests.tail, 0);
}

TEST(a_page_of_another_build_is_refused) {
  CHECK_EQ(OpenWith(page::kLayoutHash, protocol::kLayoutHash), 0);
  CHECK_EQ(OpenWith(page::kLayoutHash, protocol::kLayoutHash + 1), -EINVAL);
  CHECK_EQ(OpenWith(page::kLayoutHash, 0), -EINVAL);
}

TEST(counts_out_of_range_are_refused) {
  for (const uint32_t slots : {0u, 3u, 9u, 8192u, 0x8000'0000u, UINT32_MAX}) {
    CHECK_EQ(OpenWith(page::kSlotCount, slots), -EINVAL);
  }
  for (const uint32_t clients : {0u, 4u, protocol::kMaxClients + 1, UINT32_MAX}) {
    CHECK_EQ(OpenWith(page::kMaxClients, clients), -EINVAL);
  }
}

TEST(parts_that_overlap_or_leave_the_buffer_are_refused) {
  for (const uint32_t word : {page::kMailboxesOffset, page::kMailboxBytes, page::kRequestRingOffset,
                              page::kReplyRingOffset, page::kPayloadsOffset}) {
    for (const uint32_t offset : {0u, 64u, 1u << 20, 0x8000'0000u, UINT32_MAX - 63, UINT32_MAX}) {
      CHECK_EQ(OpenWith(word, offset), -EINVAL);
    }
    const TestMemory memory(3, 8);
    CHECK_EQ(OpenWith(word, memory.words()[word] + 4), -EINVAL);  // off the cache line
  }
}

TEST(a_buffer_that_is_too_small_is_refused) {
  const TestMemory memory(3, 8);
  SharedMemory out;
  for (const size_t bytes :
       {size_t{0}, size_t{4}, size_t{protocol::kPageBytes}, memory.bytes() - 1}) {
    CHECK_EQ(SharedMemory::Open(memory.base(), bytes, &out), -EINVAL);
  }
}

}  // namespace
}  // namespace ringpost
