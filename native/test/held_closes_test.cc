// Closes that are posted behind what uses their descriptor, and not waited for
// (native/src/held_closes.cc): whatever was posted before them works on its own file, and every
// close comes.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "check.h"
#include "random.h"
#include "real_ring.h"
#include "test_engine.h"
#include "test_files.h"
#include "variant.h"

namespace ringpost {
namespace {

namespace flag = protocol::opcode_flag;
namespace opcode = protocol::opcode;

const uint32_t kSlots = Roomy().slot_count;
constexpr uint32_t kMostSteps = 3;

TestRequest Truncate(int32_t fd, uint32_t length) {
  TestRequest request = Operation(opcode::kFtruncate, fd);
  request.words.position_low = length;
  return request;
}

// A client with a file of its own, which it opens, uses, and closes, over and over.
class Careless {
 public:
  Careless(TestEngine& engine, uint32_t seed)
      : client_(engine.memory(), engine.roster()),
        random_(seed),
        letter_(static_cast<char>('a' + seed)),
        path_(folder_.FileWith("file", std::string(kBytes, letter_))) {}

  void Round() {
    AwaitSome(kSlots - 1);
    const int32_t fd = client_.Result(Open(path_.c_str(), O_RDWR));
    REQUIRE(fd >= 0);
    for (uint32_t nth = random_.Below(4); nth > 0; nth--) {
      AwaitSome(kMostSteps);
      if (random_.OneIn(3)) {
        PostChain(fd);
      } else {
        Post(AnyRequest(fd));
      }
    }
    AwaitSome(1);
    Post(CloseFd(fd));
    client_.Publish();
    // Nobody else has written here, nor has it read anybody else's.
    CHECK(text_[0] == '\0' || text_[0] == letter_);
  }

  void AwaitAll() { AwaitSome(kSlots); }

 private:
  static constexpr uint32_t kBytes = 64;

  TestRequest AnyRequest(int32_t fd) {
    switch (random_.Below(5)) {
      case 0:
        return Fsync(fd);
      case 1:
        return Truncate(fd, kBytes);
      case 2:
        return Stat(nullptr, fd);
      case 3:
        return Read(fd, text_, kBytes, random_.OneIn(2) ? 0 : kCurrentPosition);
      default:
        return Write(fd, own_.data(), kBytes, 0);
    }
  }

  void Post(const TestRequest& request) { slots_.push_back(client_.Post(request)); }

  void PostChain(int32_t fd) {
    for (uint32_t step = 0; step < kMostSteps; step++) {
      TestRequest request = step == 0 ? Nop() : AnyRequest(fd);
      if (step == 0) request.words.opcode |= flag::kChain;
      // A read at the end of the file is short.
      if (step + 1 < kMostSteps) request.words.opcode |= flag::kHardLink;
      Post(request);
    }
  }

  // Until so many slots are free.
  void AwaitSome(uint32_t free) {
    client_.Publish();
    while (slots_.size() > kSlots - free) {
      const int32_t result = client_.AwaitReply(slots_.front()).result;
      CHECK(result >= 0);
      slots_.erase(slots_.begin());
    }
  }

  const TestFolder folder_;
  TestClient client_;
  Random random_;
  const char letter_;
  const std::string path_;
  const std::string own_ = std::string(kBytes, letter_);
  char text_[kBytes] = {};
  std::vector<uint32_t> slots_;
};

TEST(nobody_finds_a_descriptor_closed_or_anothers_file) {
  NEEDS_IO_URING();
  const int descriptors = OpenDescriptors();
  {
    TestEngine engine(Roomy());
    std::vector<std::thread> threads;
    for (uint32_t seed = 0; seed < 3; seed++) {
      threads.emplace_back([&engine, seed] {
        Careless careless(engine, seed);
        for (uint32_t round = 0; round < Repetitions(3000, 800) && !check::HasFailed(); round++)
          careless.Round();
        careless.AwaitAll();
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  CHECK_EQ(OpenDescriptors(), descriptors);
}

// The client goes away while closes wait.
TEST(a_client_that_goes_away_closes_what_it_was_closing) {
  NEEDS_IO_URING();
  const TestFolder folder;
  const std::string path = folder.FileWith("file", "content");
  TestEngine engine(Roomy());
  const int descriptors = OpenDescriptors();
  for (uint32_t round = 0; round < Repetitions(200, 50) && !check::HasFailed(); round++) {
    const Pipe pipe;
    char text[4] = {};
    TestClient client(engine.memory(), engine.roster());
    const int32_t fd = client.Result(Open(path.c_str(), O_RDWR));
    TestRequest first = Read(pipe.out.get(), text, sizeof(text), kCurrentPosition);
    first.words.opcode |= flag::kChain | flag::kLink;
    client.Post(first);
    client.Post(Fsync(fd));
    client.Post(CloseFd(fd));
    client.Publish();
    CHECK_EQ(client.Result(Nop()), 0);  // they are taken
    client.CloseAndDrain();
  }
  CHECK_EQ(OpenDescriptors(), descriptors);
}

}  // namespace
}  // namespace ringpost
