#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "mailbox_rings.h"
#include "shared_memory.h"
#include "unique_fd.h"

namespace ringpost {

// Descriptors in the replies to one client: the client's once it has read the reply, and closed
// here if it goes away without. The engine thread's; what is left when the engine ends goes to the
// roster, as clients may outlive it.
class HandedDescriptors {
 public:
  HandedDescriptors() = default;
  explicit HandedDescriptors(uint32_t slot_count) : by_slot_(slot_count, kNothing) {}

  // One, or the two ends of a pipe.
  void Put(uint32_t slot, int32_t fd, int32_t second = UniqueFd::kNone) {
    by_slot_[slot] = {fd, second};
  }
  // The client has read the slot's last reply: it uses the slot again.
  void Forget(uint32_t slot) { by_slot_[slot] = kNothing; }

  // The client is gone: those that it hasn't read. Reads its mailbox: the head of its replies, and
  // what was put behind it.
  [[nodiscard]] std::vector<UniqueFd> TakeUnread(const RingProducer<Reply>& replies) {
    std::vector<UniqueFd> unread_fds;
    if (by_slot_.empty()) return unread_fds;  // never served, so never handed anything
    const auto slot_count = static_cast<uint32_t>(by_slot_.size());
    for (uint32_t nth = 0, unread = std::min(replies.Unread(), replies.capacity()); nth < unread;
         nth++) {
      const uint32_t slot = replies.UnreadAt(nth).slot;
      if (slot >= slot_count) continue;
      for (const int32_t fd : std::exchange(by_slot_[slot], kNothing)) {
        if (fd >= 0) unread_fds.emplace_back(fd);
      }
    }
    return unread_fds;
  }

 private:
  using Descriptors = std::array<int32_t, 2>;
  static constexpr Descriptors kNothing = {UniqueFd::kNone, UniqueFd::kNone};

  std::vector<Descriptors> by_slot_;
};

}  // namespace ringpost
