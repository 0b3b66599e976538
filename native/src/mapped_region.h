#pragma once

#include <sys/mman.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace ringpost {

// Owns a mapping, and unmaps it.
class MappedRegion {
 public:
  MappedRegion() = default;
  MappedRegion(MappedRegion&& other) noexcept
      : base_(std::exchange(other.base_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  MappedRegion& operator=(MappedRegion&& other) noexcept {
    if (this != &other) {
      Reset();
      base_ = std::exchange(other.base_, nullptr);
      bytes_ = std::exchange(other.bytes_, 0);
    }
    return *this;
  }
  MappedRegion(const MappedRegion&) = delete;
  MappedRegion& operator=(const MappedRegion&) = delete;
  ~MappedRegion() { Reset(); }

  // Maps a part of a file that the kernel shares with us, as the rings are. Returns 0 or -errno.
  [[nodiscard]] static int Shared(int fd, uint64_t offset, size_t bytes, MappedRegion* out) {
    return Map(bytes, MAP_SHARED | MAP_POPULATE, fd, static_cast<off_t>(offset), out);
  }

  // Maps zeroed memory of our own; pages that nobody touches cost nothing. Returns 0 or -errno.
  [[nodiscard]] static int Zeroed(size_t bytes, MappedRegion* out) {
    return Map(bytes, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0, out);
  }

  [[nodiscard]] uint8_t* base() const { return base_; }
  [[nodiscard]] size_t bytes() const { return bytes_; }

  void Reset() {
    if (base_ != nullptr) ::munmap(std::exchange(base_, nullptr), bytes_);
  }

 private:
  [[nodiscard]] static int Map(size_t bytes, int flags, int fd, off_t offset, MappedRegion* out) {
    void* base = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, flags, fd, offset);
    if (base == MAP_FAILED) return -errno;
    out->Reset();
    out->base_ = static_cast<uint8_t*>(base);
    out->bytes_ = bytes;
    return 0;
  }

  uint8_t* base_ = nullptr;
  size_t bytes_ = 0;
};

}  // namespace ringpost
