// Closes that wait, engine thread: for what is still to reach their descriptor, and not by the
// ring.
#include <algorithm>

#include "engine.h"

namespace ringpost {

// Whether a request that uses the descriptor is with the call thread or the polled ring. A close
// before it would take the descriptor away, or let it reach another file of the same number: the
// former calls when its turn comes; the latter may not have told the kernel yet, or may give the
// transfer back to be made by interrupt.
bool Engine::IsStillMeant(int32_t fd) {
  if (by_call_count_ + polled_.in_flight() == 0 || !descriptor_users_.MayHave(fd)) return false;
  return std::any_of(active_.begin(), active_.end(), [&](uint32_t client) {
    const InFlight* flights = services_[client].in_flight.get();
    return std::any_of(flights, flights + memory_.slot_count(), [fd](const InFlight& flight) {
      return (flight.polled || flight.by_call) && flight.Uses(fd);
    });
  });
}

// Returns whether the submission is a close that waits.
bool Engine::HoldsClose(const abi::Sqe& sqe) {
  const bool closes = sqe.opcode == abi::kOpClose && sqe.file_index == 0;
  if (!closes || !IsStillMeant(sqe.fd)) return false;
  held_closes_.push_back(sqe);
  return true;
}

// Something that held them up is done.
void Engine::SubmitHeldCloses() {
  std::erase_if(held_closes_, [this](const abi::Sqe& sqe) {
    if (IsStillMeant(sqe.fd)) return false;
    Enqueue(sqe);
    return true;
  });
}

}  // namespace ringpost
