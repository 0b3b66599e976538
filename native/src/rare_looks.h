// How often looking for work pays, learned from the looks before. Engine's thread.
#pragma once

#include <algorithm>
#include <cstdint>

namespace ringpost {

class RareLooks {
 public:
  // Whether this wait is to begin with a look.
  bool IsDue() {
    if (skipped_ == 0) return true;
    skipped_--;
    return false;
  }
  // Looks in vain make the next ones rarer, as they take time from whoever shares this CPU: one in
  // 2^n waits begins with one, at least one in 128. Where some are in vain and some not, few are
  // begun; where they begin to pay, a dozen are enough to begin all.
  void Ended(bool found) {
    rarity_ = found ? rarity_ / 2 : std::min(rarity_ + 1, kMostRarity);
    skipped_ = (1u << rarity_) - 1;
  }

 private:
  static constexpr uint32_t kMostRarity = 7;

  uint32_t skipped_ = 0;  // how many more waits begin without a look
  uint32_t rarity_ = 0;
};

}  // namespace ringpost
