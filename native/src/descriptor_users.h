#pragma once

#include <array>
#include <cstdint>

namespace ringpost {

// How many requests in flight use a descriptor, so that a close needs to look for them only where
// there may be some. Descriptors that are equal modulo the table's size are counted together.
// Engine thread.
class DescriptorUsers {
 public:
  void Add(int32_t fd) { Counter(fd)++; }
  void Remove(int32_t fd) { Counter(fd)--; }
  [[nodiscard]] bool MayHave(int32_t fd) { return Counter(fd) > 0; }

 private:
  uint32_t& Counter(int32_t fd) { return counts_[static_cast<uint32_t>(fd) % counts_.size()]; }

  std::array<uint32_t, 1024> counts_{};
};

}  // namespace ringpost
