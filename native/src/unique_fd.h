#pragma once

#include <unistd.h>

#include <utility>

namespace ringpost {

// Owns a file descriptor, and closes it. Not for sharing between threads.
class UniqueFd {
 public:
  static constexpr int kNone = -1;

  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, kNone)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) {
      Reset();
      fd_ = std::exchange(other.fd_, kNone);
    }
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { Reset(); }

  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool valid() const { return fd_ >= 0; }

  // Whose it is from now on.
  [[nodiscard]] int Release() { return std::exchange(fd_, kNone); }

  void Reset() {
    // Errors of close() leave nothing to do: the descriptor is gone either way on Linux.
    if (fd_ >= 0) ::close(std::exchange(fd_, kNone));
  }

 private:
  int fd_ = kNone;
};

}  // namespace ringpost
