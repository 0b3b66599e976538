// Whether the engine looks for what the kernel works on, or sleeps. Where it runs is
// placement_test's.
#include "waiting.h"

#include "check.h"
#include "handoff.h"

namespace ringpost {
namespace {

namespace wait_mode = protocol::wait_mode;

constexpr uint64_t kWindowNs = 3'000'000;

using Placement = PlacementOptions::Mode;

int BindNothing(const cpu_set_t&) { return 0; }

// An engine with one client, which gets so many requests in a window by how both wait.
struct Load {
  explicit Load(uint32_t mode, Placement placement = Placement::kFloat) {
    CHECK_EQ(waiting.Begin(mode, {.mode = placement, .bind_call = BindNothing}, &mode_word), 0);
  }

  // Returns in how many of the windows they slept.
  int Run(int windows, uint32_t looking, uint32_t asleep, bool for_io = true) {
    int slept = 0;
    for (int nth = 0; nth < windows; nth++) {
      const bool sleeps = mode_word == wait_mode::kNotify;
      if (sleeps) slept++;
      for (int wait = 0; wait < 8; wait++) {
        (void)waiting.Look(for_io, [] { return true; });
      }
      waiting.Took(0, sleeps ? asleep : looking);
      now_ns += kWindowNs;
      waiting.EndRound(now_ns);
    }
    return slept;
  }

  Waiting waiting;
  uint32_t mode_word = 0;
  uint64_t now_ns = kWindowNs;
};

TEST(auto_sleeps_where_looking_gets_no_more_from_a_device) {
  Load load(wait_mode::kAuto);
  CHECK(load.Run(1000, 100, 95) > 900);
}

// As many by the mean, in windows of 75 to 125 of them, and of half as many now and then, in the
// first second of a hundred loads.
TEST(auto_sleeps_in_spite_of_a_device_that_varies) {
  uint32_t random = 1;
  int slept = 0;
  for (int nth = 0; nth < 100; nth++) {
    Load load(wait_mode::kAuto);
    for (int window = 0; window < 300; window++) {
      random = random * 1'664'525 + 1'013'904'223;
      const bool rests = (random >> 24) % 16 == 0;
      const uint32_t requests = (75 + (random >> 16) % 50) / (rests ? 2 : 1);
      slept += load.Run(1, requests, requests);
    }
  }
  CHECK(slept > 80 * 300);
}

TEST(auto_looks_where_that_gets_more) {
  Load load(wait_mode::kAuto);
  CHECK(load.Run(1000, 100, 60) < 30);
}

TEST(auto_looks_again_where_sleeping_comes_to_get_less) {
  Load load(wait_mode::kAuto);
  load.Run(500, 100, 95);
  load.Run(3000, 100, 60);
  CHECK(load.Run(500, 100, 60) < 20);
}

TEST(auto_tries_nothing_where_nothing_is_in_the_kernel) {
  Load load(wait_mode::kAuto);
  CHECK_EQ(load.Run(1000, 100, 100, false), 0);
  // What was chosen for a device isn't for what completes at once.
  CHECK(load.Run(1000, 100, 95) > 900);
  CHECK(load.Run(1000, 100, 95, false) <= 1);
}

TEST(auto_tries_nothing_with_few_requests) {
  Load load(wait_mode::kAuto);
  CHECK_EQ(load.Run(1000, 5, 5), 0);
}

// Asleep nobody looks in vain, so that the placement has no other reason to try anything.
TEST(asleep_it_is_found_out_that_together_gets_more) {
  Load load(wait_mode::kAuto, Placement::kAuto);
  int together = 0;
  for (int nth = 0; nth < 4000; nth++) {
    const bool is_together = load.waiting.together();
    if (is_together) together++;
    load.Run(1, is_together ? 150 : 100, is_together ? 150 : 82);
  }
  CHECK(together > 3800);
}

TEST(notify_always_sleeps) {
  Load load(wait_mode::kNotify);
  CHECK_EQ(load.Run(100, 100, 10), 100);
}

}  // namespace
}  // namespace ringpost
