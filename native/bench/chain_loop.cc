// The loop that `npm run bench -- chains` compares with: open → read → close of small files in
// plain C++ on the native core's ring, with no other thread and no JavaScript. Kernel links between
// the three, and descriptors of the ring's own table.
//
//   chain_loop FOLDER FILES DEPTH WARM_UP_MS MEASURE_MS SEED   → one line of JSON
#include <fcntl.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "ring.h"

namespace {

using ringpost::Ring;
namespace abi = ringpost::abi;
using Clock = std::chrono::steady_clock;

constexpr uint32_t kBufferBytes = 16384;
constexpr uint8_t kLink = 1u << 2;
constexpr uint8_t kHardLink = 1u << 3;
constexpr uint64_t kWaitNs = 100'000'000;

double CpuSeconds() {
  rusage usage = {};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

class ChainLoop {
 public:
  ChainLoop(const std::string& folder, uint32_t files, uint32_t depth, uint32_t seed)
      : depth_(depth), random_(seed | 1), buffers_(size_t{depth} * kBufferBytes) {
    for (uint32_t nth = 0; nth < files; nth++)
      paths_.push_back(folder + "/small-" + std::to_string(nth) + ".dat");
  }

  [[nodiscard]] bool Open() {
    return ring_.Open({.entries = 4096, .completion_entries = 16384}) == 0 &&
           ring_.RegisterFileTable(depth_) == 0;
  }

  // Returns how many files were read, or 0 where one could not be.
  uint64_t Run(std::chrono::milliseconds time) {
    const Clock::time_point end = Clock::now() + time;
    uint64_t done = 0;
    uint32_t running = depth_;
    for (uint32_t chain = 0; chain < depth_; chain++) Push(chain);
    while (running > 0) {
      ring_.Submit();
      const bool over = Clock::now() >= end;
      bool reaped = false;
      for (abi::Cqe cqe; ring_.TakeCompletion(&cqe);) {
        reaped = true;
        if (cqe.result < 0) return 0;
        if ((cqe.user_data & 3) != 2) continue;
        done++;
        if (over) {
          running--;
        } else {
          Push(static_cast<uint32_t>(cqe.user_data >> 2));
        }
      }
      if (!reaped) ring_.SubmitAndWait({.timeout_ns = kWaitNs});
    }
    return done;
  }

 private:
  void Push(uint32_t chain) {
    random_ = random_ * 1'664'525 + 1'013'904'223;
    abi::Sqe sqe = {};
    sqe.opcode = abi::kOpOpenat;
    sqe.flags = kLink;
    sqe.fd = AT_FDCWD;
    sqe.address = reinterpret_cast<uint64_t>(paths_[(random_ >> 8) % paths_.size()].c_str());
    sqe.file_index = static_cast<int32_t>(chain + 1);
    sqe.user_data = uint64_t{chain} << 2;
    ring_.Push(sqe);
    sqe = {};
    sqe.opcode = abi::kOpRead;
    sqe.flags = kHardLink | abi::kSqeFixedFile;  // a file is shorter than the buffer
    sqe.fd = static_cast<int32_t>(chain);
    sqe.address = reinterpret_cast<uint64_t>(&buffers_[size_t{chain} * kBufferBytes]);
    sqe.length = kBufferBytes;
    sqe.user_data = uint64_t{chain} << 2 | 1;
    ring_.Push(sqe);
    sqe = {};
    sqe.opcode = abi::kOpClose;
    sqe.file_index = static_cast<int32_t>(chain + 1);
    sqe.user_data = uint64_t{chain} << 2 | 2;
    ring_.Push(sqe);
  }

  const uint32_t depth_;
  uint32_t random_;
  std::vector<std::string> paths_;
  std::vector<char> buffers_;
  Ring ring_;
};

uint32_t Number(const char* text) { return static_cast<uint32_t>(std::strtoul(text, nullptr, 10)); }

}  // namespace

int main(int count, char** values) {
  if (count != 7) {
    std::fprintf(stderr, "chain_loop FOLDER FILES DEPTH WARM_UP_MS MEASURE_MS SEED\n");
    return 2;
  }
  ChainLoop loop(values[1], Number(values[2]), Number(values[3]), Number(values[6]));
  if (!loop.Open()) {
    std::fprintf(stderr, "chain_loop: no ring, or no table of descriptors in it\n");
    return 1;
  }
  loop.Run(std::chrono::milliseconds(Number(values[4])));
  const Clock::time_point begin = Clock::now();
  const double cpu_before = CpuSeconds();
  const uint64_t files = loop.Run(std::chrono::milliseconds(Number(values[5])));
  const std::chrono::duration<double> seconds = Clock::now() - begin;
  if (files == 0) {
    std::fprintf(stderr, "chain_loop: a file could not be read\n");
    return 1;
  }
  const auto total = static_cast<double>(files);
  std::printf("{\"opsPerSecond\": %.1f, \"cpuUsPerOp\": %.4f}\n", total / seconds.count(),
              (CpuSeconds() - cpu_before) * 1e6 / total);
  return 0;
}
