// How often looking for work pays, learned from the looks before. Engine's thread.
//
// Looks in vain make the next ones rarer, as they take time from whoever shares this CPU: one in
// 2^n waits begins with one, at least one in 512. Where some are in vain and some not, few are
// begun; where they begin to pay, a dozen are enough to begin all.
#pragma once

#include <algorithm>
#include <cstdint>

namespace ringpost {

class RareLooks {
 public:
  // A wait begins. Whether it is one that begins with a look.
  bool TakesTurn() {
    if (skipped_ == 0) return true;
    skipped_--;
    return false;
  }

  // Whether most of the latest looks did.
  [[nodiscard]] bool pays() const { return rarity_ <= 1; }

  // How a look ended.
  void Paid() { Become(rarity_ / 2); }
  void WasInVain() { Become(std::min(rarity_ + 1, kMostRarity)); }
  // Somebody else has had this CPU: another thread, for a whole time slice, or the machine's host.
  void WasInterrupted() { Become(std::min(rarity_ + kInterruptedStep, kMostRarity)); }

 private:
  static constexpr uint32_t kMostRarity = 9;
  static constexpr uint32_t kInterruptedStep = 2;

  void Become(uint32_t rarity) {
    rarity_ = rarity;
    skipped_ = (1u << rarity) - 1;
  }

  uint32_t skipped_ = 0;  // how many more waits begin without a look
  uint32_t rarity_ = 0;
};

}  // namespace ringpost
