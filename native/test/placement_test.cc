// Where the engine's thread is put, with a clock and CPUs of the test's own.
#include "placement.h"

#include <sched.h>

#include <cerrno>
#include <vector>

#include "check.h"

namespace ringpost {
namespace {

using Mode = PlacementOptions::Mode;

constexpr uint64_t kWindowNs = 3'000'000;

std::vector<int> bound;  // by how many CPUs; one alone: by ~its number

int Remember(const cpu_set_t& cpus) {
  const int count = CPU_COUNT(&cpus);
  if (count == 0) return -EINVAL;
  int only = 0;
  while (!CPU_ISSET(static_cast<size_t>(only), &cpus)) only++;
  bound.push_back(count == 1 ? ~only : count);
  return 0;
}

// Those that this thread may use: the tests need two.
std::vector<int> Cpus() {
  cpu_set_t allowed;
  CHECK_EQ(::sched_getaffinity(0, sizeof(allowed), &allowed), 0);
  std::vector<int> cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
    if (CPU_ISSET(static_cast<size_t>(cpu), &allowed)) cpus.push_back(cpu);
  }
  return cpus;
}

// As taskset does it.
void BindThread(const std::vector<int>& cpus) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int cpu : cpus) CPU_SET(static_cast<size_t>(cpu), &set);
  CHECK_EQ(::sched_setaffinity(0, sizeof(set), &set), 0);
}

int64_t preemptions;

// An engine that gets so many requests per window, by where it is.
struct Load {
  explicit Load(Mode mode, bool always_looks = false, BindCall bind_call = Remember) {
    bound.clear();
    preemptions = 0;
    CHECK_EQ(placement.Begin({.mode = mode,
                              .list = {},
                              .always_looks = always_looks,
                              .bind_call = bind_call,
                              .preemptions_call = [] { return preemptions; }}),
             0);
  }

  // Returns in how many of the windows it was together.
  int Run(int windows, uint32_t together, uint32_t free, uint32_t of_another = 0) {
    int were_together = 0;
    for (int nth = 0; nth < windows; nth++) {
      if (placement.together()) were_together++;
      rate.Took(0, placement.together() ? together : free);
      rate.Took(1, of_another);
      now_ns += kWindowNs;
      preemptions += preemptions_per_window;
      (void)placement.Decide(rate.EndWindow(now_ns, 0), {.always = looks_always,
                                                         .pays = looks_pay,
                                                         .for_io = looks_for_io,
                                                         .tried = looks_tried});
    }
    return were_together;
  }

  Placement placement;
  WorkRate rate;
  bool looks_pay = false;
  bool looks_for_io = false;
  bool looks_always = false;
  bool looks_tried = false;
  int preemptions_per_window = 0;
  uint64_t now_ns = 1'000'000'000;
};

TEST(an_idle_engine_follows_the_client) {
  Load load(Mode::kAuto);
  load.Run(3, 2, 2);
  CHECK(load.placement.together());
  load.placement.Rung(Cpus()[0]);
  load.placement.Rung(Cpus()[0]);
  load.placement.Rung(Cpus()[1]);
  CHECK(bound == std::vector<int>({~Cpus()[0], ~Cpus()[1]}));
}

TEST(a_busy_one_goes_where_it_gets_more_requests) {
  Load apart(Mode::kAuto);
  apart.Run(200, 100, 1000);
  CHECK(!apart.placement.together());
  CHECK(apart.Run(1000, 100, 1000) < 10);
  // The client's work between two requests has changed.
  apart.Run(1500, 1000, 100);
  CHECK(apart.placement.together());
  CHECK(apart.Run(1000, 1000, 100) > 990);
}

TEST(where_looking_pays_it_is_free_without_a_trial) {
  Load load(Mode::kAuto);
  load.looks_pay = true;
  load.Run(2, 1000, 500);
  CHECK_EQ(load.Run(4000, 1000, 500), 0);
}

