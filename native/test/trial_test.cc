// Which of two ways is kept, and how often both are tried.
#include "trial.h"

#include "check.h"
#include "work_rate.h"

namespace ringpost {
namespace {

// A load that gets so many requests per window, by the way.
struct Load {
  // Returns in how many of the windows it was the second way.
  int Run(int windows, uint64_t first, uint64_t second) {
    int were_second = 0;
    for (int nth = 0; nth < windows; nth++) {
      if (is_second) were_second++;
      is_second = trial.EndWindow(is_second ? second : first, is_second, needed);
    }
    return were_second;
  }

  Trial trial;
  Trial::Needed needed = {.to_begin = 120, .to_stay = 105};
  bool is_second = false;
};

TEST(the_second_way_is_kept_where_it_is_clearly_better) {
  Load load;
  CHECK(load.Run(1000, 100, 130) > 950);
  CHECK(load.trial.chosen());
  Load other;
  CHECK(other.Run(1000, 100, 110) < 50);
  CHECK(!other.trial.chosen());
}

TEST(once_kept_less_is_enough_to_stay) {
  Load load;
  load.Run(200, 100, 130);
  load.Run(5000, 100, 110);
  CHECK(load.trial.chosen());
  load.Run(5000, 100, 100);
  CHECK(!load.trial.chosen());
}

TEST(one_pair_is_enough_where_the_second_is_worse_beyond_doubt) {
  Load load;
  CHECK_EQ(load.Run(8, 100, 50), 1);
  Load other;
  CHECK_EQ(other.Run(8, 100, 90), 3);
}

TEST(trials_become_rare_while_they_change_nothing) {
  Load load;
  load.Run(10'000, 100, 50);
  CHECK(load.Run(10'240, 100, 50) <= 10);
}

TEST(less_than_before_asks_for_a_trial_at_once) {
  Load load;
  load.Run(10'000, 100, 50);
  load.Run(8, 20, 100);
  CHECK(load.trial.chosen());
}

TEST(one_that_is_interrupted_begins_anew) {
  Load load;
  load.Run(1, 100, 200);
  CHECK(load.trial.runs());
  CHECK(load.is_second);
  load.is_second = load.trial.Interrupt();
  CHECK(!load.is_second);
  CHECK(!load.trial.runs());
  load.Run(6, 100, 200);
  CHECK(load.trial.chosen());
}

TEST(a_window_is_idle_with_few_requests_or_after_a_sleep) {
  constexpr uint64_t kMs = 1'000'000;
  WorkRate rate;
  rate.Took(0, 100);
  CHECK(!rate.EndsWindow(2 * kMs));
  CHECK(rate.EndsWindow(3 * kMs));
  WorkRate::Window window = rate.EndWindow(3 * kMs);
  CHECK_EQ(window.rate, uint64_t{100});
  CHECK(!window.idle);
  CHECK(!window.several);
  rate.Took(0, 5);
  CHECK(rate.EndWindow(6 * kMs).idle);
  rate.Took(0, 10'000);
  CHECK(rate.EndWindow(106 * kMs).idle);
  rate.Took(0, 50);
  rate.Took(1, 50);
  window = rate.EndWindow(112 * kMs);
  CHECK_EQ(window.rate, uint64_t{50});
  CHECK(window.several);
}

}  // namespace
}  // namespace ringpost
