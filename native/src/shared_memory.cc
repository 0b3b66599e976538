#include "shared_memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <bit>
#include <cerrno>

namespace ringpost {

namespace word = protocol::request_word;
static_assert(sizeof(Request) == protocol::kRequestBytes);
static_assert(offsetof(Request, slot) == word::kSlot * 4 &&
              offsetof(Request, generation) == word::kGeneration * 4);
static_assert(offsetof(Request, opcode) == word::kOpcode * 4 &&
              offsetof(Request, fd) == word::kFd * 4);
static_assert(offsetof(Request, position_low) == word::kPositionLow * 4);
static_assert(offsetof(Request, position_high) == word::kPositionHigh * 4);
static_assert(offsetof(Request, region) == word::kRegion * 4);
static_assert(offsetof(Request, region_generation) == word::kRegionGeneration * 4);
static_assert(offsetof(Request, region_offset) == word::kRegionOffset * 4);
static_assert(offsetof(Request, length) == word::kLength * 4 &&
              offsetof(Request, flags) == word::kFlags * 4);
static_assert(offsetof(Request, mode) == word::kMode * 4 &&
              offsetof(Request, path_bytes) == word::kPathBytes * 4);
static_assert(offsetof(Request, second_path_bytes) == word::kSecondPathBytes * 4);
static_assert(offsetof(Request, second_fd) == word::kSecondFd * 4 &&
              offsetof(Request, length_high) == word::kLengthHigh * 4);
static_assert(sizeof(Reply) == protocol::kReplyBytes);
static_assert(offsetof(Reply, slot) == protocol::reply_word::kSlot * 4);
static_assert(offsetof(Reply, generation) == protocol::reply_word::kGeneration * 4);
static_assert(offsetof(Reply, result) == protocol::reply_word::kResult * 4);
static_assert(offsetof(Reply, note) == protocol::reply_word::kNote * 4);

int SharedMemory::Open(uint8_t* base, size_t bytes, SharedMemory* out) {
  namespace page = protocol::engine_word;
  if (bytes < protocol::kPageBytes) return -EINVAL;
  const auto* words = reinterpret_cast<const uint32_t*>(base);
  if (words[page::kLayoutHash] != protocol::kLayoutHash) return -EINVAL;

  out->base_ = base;
  out->max_clients_ = words[page::kMaxClients];
  out->slot_count_ = words[page::kSlotCount];
  out->mailboxes_offset_ = words[page::kMailboxesOffset];
  out->mailbox_bytes_ = words[page::kMailboxBytes];
  out->request_ring_offset_ = words[page::kRequestRingOffset];
  out->reply_ring_offset_ = words[page::kReplyRingOffset];
  out->payloads_offset_ = words[page::kPayloadsOffset];

  const uint64_t slots = out->slot_count_;
  if (!std::has_single_bit(slots) || slots > protocol::kMaxSlotCount) return -EINVAL;
  if (out->max_clients_ == 0 || out->max_clients_ > protocol::kMaxClients) return -EINVAL;
  const bool parts_in_order =
      out->request_ring_offset_ >= protocol::kMailboxHeaderBytes &&
      out->request_ring_offset_ + slots * protocol::kEntriesPerSlot * protocol::kRequestBytes <=
          out->reply_ring_offset_ &&
      out->reply_ring_offset_ + slots * protocol::kRepliesPerSlot * protocol::kReplyBytes <=
          out->payloads_offset_ &&
      out->payloads_offset_ + slots * protocol::payload::kBytes <= out->mailbox_bytes_;
  const bool parts_fit =
      out->mailboxes_offset_ >= protocol::kPageBytes &&
      uint64_t{out->mailboxes_offset_} + uint64_t{out->max_clients_} * out->mailbox_bytes_ <= bytes;
  const bool aligned = ((out->mailboxes_offset_ | out->mailbox_bytes_ | out->request_ring_offset_ |
                         out->reply_ring_offset_ | out->payloads_offset_) %
                        protocol::kLineBytes) == 0;
  return parts_in_order && parts_fit && aligned ? 0 : -EINVAL;
}

Mailbox SharedMemory::mailbox(uint32_t client) const {
  namespace header = protocol::mailbox_word;
  uint8_t* start = base_ + mailboxes_offset_ + size_t{client} * mailbox_bytes_;
  auto* words = reinterpret_cast<uint32_t*>(start);
  return {
      .requests = {.tail = words + header::kRequestTail,
                   .head = words + header::kRequestHead,
                   .entries = start + request_ring_offset_,
                   .capacity = slot_count_ * protocol::kEntriesPerSlot},
      .replies = {.tail = words + header::kReplyTail,
                  .head = words + header::kReplyHead,
                  .entries = start + reply_ring_offset_,
                  .capacity = slot_count_ * protocol::kRepliesPerSlot},
      .parked = words + header::kParked,
      .counters = reinterpret_cast<uint64_t*>(start),
      .payloads = start + payloads_offset_,
  };
}

void SharedMemory::BeginMailboxes() const {
  // A huge page would make one mailbox as large as it can be, and another that isn't used.
  const auto page_bytes = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto begin = reinterpret_cast<uintptr_t>(base_) + mailboxes_offset_;
  const uintptr_t end = begin + uint64_t{max_clients_} * mailbox_bytes_;
  const uintptr_t first_page = (begin + page_bytes - 1) & ~(page_bytes - 1);
  if (end > first_page) {
    (void)::madvise(reinterpret_cast<void*>(first_page), end - first_page, MADV_NOHUGEPAGE);
  }
  // As new memory is.
  if (words()[protocol::engine_word::kInitialIndex] == 0) return;
  for (uint32_t client = 0; client < max_clients_; client++) ResetMailbox(client);
}

void SharedMemory::ResetMailbox(uint32_t client) const {
  const Mailbox box = mailbox(client);
  const uint32_t initial = words()[protocol::engine_word::kInitialIndex];
  for (uint32_t* index :
       {box.requests.tail, box.requests.head, box.replies.tail, box.replies.head}) {
    StoreIndex(*index, initial);
  }
  StoreOrdered(*box.parked, 0);
}

}  // namespace ringpost
