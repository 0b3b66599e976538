// A thousand clients that go away at random moments, with requests of all kinds in flight. Of their
// memory one half is freed as soon as the drain is over, so that AddressSanitizer sees whether the
// engine looks at it again; the other half becomes canaries, as the kernel's writes are nothing
// that a sanitizer sees.
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "check.h"
#include "handoff.h"
#include "random.h"
#include "real_ring.h"
#include "test_engine.h"
#include "test_files.h"

namespace ringpost {
namespace {

namespace flag = protocol::opcode_flag;

constexpr uint32_t kClients = 1000;
constexpr uint32_t kThreads = 3;
constexpr uint32_t kBytes = 4096;  // of a buffer, and of a block in the files
constexpr uint32_t kBlocks = 16;
constexpr uint32_t kMostPauseUs = 200;
constexpr char kCanary = '\xc5';

EngineSetUp ForAllThreads() {
  EngineSetUp set_up = Roomy();
  set_up.max_clients = kThreads + 1;
  set_up.ring_entries = 8;
  return set_up;
}

bool IsAll(char byte, const char* memory, size_t bytes) {
  return std::all_of(memory, memory + bytes, [byte](char each) { return each == byte; });
}

// Block n is full of n.
std::string Blocks() {
  std::string content;
  for (uint32_t nth = 0; nth < kBlocks; nth++) content.append(kBytes, static_cast<char>(nth));
  return content;
}

using Buffers = std::vector<std::unique_ptr<char[]>>;

// Where the clients of one thread, one after the other, read and write.
struct Place {
  Place(const TestFolder& folder, uint32_t thread)
      : blocks(folder.FileWith("blocks", Blocks())),
        whole(folder.File(("whole" + std::to_string(thread)).c_str())),
        written(folder.File(("written" + std::to_string(thread)).c_str())),
        blocks_fd(::open(blocks.c_str(), O_RDONLY | O_CLOEXEC)),
        written_fd(::open(written.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {}

  const std::string blocks;
  const std::string whole;
  const std::string written;
  const UniqueFd blocks_fd;
  const UniqueFd written_fd;
  const Pipe pipe;  // that says something now and then
};

// One client: posts, and goes away.
class Visit {
 public:
  Visit(TestEngine& engine, const Place& place, char tag, Random& random)
      : place_(place), tag_(tag), random_(random), client_(engine.memory(), engine.roster()) {}

  // Returns what must not change any more.
  Buffers Run() {
    if (!CHECK(client_.seat() >= 0)) return {};
    while (client_.in_flight() + 3 < ForAllThreads().slot_count) {
      if (random_.OneIn(5)) {
        PostChain();
      } else {
        const TestRequest request = Any();
        opens_[client_.Post(request)] = request.words.opcode == protocol::opcode::kOpen;
      }
      if (random_.OneIn(8)) client_.Publish();
    }
    if (!random_.OneIn(10)) client_.Publish();
    Pause();
    if (random_.OneIn(4)) place_.pipe.Write("some");
    if (random_.OneIn(6)) client_.CancelAll();
    if (random_.OneIn(3)) TakeReplies();
    client_.CloseAndDrain();
    Buffers canaries;
    for (std::unique_ptr<char[]>& buffer : std::exchange(buffers_, {})) {
      if (random_.OneIn(2)) continue;
      std::fill_n(buffer.get(), kBytes, kCanary);
      canaries.push_back(std::move(buffer));
    }
    return canaries;
  }

 private:
  char* Fresh(char fill) {
    buffers_.push_back(std::make_unique<char[]>(kBytes));
    std::fill_n(buffers_.back().get(), kBytes, fill);
    return buffers_.back().get();
  }
  uint64_t AnyPosition() { return uint64_t{random_.Below(kBlocks)} * kBytes; }
  TestRequest BlockedRead() {
    return Read(place_.pipe.out.get(), Fresh(0), kBytes, kCurrentPosition);
  }

  TestRequest Any() {
    switch (random_.Below(9)) {
      case 0:
        return BlockedRead();
      case 1:
        return Until(MonotonicNs() + 1'000ull * random_.Below(kMostPauseUs), BlockedRead());
      case 2:
        return Vectored(protocol::opcode::kReadv, place_.blocks_fd.get(),
                        {{Fresh(0), kBytes}, {Fresh(0), kBytes}}, AnyPosition());
      case 3:
        return Write(place_.written_fd.get(), Fresh(tag_), kBytes, AnyPosition());
      case 4:
        return ReadFile(place_.blocks.c_str(), Fresh(0), kBytes);
      case 5:
        return WriteFile(place_.whole.c_str(), Fresh(tag_), kBytes);
      case 6:
        return PollEvents(place_.pipe.out.get(), POLLIN);
      case 7:
        return Open(place_.blocks.c_str(), O_RDONLY);
      default:
        return Read(place_.blocks_fd.get(), Fresh(0), kBytes, AnyPosition());
    }
  }

  // Opens, reads, and most often waits.
  void PostChain() {
    TestRequest open = Open(place_.blocks.c_str(), O_RDONLY);
    open.words.opcode |= flag::kChain | flag::kLink | (random_.OneIn(4) ? flag::kDrain : 0);
    TestRequest read = Read(0, Fresh(0), kBytes, AnyPosition());
    read.words.opcode |= flag::kFdOfStep | (random_.OneIn(2) ? flag::kHardLink : flag::kLink);
    client_.Post(open);
    client_.Post(read);
    client_.Post(random_.OneIn(3) ? Nop() : BlockedRead());
  }

  // A descriptor in a reply that was read is the client's own.
  void TakeReplies() {
    client_.TakeReplies([this](const Reply& reply) {
      if (opens_[reply.slot] && reply.result >= 0) UniqueFd(reply.result).Reset();
    });
  }

  void Pause() {
    const uint64_t end = MonotonicNs() + 1'000ull * random_.Below(kMostPauseUs);
    while (MonotonicNs() < end) std::this_thread::yield();
  }

  const Place& place_;
  const char tag_;
  Random& random_;
  Buffers buffers_;
  std::vector<bool> opens_ = std::vector<bool>(ForAllThreads().slot_count);  // by slot
  TestClient client_;
};

// Whoever still read from the pipe would take what comes now.
void ExpectNoReader(const Pipe& pipe) {
  char text[kBytes];
  int waiting = 0;
  CHECK_EQ(::ioctl(pipe.out.get(), FIONREAD, &waiting), 0);
  if (waiting > 0) CHECK_EQ(::read(pipe.out.get(), text, sizeof(text)), waiting);
  pipe.Write("too late");
  CHECK_EQ(::read(pipe.out.get(), text, sizeof(text)), 8);
}

// What the clients have written is whole, and theirs: never of memory that had become canaries.
void ExpectWholeBlocks(const std::string& content) {
  for (size_t at = 0; at < content.size(); at += kBytes) {
    const size_t bytes = std::min<size_t>(kBytes, content.size() - at);
    CHECK(content[at] != kCanary && IsAll(content[at], &content[at], bytes));
  }
}

void VisitMany(TestEngine& engine, const TestFolder& folder, uint32_t thread) {
  Random random(thread);
  const Place place(folder, thread);
  Buffers canaries;
  for (uint32_t nth = thread; nth < kClients && !check::HasFailed(); nth += kThreads) {
    const char tag = static_cast<char>(1 + nth % 100);
    Buffers next = Visit(engine, place, tag, random).Run();
    ExpectNoReader(place.pipe);
    ExpectWholeBlocks(ContentOf(place.whole));
    for (const auto& canary : canaries) CHECK(IsAll(kCanary, canary.get(), kBytes));
    canaries = std::move(next);
  }
  for (const auto& canary : canaries) CHECK(IsAll(kCanary, canary.get(), kBytes));
  ExpectWholeBlocks(ContentOf(place.written));
}

// Reads every block, again and again, and looks at every byte.
void ReadSteadily(TestEngine& engine, const std::string& path, const std::atomic<uint32_t>& left) {
  TestClient client(engine.memory(), engine.roster());
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::vector<char> buffer(kBytes);
  for (uint32_t nth = 0; left < kThreads && !check::HasFailed(); nth++) {
    const uint32_t block = nth % kBlocks;
    CHECK_EQ(client.Result(Read(fd.get(), buffer.data(), kBytes, uint64_t{block} * kBytes)),
             kBytes);
    CHECK(IsAll(static_cast<char>(block), buffer.data(), kBytes));
  }
}

// All the seats are free again, each with all its slots.
void TakeAllSeats(TestEngine& engine) {
  std::vector<std::unique_ptr<TestClient>> clients;
  for (uint32_t nth = 0; nth < ForAllThreads().max_clients; nth++) {
    clients.push_back(std::make_unique<TestClient>(engine.memory(), engine.roster()));
    TestClient& client = *clients.back();
    if (!CHECK(client.seat() >= 0)) return;
    std::vector<uint32_t> slots;
    while (client.HasFreeSlot()) slots.push_back(client.Post(Nop()));
    client.Publish();
    CHECK_EQ(slots.size(), ForAllThreads().slot_count);
    for (const uint32_t slot : slots) CHECK_EQ(client.AwaitReply(slot).result, 0);
    CHECK_EQ(client.strays(), 0);
  }
}

TEST(a_thousand_clients_that_end_at_random) {
  NEEDS_IO_URING();
  const TestFolder folder;
  const std::string path = folder.FileWith("steady", Blocks());
  const int descriptors = OpenDescriptors();
  {
    TestEngine engine(ForAllThreads());
    std::atomic<uint32_t> left = 0;
    std::vector<std::thread> threads;
    for (uint32_t thread = 0; thread < kThreads; thread++) {
      threads.emplace_back([&, thread] {
        VisitMany(engine, folder, thread);
        left++;
      });
    }
    ReadSteadily(engine, path, left);
    for (std::thread& thread : threads) thread.join();
    TakeAllSeats(engine);
    engine.Stop(0);
    uint64_t taken = 0;
    uint64_t replied = 0;
    for (uint32_t seat = 0; seat < ForAllThreads().max_clients; seat++) {
      const uint64_t* counters = engine.memory().mailbox(seat).counters;
      taken += counters[protocol::service_counter::kTaken];
      replied += counters[protocol::service_counter::kReplied];
      CHECK_EQ(counters[protocol::service_counter::kConnected], 0);
    }
    CHECK_EQ(replied, taken);
    const uint64_t opened = engine.counter(protocol::engine_counter::kClientsOpened);
    CHECK_EQ(opened, kClients + 1 + ForAllThreads().max_clients);
    CHECK_EQ(engine.counter(protocol::engine_counter::kClientsDrained), opened);
  }
  CHECK_EQ(OpenDescriptors(), descriptors);
}

}  // namespace
}  // namespace ringpost
