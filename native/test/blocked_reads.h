// Requests in flight that never end by themselves.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <thread>
#include <vector>

#include "check.h"
#include "test_client.h"
#include "test_files.h"

namespace ringpost {

// Reads of a pipe that nobody writes to.
class BlockedReads {
 public:
  BlockedReads(TestClient& client, uint32_t count) : client_(client) {
    for (uint32_t nth = 0; nth < count; nth++) {
      slots_.push_back(client.Post(Read(pipe_.out.get(), buffers_[nth], kBytes, kCurrentPosition)));
    }
    client.Publish();
    // They are in the kernel when a request that was posted after them has its reply.
    CHECK_EQ(client.Result(Nop()), 0);
    CHECK_EQ(client.in_flight(), count);
  }

  void ExpectCancelled() {
    for (const uint32_t slot : slots_) CHECK_EQ(client_.AwaitReply(slot).result, -ECANCELED);
  }
  // Whoever still reads would take what comes now.
  void ExpectLetGo() {
    pipe_.Write("too late");
    std::this_thread::yield();
    for (const auto& buffer : buffers_) CHECK_EQ(buffer[0], '\0');
    char text[16] = {};
    CHECK_EQ(::read(pipe_.out.get(), text, sizeof(text)), 8);
  }
  void Write() const { pipe_.Write("0123456789abcdef"); }
  [[nodiscard]] const std::vector<uint32_t>& slots() const { return slots_; }

 private:
  static constexpr uint32_t kMostReads = 8;
  static constexpr uint32_t kBytes = 4;
  TestClient& client_;
  const Pipe pipe_;
  std::vector<uint32_t> slots_;
  char buffers_[kMostReads][kBytes] = {};
};

}  // namespace ringpost
