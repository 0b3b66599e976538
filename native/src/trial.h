// Which of two ways of working gets more done, found out by trying both. Engine's thread.
//
// The ways take turns for some windows each; the first one is kept unless the second is clearly
// better. The longer a choice holds, the rarer are the trials; where the rate falls and stays low,
// it is made anew soon. One low window says nothing: a device rests, a thread is preempted.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

namespace ringpost {

class Trial {
 public:
  enum class Way : uint8_t { kFirst, kSecond };

  // In hundredths of what the first way gets: what the second has to get to be chosen, and to stay.
  struct Needed {
    uint64_t to_begin;
    uint64_t to_stay;
  };

  // The better one, as far as is known.
  [[nodiscard]] Way chosen() const { return chosen_; }
  [[nodiscard]] bool runs() const { return windows_ > 0; }

  // There was no load, which says nothing about either way: the next trial comes later. Returns
  // what was chosen before.
  Way Abandon() {
    if (runs()) {
      until_trial_ = kLeastPatience;
      chosen_rate_ = 0;  // of a load that isn't there any more
    }
    windows_ = 0;
    low_windows_ = 0;
    settled_ = true;
    return chosen_;
  }

  // Whoever has a reason to doubt the choice: the next trial begins with the next window.
  void Hurry() { until_trial_ = 0; }

  // A window has ended, in which this way got so many requests. Returns the next window's way.
  Way EndWindow(uint64_t rate, Way way, const Needed& needed) {
    if (runs()) return Continue(rate, way, needed);
    if (until_trial_ == 0 || HasFallen(rate)) {
      first_rate_ = 0;
      second_rate_ = 0;
      low_windows_ = 0;
      return Continue(rate, way, needed);
    }
    until_trial_--;
    return chosen_;
  }

 private:
  // Windows of a trial that count: half of them the one way, half the other, in turn.
  static constexpr uint32_t kWindows = 6;
  // The next trial comes after so many windows; after twice as many where it changes nothing, and
  // four times where there is no doubt.
  static constexpr uint32_t kLeastPatience = 32;
  static constexpr uint32_t kMostPatience = 1024;
  static constexpr uint32_t kAfterNoDoubt = 4;
  // In hundredths: with so much of what the other way gets, two pairs of windows are enough for the
  // first one to be chosen, and for the second to stay.
  static constexpr uint64_t kNoDoubt = 150;
  static constexpr uint32_t kWindowsWithoutDoubt = 4;
  // Of the rate when the choice was made, in hundredths: with less in so many windows in a row, it
  // is made anew.
  static constexpr uint64_t kClearlyLess = 70;
  static constexpr uint32_t kLowWindows = 3;

  bool HasFallen(uint64_t rate) {
    const bool is_low = rate * 100 < chosen_rate_ * kClearlyLess;
    low_windows_ = is_low ? low_windows_ + 1 : 0;
    return low_windows_ == kLowWindows;
  }

  static Way Other(Way way) { return way == Way::kFirst ? Way::kSecond : Way::kFirst; }

  Way Continue(uint64_t rate, Way way, const Needed& needed) {
    // What was under way when the ways changed is the other one's doing.
    if (!std::exchange(settled_, true)) return way;
    (way == Way::kFirst ? first_rate_ : second_rate_) += rate;
    windows_++;
    if (IsOver()) return Choose(needed);
    settled_ = false;
    return Other(way);
  }

  [[nodiscard]] bool IsOver() const {
    if (windows_ == kWindows) return true;
    if (windows_ != kWindowsWithoutDoubt) return false;
    return first_rate_ * 100 > second_rate_ * kNoDoubt ||
           (chosen_ == Way::kSecond && second_rate_ * 100 > first_rate_ * kNoDoubt);
  }

  Way Choose(const Needed& needed) {
    const Way before = chosen_;
    const uint64_t percent = before == Way::kSecond ? needed.to_stay : needed.to_begin;
    const bool is_better = second_rate_ * 100 > first_rate_ * percent;
    chosen_ = is_better ? Way::kSecond : Way::kFirst;
    chosen_rate_ = (is_better ? second_rate_ : first_rate_) * 2 / windows_;
    const bool no_doubt = windows_ < kWindows;
    const uint32_t longer = patience_ * (no_doubt ? kAfterNoDoubt : 2);
    patience_ =
        chosen_ != before ? kLeastPatience : std::clamp(longer, kLeastPatience, kMostPatience);
    until_trial_ = patience_;
    windows_ = 0;
    return chosen_;
  }

  uint32_t windows_ = 0;  // of this trial that count, so far; 0: there is none
  bool settled_ = true;   // the window that runs counts
  uint64_t first_rate_ = 0;
  uint64_t second_rate_ = 0;
  Way chosen_ = Way::kFirst;
  uint64_t chosen_rate_ = 0;
  uint32_t low_windows_ = 0;  // in a row
  uint32_t patience_ = 0;     // how long the choice is left alone, in windows
  uint32_t until_trial_ = 0;
};

}  // namespace ringpost
