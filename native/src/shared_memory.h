// The one buffer that an engine shares with its clients, as laid out by
// packages/protocol/src/layout.ts.
#pragma once

#include <cstddef>
#include <cstdint>

#include "mailbox_rings.h"
#include "protocol.h"

namespace ringpost {

// A request as the client encoded it: the words of request_word, by name.
struct Request {
  uint32_t slot;
  uint32_t generation;
  uint32_t opcode;
  int32_t fd;
  uint32_t position_low;
  uint32_t position_high;
  uint32_t region;
  uint32_t region_generation;
  uint32_t region_offset;
  uint32_t length;
  uint32_t flags;
  uint32_t mode;
  uint32_t path_bytes;
  uint32_t second_path_bytes;
  int32_t second_fd;
  uint32_t length_high;

  [[nodiscard]] uint64_t position() const { return uint64_t{position_high} << 32 | position_low; }
  [[nodiscard]] uint64_t long_length() const { return uint64_t{length_high} << 32 | length; }
};

struct Reply {
  uint32_t slot;
  uint32_t generation;
  int32_t result;
  uint32_t note;
};

// One client's part of the buffer.
struct Mailbox {
  RingPlace requests;
  RingPlace replies;
  uint32_t* parked;
  uint64_t* counters;  // index with protocol::service_counter
  uint8_t* payloads;

  [[nodiscard]] uint8_t* Result(uint32_t slot) const {
    return payloads + size_t{slot} * protocol::payload::kBytes + protocol::payload::kResultOffset;
  }
  // Of a request with opcode_flag::kDeadline.
  [[nodiscard]] uint64_t Deadline(uint32_t slot) const {
    uint64_t ns;
    std::memcpy(&ns, Result(slot) + protocol::payload::kDeadlineOffset, sizeof(ns));
    return ns;
  }
  // Of a splice: where it writes.
  [[nodiscard]] uint64_t SecondPosition(uint32_t slot) const {
    uint64_t position;
    std::memcpy(&position, Result(slot) + protocol::payload::kSecondPositionOffset,
                sizeof(position));
    return position;
  }
  [[nodiscard]] uint8_t* Path(uint32_t slot) const {
    return payloads + size_t{slot} * protocol::payload::kBytes + protocol::payload::kPathOffset;
  }
  [[nodiscard]] uint8_t* SecondPath(uint32_t slot) const {
    return payloads + size_t{slot} * protocol::payload::kBytes +
           protocol::payload::kSecondPathOffset;
  }
};

class SharedMemory {
 public:
  SharedMemory() = default;

  // Reads the geometry from the engine page and checks it against the size of the buffer.
  // Returns 0, or -EINVAL where the buffer was laid out by another build or is too small.
  [[nodiscard]] static int Open(uint8_t* base, size_t bytes, SharedMemory* out);

  [[nodiscard]] uint32_t max_clients() const { return max_clients_; }
  [[nodiscard]] uint32_t slot_count() const { return slot_count_; }
  [[nodiscard]] uint32_t& parked() const { return words()[protocol::engine_word::kParked]; }
  // How clients wait now, one of protocol::wait_mode; the engine's thread writes it.
  [[nodiscard]] uint32_t& wait_mode() const { return words()[protocol::engine_word::kWaitMode]; }
  // One of protocol::engine_counter.
  [[nodiscard]] uint64_t& counter(uint32_t index) const {
    return reinterpret_cast<uint64_t*>(base_)[index];
  }

  [[nodiscard]] Mailbox mailbox(uint32_t client) const;

  // Makes them empty, in memory that is new. One that is never used takes none of it.
  void BeginMailboxes() const;

  // Empties a mailbox's rings for its next client. Only while no client uses it.
  void ResetMailbox(uint32_t client) const;

 private:
  [[nodiscard]] uint32_t* words() const { return reinterpret_cast<uint32_t*>(base_); }

  uint8_t* base_ = nullptr;
  uint32_t max_clients_ = 0;
  uint32_t slot_count_ = 0;
  uint32_t mailboxes_offset_ = 0;
  uint32_t mailbox_bytes_ = 0;
  uint32_t request_ring_offset_ = 0;
  uint32_t reply_ring_offset_ = 0;
  uint32_t payloads_offset_ = 0;
};

}  // namespace ringpost
