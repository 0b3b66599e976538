// The poll of the doorbell (native/src/engine.cc, ListenForDoorbell), where the kernel ends it.
#include <dirent.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "check.h"
#include "engine.h"
#include "real_ring.h"
#include "test_client.h"
#include "test_engine.h"

namespace ringpost {
namespace {

namespace counter = protocol::engine_counter;

// struct io_uring_sync_cancel_reg of linux/io_uring.h, which older headers lack.
struct SyncCancel {
  uint64_t address = 0;
  int32_t fd = -1;
  uint32_t flags = 1u << 0 | 1u << 2;  // IORING_ASYNC_CANCEL_ALL, ..._ANY
  int64_t timeout[2] = {-1, -1};
  uint64_t unused[4] = {};
};
constexpr uint32_t kRegisterSyncCancel = 24;  // since Linux 6.0

// The one ring that this process has.
int FindRing() {
  int found = -1;
  DIR* folder = ::opendir("/proc/self/fd");
  while (const dirent* entry = ::readdir(folder)) {
    char target[64] = {};
    if (::readlinkat(::dirfd(folder), entry->d_name, target, sizeof(target) - 1) < 0) continue;
    if (std::string_view(target).find("[io_uring]") != std::string_view::npos) {
      found = std::atoi(entry->d_name);
    }
  }
  ::closedir(folder);
  return found;
}

// Ends whatever the kernel has of the ring, with -ECANCELED. Returns how much, or -errno.
int CancelAllOf(int ring) {
  SyncCancel cancel;
  const long count = ::syscall(SYS_io_uring_register, ring, kRegisterSyncCancel, &cancel, 1);
  return count < 0 ? -errno : static_cast<int>(count);
}

// On this thread, as it has to be for its ring.
TEST(a_doorbell_whose_poll_has_failed_is_heard_again) {
  NEEDS_IO_URING();
  EngineSetUp set_up;
  set_up.idle_wait_ms = 50;
  const TestMemory memory(1, set_up.slot_count);
  const auto roster = Roster::Create(1, set_up.slot_count);
  std::unique_ptr<Engine> engine;
  REQUIRE(Engine::Start(memory.shared(), roster, set_up.Options(), &engine) == 0);
  CHECK_EQ(engine->Run(), 0);
  for (int round = 0; round < 3; round++) {
    const int cancelled = CancelAllOf(FindRing());
    if (cancelled == -EINVAL) SKIP("IORING_REGISTER_SYNC_CANCEL: Linux 6.0");
    CHECK(cancelled >= 0);
    CHECK_EQ(engine->Run(), 0);
    const uint64_t before = memory.shared().counter(counter::kDoorbells);
    for (uint64_t rings = 1; rings <= 3; rings++) {
      roster->RingDoorbell();
      CHECK_EQ(engine->Run(), 0);
      CHECK_EQ(memory.shared().counter(counter::kDoorbells), before + rings);
    }
  }
}

// Where it can't be polled at all (the kernel refuses the operation, here), the engine looks for
// posts every now and then; it doesn't try all the time, nor does it sleep through them.
TEST(without_a_poll_of_its_doorbell_the_engine_still_serves_and_does_not_spin) {
  NEEDS_IO_URING();
  EngineSetUp set_up;
  set_up.idle_wait_ms = 2000;
  EngineOptions options = set_up.Options();
  options.ring.allowed_operations = uint64_t{1} << abi::kOpNop;
  const TestMemory memory(1, set_up.slot_count);
  const auto roster = Roster::Create(1, set_up.slot_count);
  std::atomic<int> started = 1;
  std::thread thread([&] {
    std::unique_ptr<Engine> engine;
    started = Engine::Start(memory.shared(), roster, options, &engine);
    if (started < 0) return roster->EngineGone();
    while (engine->Run() != Engine::kStopped) continue;
  });
  CHECK(Await([&] { return started.load() <= 0; }));
  CHECK_EQ(started.load(), 0);
  const auto begin = std::chrono::steady_clock::now();
  {
    TestClient client(memory.shared(), *roster);
    for (int nth = 0; nth < 10 && !check::HasFailed(); nth++) {
      CHECK_EQ(client.Result(Nop()), 0);
      std::this_thread::sleep_for(std::chrono::milliseconds(3 * nth));
    }
    client.CloseAndDrain();
  }
  roster->Stop(0);
  thread.join();
  const auto passed = std::chrono::steady_clock::now() - begin;
  CHECK(passed < std::chrono::seconds(10));  // half as long as ten idle waits
  // Some for each request, and some for each look; spinning, it would be one in a microsecond.
  const auto passed_ms = std::chrono::duration_cast<std::chrono::milliseconds>(passed).count();
  CHECK(memory.shared().counter(counter::kEnters) < 200 + static_cast<uint64_t>(passed_ms));
}

}  // namespace
}  // namespace ringpost
