// Closes that wait, engine thread: for what was to reach their descriptor before them, and not by
// the ring. What begins after a close doesn't count, or it would wait for ever behind a client that
// goes on: such a request finds the descriptor closed, or whatever has its number by then, as in
// the ring.
#include <algorithm>

#include "engine.h"

namespace ringpost {

// Whether a request that uses the descriptor of this close, and began before it, is with the call
// thread or the polled ring. A close before it would take the descriptor away, or let it reach
// another file of the same number: the former calls when its turn comes; the latter may not have
// told the kernel yet, or may give the transfer back to be made by interrupt.
bool Engine::IsStillMeant(const abi::Sqe& close) {
  const int32_t fd = close.fd;
  if (by_call_count_ + polled_.in_flight() == 0 || !descriptor_users_.MayHave(fd)) return false;
  const uint64_t nth_start = FlightOf(close.user_data).nth_start;
  return std::any_of(active_.begin(), active_.end(), [&](uint32_t client) {
    const InFlight* flights = services_[client].in_flight.get();
    return std::any_of(flights, flights + memory_.slot_count(), [=](const InFlight& flight) {
      return (flight.polled || flight.by_call) && flight.Uses(fd) && flight.nth_start < nth_start;
    });
  });
}

// Returns whether the submission is a close that waits.
bool Engine::HoldsClose(const abi::Sqe& sqe) {
  const bool closes = sqe.opcode == abi::kOpClose && sqe.file_index == 0;
  if (!closes || !IsStillMeant(sqe)) return false;
  held_closes_.push_back(sqe);
  return true;
}

// Something that held them up is done.
void Engine::SubmitHeldCloses() {
  std::erase_if(held_closes_, [this](const abi::Sqe& sqe) {
    if (IsStillMeant(sqe)) return false;
    Enqueue(sqe);
    return true;
  });
}

}  // namespace ringpost
