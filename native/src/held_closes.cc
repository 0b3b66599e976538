// Closes that wait, engine thread: for what was posted before them, and is still to find or to use
// their descriptor. A close before it would take the descriptor away, or let it reach another file
// that has the number by then. What was posted after a close doesn't count, or it would wait for
// ever behind a client that goes on: such a request finds the descriptor closed, or whatever has
// its number.
#include <algorithm>

#include "descriptor_users.h"
#include "engine.h"

namespace ringpost {

namespace {

// What may wait for ever itself, as a splice does for its pipe, is given so long; then it is
// cancelled.
constexpr uint64_t kLongestHoldNs = 100'000'000;

}  // namespace

// A step of a chain that has begun, whose own turn is to come.
bool Engine::IsToCome(const ClientService& service, uint32_t slot) {
  const InFlight& flight = service.in_flight[slot];
  if (!flight.chained || flight.cancelled) return false;
  const ChainStep& step = service.chain_steps[slot];
  return step.state == ChainStep::State::kWaiting && step.refused == 0 &&
         !service.in_flight[step.head].held;
}

// Whether a request that uses a descriptor is still to find it, or to use it once more: the call
// thread calls when its turn comes; the polled ring may not have told the kernel yet, or give the
// transfer back to be made by interrupt; in a line, the file's offset is to be moved on; and the
// kernel's worker threads look for it when they begin.
bool Engine::NeedsDescriptor(const ClientService& service, uint32_t slot) {
  const InFlight& flight = service.in_flight[slot];
  if (IsToCome(service, slot)) return true;
  if (flight.held || !Runs(service, slot)) return false;
  return flight.by_call || flight.polled || flight.line_fd >= 0 ||
         IsLookedUpLate(flight.submission);
}

template <typename Use>
bool Engine::AnyEarlierUser(const InFlight& close, Use use) {
  if (close.fd < 0 || !descriptor_users_.MayHave(close.fd)) return false;
  bool found = false;
  for (const uint32_t client : active_) {
    ClientService& service = services_[client];
    for (uint32_t slot = 0; service.in_flight_count > 0 && slot < memory_.slot_count(); slot++) {
      const InFlight& flight = service.in_flight[slot];
      if (flight.idle() || !flight.Uses(close.fd) || flight.nth_taken > close.nth_taken) continue;
      if (!NeedsDescriptor(service, slot)) continue;
      found = true;
      if (use(service, slot)) return true;
    }
  }
  return found;
}

bool Engine::HasEarlierUsers(const InFlight& close) {
  return AnyEarlierUser(close, [](ClientService&, uint32_t) { return true; });
}

// Returns whether the close waits.
bool Engine::HoldsClose(const InFlight& close) {
  if (!HasEarlierUsers(close)) return false;
  held_closes_.push_back({close.submission.user_data, MonotonicNs()});
  return true;
}

// A request is over. If a close may go by that, it is looked for soon.
void Engine::NoteForHeldCloses(const InFlight& ended) {
  held_closes_due_ |=
      std::any_of(held_closes_.begin(), held_closes_.end(),
                  [&](const HeldClose& held) { return ended.Uses(FlightOf(held.user_data).fd); });
}

// Sends those that need not wait any more, and ends what holds up the others for too long.
void Engine::ServeHeldCloses() {
  now_ns_ = MonotonicNs();
  if (!held_closes_due_ && now_ns_ - held_closes_looked_ns_ < kLookAtHeldClosesNs) return;
  held_closes_due_ = false;
  held_closes_looked_ns_ = now_ns_;
  const auto go = std::stable_partition(
      held_closes_.begin(), held_closes_.end(),
      [this](const HeldClose& held) { return HasEarlierUsers(FlightOf(held.user_data)); });
  const std::vector<HeldClose> gone(go, held_closes_.end());
  held_closes_.erase(go, held_closes_.end());
  // Either may lead to further closes that wait.
  for (const HeldClose& held : gone) StartClose(FlightOf(held.user_data));
  for (size_t nth = 0; nth < held_closes_.size(); nth++) {
    const HeldClose held = held_closes_[nth];
    if (now_ns_ - held.since_ns >= kLongestHoldNs) CancelWhatHolds(FlightOf(held.user_data));
  }
}

void Engine::CancelWhatHolds(const InFlight& close) {
  (void)AnyEarlierUser(close, [this](ClientService& service, uint32_t slot) {
    if (!IsOnItsWay(service, slot)) CancelSlot(service, slot);
    return false;
  });
}

// Whether the request ends by itself, as transfers of files do; of a step that is to come, whether
// the one does that is before it.
bool Engine::IsOnItsWay(const ClientService& service, uint32_t slot) {
  if (IsToCome(service, slot)) {
    slot = service.chain_steps[slot].head;
    while (!Runs(service, slot)) slot = service.chain_steps[slot].next;
  }
  const InFlight& flight = service.in_flight[slot];
  const bool in_line = flight.line_fd >= 0 && flight.submission.opcode != abi::kOpSplice;
  return flight.ends_by_itself || flight.by_call || flight.polled || in_line ||
         flight.opcode == protocol::opcode::kClose;
}

// Nothing that was posted before it needs the descriptor any more. What came behind it may stand in
// the line of its offset, which it joins: where an offset is moved on for a request, its descriptor
// must be there.
void Engine::StartClose(InFlight& close) {
  CancelSplicesInLineOf(close.fd);
  if (offset_lines_.Enter(&close)) Dispatch(close.submission);
}

}  // namespace ringpost
