// Which of two ways of working gets more done, found out by trying both. Engine's thread.
//
// The ways take turns for some windows each; the first one is kept unless the second is clearly
// better. The longer a choice holds, the rarer are the trials; where the rate falls, it is made
// anew at once.
#pragma once

#include <algorithm>
#include <cstdint>

namespace ringpost {

class Trial {
 public:
  // In hundredths of what the first way gets: what the second has to get to be chosen, and to stay.
  struct Needed {
    uint64_t to_begin;
    uint64_t to_stay;
  };

  // Whether the second way is the better one, as far as is known.
  [[nodiscard]] bool chosen() const { return chosen_; }
  [[nodiscard]] bool runs() const { return windows_ > 0; }

  // There was no load, whatever was being tried. Returns whether it is the second way meanwhile.
  bool Interrupt() {
    windows_ = 0;
    return chosen_;
  }

  // A window has ended, in which one of the ways (the second?) got so many requests. Returns
  // whether the next window is to be the second's.
  bool EndWindow(uint64_t rate, bool second, const Needed& needed) {
    if (windows_ > 0) return Continue(rate, second, needed);
    if (until_trial_ == 0 || rate * 100 < chosen_rate_ * kClearlyLess) {
      first_rate_ = 0;
      second_rate_ = 0;
      return Continue(rate, second, needed);
    }
    until_trial_--;
    return chosen_;
  }

 private:
  // Windows of a trial: half of them the one way, half the other, in turn.
  static constexpr uint32_t kWindows = 6;
  // The next trial comes after so many windows; after twice as many where it changes nothing.
  static constexpr uint32_t kLeastPatience = 32;
  static constexpr uint32_t kMostPatience = 1024;
  // In hundredths of what the second way gets: so much of the first, and one pair of windows is
  // enough.
  static constexpr uint64_t kNoDoubt = 150;
  // Of the rate when the choice was made: with less, it is made anew.
  static constexpr uint64_t kClearlyLess = 70;

  // The window that has just ended counts; the next one is the other's. Ends after some of each, or
  // after one where the first way is better beyond doubt.
  bool Continue(uint64_t rate, bool second, const Needed& needed) {
    (second ? second_rate_ : first_rate_) += rate;
    windows_++;
    const bool paired = windows_ % 2 == 0;
    const bool no_doubt = first_rate_ * 100 > second_rate_ * kNoDoubt;
    if (!paired || (windows_ < kWindows && !no_doubt)) return !second;
    const bool was_chosen = chosen_;
    chosen_ = second_rate_ * 100 > first_rate_ * (was_chosen ? needed.to_stay : needed.to_begin);
    chosen_rate_ = (chosen_ ? second_rate_ : first_rate_) * 2 / windows_;
    patience_ = chosen_ != was_chosen ? kLeastPatience
                                      : std::clamp(patience_ * 2, kLeastPatience, kMostPatience);
    until_trial_ = patience_;
    windows_ = 0;
    return chosen_;
  }

  uint32_t windows_ = 0;  // of this trial so far; 0: there is none
  uint64_t first_rate_ = 0;
  uint64_t second_rate_ = 0;
  bool chosen_ = false;
  uint64_t chosen_rate_ = 0;
  uint32_t patience_ = 0;  // how long the choice is left alone, in windows
  uint32_t until_trial_ = 0;
};

}  // namespace ringpost