TEST(where_somebody_else_needs_its_cpu_looking_is_no_reason_to_stay_free) {
  Load load(Mode::kAuto);
  load.looks_pay = true;
  load.preemptions_per_window = 1;
  load.Run(200, 1000, 500);
  CHECK(!load.placement.together());
  load.preemptions_per_window = 30;
  load.Run(200, 1000, 500);
  CHECK(load.placement.together());
  Load other(Mode::kAuto);
  other.looks_pay = true;
  other.preemptions_per_window = 30;
  other.Run(200, 500, 1000);
  CHECK(!other.placement.together());
  // A fifth is enough then.
  other.Run(2000, 120, 100);
  CHECK(other.placement.together());
}

// The kernel's threads that write to the page cache, say, have the client's CPU or ours.
TEST(so_it_is_where_it_looks_for_what_the_kernel_works_on) {
  Load load(Mode::kAuto);
  load.looks_pay = true;
  load.looks_for_io = true;
  load.Run(200, 120, 100);
  CHECK(load.placement.together());
  Load other(Mode::kAuto);
  other.looks_pay = true;
  other.looks_for_io = true;
  other.Run(200, 100, 100);
  CHECK(!other.placement.together());
}

TEST(a_difference_that_may_be_chance_moves_nothing) {
  Load load(Mode::kAuto);
  load.Run(200, 120, 100);
  CHECK(!load.placement.together());
  CHECK(load.Run(4000, 120, 100) < 100);
}

TEST(less_than_before_asks_for_a_trial_soon) {
  Load load(Mode::kAuto);
  load.Run(4000, 100, 1000);
  CHECK(!load.placement.together());
  load.Run(12, 1000, 100);
  CHECK(load.placement.together());
}

TEST(after_a_pause_it_is_where_it_was) {
  Load load(Mode::kAuto);
  load.Run(200, 1000, 100);
  CHECK(load.placement.together());
  Load other(Mode::kAuto);
  other.Run(200, 100, 1000);
  CHECK(!other.placement.together());
  other.now_ns += 1'000'000'000;
  other.Run(1, 1, 1);
  CHECK(other.placement.together());
  other.Run(1, 100, 1000);
  CHECK(!other.placement.together());
}

TEST(with_several_clients_it_floats) {
  Load load(Mode::kAuto);
  load.Run(50, 1000, 100, 500);
  CHECK(!load.placement.together());
  CHECK_EQ(load.Run(500, 1000, 100, 500), 0);
}

TEST(one_that_never_sleeps_is_parted_once_per_busy_window) {
  Load load(Mode::kAuto, true);
  CHECK(!load.placement.together());
  load.Run(2, 20, 20);
  CHECK(!load.placement.together());
  const int here = ::sched_getcpu();
  load.placement.Rung(here);
  load.placement.Rung(here);
  CHECK_EQ(bound.size(), size_t{2});  // off the client's, then all
  CHECK_EQ(bound[1], static_cast<int>(Cpus().size()));
  load.Run(1, 20, 20);
  load.placement.Rung(here);
  CHECK_EQ(bound.size(), size_t{4});
  load.Run(1, 2, 2);
  load.placement.Rung(here);
  CHECK_EQ(bound.size(), size_t{4});  // moving would take longer than the request
}

TEST(while_it_always_looks_it_is_free_and_then_as_it_was) {
  Load load(Mode::kAuto);
  load.Run(200, 1000, 100);
  CHECK(load.placement.together());
  load.looks_always = true;
  load.Run(1, 1000, 1000);
  CHECK_EQ(load.Run(200, 1000, 100), 0);
  load.looks_always = false;
  load.Run(1, 1000, 100);
  CHECK(load.placement.together());
}

// Always looking, it was preempted all the time: together is what is compared with that.
TEST(where_always_looking_was_crowded_it_is_together_while_not_looking_is_tried) {
  Load load(Mode::kAuto);
  load.looks_always = true;
  load.preemptions_per_window = 30;
  load.Run(10, 100, 100);
  load.looks_always = false;
  load.looks_tried = true;
  load.Run(1, 100, 100);
  CHECK(load.placement.together());
  CHECK_EQ(load.Run(10, 100, 100), 10);
}

