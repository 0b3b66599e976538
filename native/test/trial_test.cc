// Which of two ways is kept, how often both are tried, and what counts as load.
#include "trial.h"

#include <utility>

#include "check.h"
#include "work_rate.h"

namespace ringpost {
namespace {

using Way = Trial::Way;

// A load that gets so many requests per window, by the way.
struct Load {
  // Returns in how many of the windows it was the second way.
  int Run(int windows, uint64_t first, uint64_t second) {
    int were_second = 0;
    for (int nth = 0; nth < windows; nth++) {
      const bool is_second = way == Way::kSecond;
      if (is_second) were_second++;
      way = trial.EndWindow(is_second ? second : first, way, needed);
    }
    return were_second;
  }

  Trial trial;
  Trial::Needed needed = {.to_begin = 120, .to_stay = 105};
  Way way = Way::kFirst;
};

TEST(the_second_way_is_kept_where_it_is_clearly_better) {
  Load load;
  CHECK(load.Run(1000, 100, 130) > 950);
  CHECK(load.trial.chosen() == Way::kSecond);
  Load other;
  CHECK(other.Run(1000, 100, 110) < 50);
  CHECK(other.trial.chosen() == Way::kFirst);
}

TEST(once_kept_less_is_enough_to_stay) {
  Load load;
  load.Run(200, 100, 130);
  load.Run(5000, 100, 110);
  CHECK(load.trial.chosen() == Way::kSecond);
  load.Run(5000, 100, 100);
  CHECK(load.trial.chosen() == Way::kFirst);
}

TEST(two_pairs_are_enough_where_the_second_is_worse_beyond_doubt) {
  Load load;
  CHECK_EQ(load.Run(12, 100, 50), 4);  // of each pair one that settles, one that counts
  Load other;
  CHECK_EQ(other.Run(12, 100, 90), 6);
}

TEST(two_pairs_are_enough_to_stay_with_what_is_better_beyond_doubt) {
  Load load;
  load.Run(11, 100, 200);
  CHECK(load.trial.chosen() == Way::kSecond);
  CHECK_EQ(load.Run(40, 100, 200), 36);
}

TEST(one_window_alone_decides_nothing) {
  Load load;
  load.Run(11, 100, 130);
  CHECK(load.trial.chosen() == Way::kSecond);
  while (!load.trial.runs()) load.Run(1, 100, 130);
  load.Run(3, 100, 20);
  load.Run(10, 100, 130);
  CHECK(load.trial.chosen() == Way::kSecond);
}

TEST(who_doubts_it_has_it_tried_at_once) {
  Load load;
  load.Run(10'000, 100, 50);
  load.trial.Hurry();
  CHECK(!load.trial.runs());
  load.Run(1, 100, 50);
  CHECK(load.trial.runs());
}

TEST(the_first_window_after_a_change_does_not_count) {
  Trial trial;
  const Trial::Needed needed = {.to_begin = 120, .to_stay = 105};
  CHECK(trial.EndWindow(100, Way::kFirst, needed) == Way::kSecond);
  CHECK(trial.EndWindow(0, Way::kSecond, needed) == Way::kSecond);
  CHECK(trial.EndWindow(130, Way::kSecond, needed) == Way::kFirst);
  CHECK(trial.EndWindow(1000, Way::kFirst, needed) == Way::kFirst);
  CHECK(trial.EndWindow(100, Way::kFirst, needed) == Way::kSecond);
}

TEST(trials_become_rare_while_they_change_nothing) {
  Load load;
  load.Run(10'000, 100, 50);
  CHECK(load.Run(10'240, 100, 50) <= 40);
}

TEST(less_than_before_asks_for_a_trial_soon) {
  Load load;
  load.Run(10'000, 100, 50);
  load.Run(14, 20, 100);
  CHECK(load.trial.chosen() == Way::kSecond);
}

TEST(now_and_then_a_window_with_less_asks_for_none) {
  Load load;
  load.Run(10'000, 100, 50);
  for (int nth = 0; nth < 100; nth++) {
    load.Run(2, 20, 100);
    CHECK_EQ(load.Run(1, 100, 50), 0);
  }
}

TEST(one_that_is_given_up_comes_again_later) {
  Load load;
  load.Run(1, 100, 200);
  CHECK(load.trial.runs());
  CHECK(load.way == Way::kSecond);
  load.way = load.trial.Abandon();
  CHECK(load.way == Way::kFirst);
  CHECK(!load.trial.runs());
  CHECK_EQ(load.Run(20, 100, 200), 0);
  load.Run(30, 100, 200);
  CHECK(load.trial.chosen() == Way::kSecond);
}

// What the second way gets looks like no load at all: it is tried now and then, not all the time.
void TryWhereOneWayAloneHasLoad(Load load) {
  int changes = 0;
  for (int nth = 0; nth < 3200; nth++) {
    const Way before = load.way;
    if (before == Way::kSecond) {
      load.way = load.trial.Abandon();
    } else {
      load.Run(1, 15, 11);
    }
    if (load.way != before) changes++;
  }
  CHECK(changes <= 200);
}

TEST(where_one_way_alone_has_load_it_is_not_tried_without_end) { TryWhereOneWayAloneHasLoad({}); }

TEST(nor_is_it_where_there_was_more_before) {
  Load load;
  load.Run(1000, 500, 100);
  TryWhereOneWayAloneHasLoad(load);
}

constexpr uint64_t kMs = 1'000'000;

TEST(a_window_is_idle_with_few_requests_or_after_a_sleep) {
  WorkRate rate;
  rate.Took(0, 100);
  CHECK(!rate.EndsWindow(2 * kMs));
  CHECK(rate.EndsWindow(3 * kMs));
  WorkRate::Window window = rate.EndWindow(3 * kMs, 0);
  CHECK_EQ(window.rate, uint64_t{100});
  CHECK(!window.idle);
  CHECK(!window.few);
  CHECK(!window.several);
  rate.Took(0, 5);
  window = rate.EndWindow(6 * kMs, 0);
  CHECK(window.idle);
  CHECK(window.few);
  rate.Took(0, 10'000);
  window = rate.EndWindow(106 * kMs, 0);
  CHECK(window.idle);
  CHECK(!window.few);
  rate.Took(0, 50);
  rate.Took(1, 50);
  window = rate.EndWindow(112 * kMs, 0);
  CHECK_EQ(window.rate, uint64_t{50});
  CHECK(window.several);
}

// However many the other one makes, and whoever is the first of a window.
TEST(several_clients_are_busy_if_two_are) {
  WorkRate rate;
  uint64_t now_ns = 0;
  const auto several = [&](uint32_t of_first, uint32_t of_second) {
    rate.Took(0, of_first);
    rate.Took(7, of_second);
    return rate.EndWindow(now_ns += 3 * kMs, 0).several;
  };
  CHECK(several(1000, 50));
  CHECK(several(50, 1000));
  CHECK(!several(1000, 5));
  CHECK(!several(5, 1000));
  CHECK(!several(5, 5));
}

// As many as one gets when it is idle, and more than when it isn't.
TEST(between_idle_and_busy_it_stays_what_it_is) {
  WorkRate rate;
  int changes = 0;
  bool idle = true;
  for (uint64_t nth = 1; nth <= 1000; nth++) {
    rate.Took(0, idle ? 13 : 11);
    const bool before = std::exchange(idle, rate.EndWindow(nth * 3 * kMs, 0).idle);
    if (idle != before) changes++;
  }
  CHECK(changes <= 1);
}

TEST(few_requests_that_are_much_work_are_a_load) {
  WorkRate rate;
  bool idle = true;
  for (uint64_t nth = 1; nth <= 3; nth++) {
    rate.Took(0, 5);
    idle = rate.EndWindow(nth * 3 * kMs, nth * kMs).idle;
  }
  CHECK(!idle);
  rate.Took(0, 5);
  CHECK(rate.EndWindow(12 * kMs, 3 * kMs + kMs / 10).idle);
}

}  // namespace
}  // namespace ringpost
