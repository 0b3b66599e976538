// A real engine on a thread of its own, as packages/engine/src/engine-worker.ts runs it.
#pragma once

#include <atomic>
#include <bit>
#include <memory>
#include <thread>
#include <vector>

#include "check.h"
#include "engine.h"
#include "test_client.h"
#include "test_memory.h"

namespace ringpost {

struct EngineSetUp {
  uint32_t max_clients = 4;
  uint32_t slot_count = 8;
  uint32_t ring_entries = 8;
  uint32_t initial_index = UINT32_MAX - 3;
  uint32_t without_setup_flags = 0;
  uint32_t without_features = 0;
  uint64_t without_operations = 0;
  PlainCall plain_call = CallPlainly;
  SubmissionThread submission_thread = {};
  PlacementOptions placement = {};
  // Longer than any deadline of a test: a lost wake-up must not be mended by the end of a wait.
  uint32_t idle_wait_ms = 120'000;

  [[nodiscard]] EngineOptions Options() const {
    EngineOptions options;
    options.ring.entries = ring_entries;
    // Room for two completions of every request, as packages/client/src/options.ts makes it.
    options.ring.completion_entries = std::bit_ceil(2 * max_clients * slot_count + ring_entries);
    options.ring.without_setup_flags = without_setup_flags;
    options.ring.without_features = without_features;
    options.ring.without_operations = without_operations;
    options.plain_call = plain_call;
    options.ring.submission_thread = submission_thread;
    options.placement = placement;
    options.idle_wait_ms = idle_wait_ms;
    return options;
  }
};

// A submission queue that a single client overfills.
inline EngineSetUp SmallRing() {
  EngineSetUp set_up;
  set_up.slot_count = 8;
  set_up.ring_entries = 4;
  return set_up;
}

// A client with room for several chains, more than the submission queue has.
inline EngineSetUp Roomy() {
  EngineSetUp set_up;
  set_up.slot_count = 16;
  set_up.ring_entries = 4;
  return set_up;
}

class TestEngine {
 public:
  explicit TestEngine(const EngineSetUp& set_up)
      : memory_(set_up.max_clients, set_up.slot_count, set_up.initial_index),
        roster_(Roster::Create(set_up.max_clients, set_up.slot_count)),
        thread_([this, options = set_up.Options()] { Serve(options); }) {
    CHECK(Await([this] { return started_.load() <= 0; }));
    CHECK_EQ(started_.load(), 0);
  }
  TestEngine(const TestEngine&) = delete;
  TestEngine& operator=(const TestEngine&) = delete;
  ~TestEngine() { Stop(0); }

  [[nodiscard]] const SharedMemory& memory() const { return memory_.shared(); }
  [[nodiscard]] Roster& roster() const { return *roster_; }
  // One of protocol::engine_counter.
  [[nodiscard]] uint64_t counter(uint32_t index) const {
    return std::atomic_ref(memory().counter(index)).load(std::memory_order_relaxed);
  }

  // Returns when the engine has stopped.
  void Stop(uint32_t grace_ms) {
    roster_->Stop(grace_ms);
    if (thread_.joinable()) thread_.join();
  }
  // Leaves the loop after its next idle wait, and shuts the engine down with whatever is in flight:
  // its thread is terminated.
  void Terminate() {
    terminated_ = true;
    if (thread_.joinable()) thread_.join();
  }

 private:
  static constexpr int kStarting = 1;

  void Serve(const EngineOptions& options) {
    std::unique_ptr<Engine> engine;
    started_ = Engine::Start(memory_.shared(), roster_, options, &engine);
    if (started_ < 0) return roster_->EngineGone();
    while (!terminated_) {
      if (engine->Run() == Engine::kStopped) break;
    }
    engine->Shutdown();
    CHECK_EQ(engine->Run(), Engine::kStopped);
  }

  const TestMemory memory_;
  const std::shared_ptr<Roster> roster_;
  std::atomic<int> started_ = kStarting;
  std::atomic<bool> terminated_ = false;
  std::thread thread_;
};

}  // namespace ringpost