TEST(whether_it_is_to_stay_together_then_is_tried_at_once) {
  Load load(Mode::kAuto);
  load.Run(2000, 50, 100);
  CHECK(!load.placement.together());
  load.looks_always = true;
  load.preemptions_per_window = 30;
  load.Run(10, 100, 100);
  load.looks_always = false;
  load.Run(1, 120, 100);
  CHECK(load.Run(40, 120, 100) > 30);
}

TEST(colocated_and_spread_follow_the_client) {
  Load colocated(Mode::kColocate);
  CHECK(colocated.placement.together());
  colocated.placement.Rung(Cpus()[1]);
  CHECK(bound == std::vector<int>({~Cpus()[1]}));
  Load spread(Mode::kSpread);
  CHECK(!spread.placement.together());
  spread.placement.Rung(Cpus()[1]);
  CHECK_EQ(bound.size(), size_t{1});
  CHECK(bound[0] != ~Cpus()[1]);
}

TEST(on_one_cpu_it_is_together_whatever_it_was_asked_for) {
  const std::vector<int> all = Cpus();
  BindThread({all[0]});
  for (const Mode mode : {Mode::kAuto, Mode::kFloat, Mode::kColocate, Mode::kSpread}) {
    Load load(mode);
    CHECK(load.placement.together());
    load.Run(200, 100, 1000);
    CHECK(load.placement.together());
  }
  BindThread(all);
}

TEST(where_somebody_else_has_bound_it_it_stays) {
  constexpr BindCall kReally = nullptr;
  const std::vector<int> all = Cpus();
  for (const Mode mode : {Mode::kAuto, Mode::kColocate, Mode::kSpread}) {
    Load load(mode, false, kReally);
    load.Run(3, 2, 2);
    load.placement.Rung(all[0]);
    const bool is_on_first = Cpus()[0] == all[0];
    const std::vector<int> elsewhere = {is_on_first ? all[1] : all[0]};
    BindThread(elsewhere);
    load.placement.Rung(is_on_first ? all[0] : all[1]);
    for (int nth = 0; nth < 2; nth++) {
      CHECK(Cpus() == elsewhere);
      load.Run(200, 100, 1000);
      load.placement.Rung(all[0]);
      load.placement.Rung(all[1]);
    }
    // And chooses again where it has a choice again.
    BindThread(all);
    load.Run(200, 100, 1000);
    load.placement.Rung(all[1]);
    CHECK_EQ(load.placement.together(), mode == Mode::kColocate);
    CHECK_EQ(Cpus() == all, mode == Mode::kAuto);
    CHECK_EQ(Cpus() == std::vector<int>{all[1]}, mode == Mode::kColocate);
    BindThread(all);
  }
}

TEST(floating_and_listed_are_left_alone) {
  Load floating(Mode::kFloat);
  floating.Run(100, 100, 1000);
  floating.placement.Rung(Cpus()[1]);
  CHECK(bound.empty());
  PlacementOptions options = {.mode = Mode::kList, .list = {}, .bind_call = Remember};
  Placement nowhere;
  CHECK_EQ(nowhere.Begin(options), -EINVAL);
  CPU_SET(static_cast<size_t>(Cpus()[0]), &options.list);
  Placement listed;
  CHECK_EQ(listed.Begin(options), 0);
  listed.Rung(Cpus()[1]);
  CHECK(bound == std::vector<int>({~Cpus()[0]}));
}

TEST(a_list_is_bound_to_as_a_whole_or_refused) {
  cpu_set_t before;
  CHECK_EQ(::sched_getaffinity(0, sizeof(before), &before), 0);
  PlacementOptions options = {.mode = Mode::kList, .list = {}};
  CPU_SET(static_cast<size_t>(Cpus()[1]), &options.list);
  Placement listed;
  CHECK_EQ(listed.Begin(options), 0);
  cpu_set_t granted;
  CHECK_EQ(::sched_getaffinity(0, sizeof(granted), &granted), 0);
  CHECK(CPU_EQUAL(&granted, &options.list));
  CPU_SET(CPU_SETSIZE - 1, &options.list);
  Placement partly;
  CHECK_EQ(partly.Begin(options), -EINVAL);
  CHECK_EQ(::sched_setaffinity(0, sizeof(before), &before), 0);
}

}  // namespace
}  // namespace ringpost
