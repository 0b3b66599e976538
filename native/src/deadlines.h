// When requests are to be over, the soonest first. Engine thread.
//
// A request that is done leaves its entry behind: whoever takes an entry out asks whether its
// request is still the one that is meant. Entries of those that are done never outnumber the others
// by much.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace ringpost {

struct Deadline {
  uint64_t ns;  // of CLOCK_MONOTONIC
  uint32_t client;
  uint32_t slot;
  uint32_t generation;
};

class Deadlines {
 public:
  [[nodiscard]] bool empty() const { return heap_.empty(); }

  // The next one, of a request that may be done. There is one.
  [[nodiscard]] const Deadline& next() const { return heap_.front(); }

  template <typename IsRunning>
  void Add(const Deadline& deadline, IsRunning is_running) {
    if (heap_.size() > 2 * running_ + kSlack)
      Erase([&](const Deadline& entry) { return !is_running(entry); });
    heap_.push_back(deadline);
    std::push_heap(heap_.begin(), heap_.end(), Later);
    running_++;
  }

  void TakeNext() {
    std::pop_heap(heap_.begin(), heap_.end(), Later);
    heap_.pop_back();
  }

  // A request that has one is done.
  void Done() {
    if (--running_ == 0) heap_.clear();
  }

  // All requests of a client are done, and it is gone: the next one of its seat counts its
  // generations anew, and would be taken for it.
  void Forget(uint32_t client) {
    Erase([client](const Deadline& entry) { return entry.client == client; });
  }

 private:
  static constexpr size_t kSlack = 1024;
  static bool Later(const Deadline& one, const Deadline& other) { return one.ns > other.ns; }

  template <typename IsMeant>
  void Erase(IsMeant is_meant) {
    std::erase_if(heap_, is_meant);
    std::make_heap(heap_.begin(), heap_.end(), Later);
  }

  std::vector<Deadline> heap_;
  size_t running_ = 0;  // requests in flight that have one
};

}  // namespace ringpost
