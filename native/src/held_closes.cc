// Closes that wait, engine thread: for what was posted before them, and is still to find or to use
// their descriptor. A close before it would take the descriptor away, or let it reach another file
// that has the number by then. What was posted after a close doesn't count, or it would wait for
// ever behind a client that goes on: such a request finds the descriptor closed, or whatever has
// its number.
#include <poll.h>

#include <algorithm>
#include <unordered_map>

#include "descriptor_users.h"
#include "engine.h"
#include "file_types.h"
#include "transfer.h"

namespace ringpost {

namespace {

// What waits for somebody itself, as a splice may for its pipe, is given so long; then it is
// cancelled.
constexpr uint64_t kLongestHoldNs = 100'000'000;

bool IsReady(int32_t fd, int16_t events) {
  pollfd look = {fd, events, 0};
  return !MayWait(fd) || ::poll(&look, 1, 0) == 1;
}

// Whether a transfer or splice has what it needs of its descriptors, and so waits for nobody.
bool IsReady(const abi::Sqe& sqe) {
  const int32_t fd = (sqe.flags & abi::kSqeFixedFile) != 0 ? -1 : sqe.fd;
  if (IsRead(sqe.opcode)) return IsReady(fd, POLLIN);
  if (IsWrite(sqe.opcode)) return IsReady(fd, POLLOUT);
  const bool moves = sqe.opcode == abi::kOpSplice || sqe.opcode == abi::kOpTee;
  return moves && IsReady(InputOf(sqe), POLLIN) && IsReady(fd, POLLOUT);
}

}  // namespace

// A request that waits for its turn: for a drain, or for the steps before it in its chain.
bool Engine::IsToCome(const ClientService& service, uint32_t slot) {
  const InFlight& flight = service.in_flight[slot];
  if (flight.cancelled) return false;
  if (!flight.chained) return flight.held;
  const ChainStep& step = service.chain_steps[slot];
  return step.state == ChainStep::State::kWaiting && step.refused == 0;
}

// Whether a request that uses a descriptor is still to find it, or to use it once more: the call
// thread calls when its turn comes; the polled ring may not have told the kernel yet, or give the
// transfer back to be made by interrupt; in a line, the file's offset is to be moved on; and the
// kernel's worker threads look for it when they begin.
bool Engine::NeedsDescriptor(const ClientService& service, uint32_t slot) {
  const InFlight& flight = service.in_flight[slot];
  if (flight.idle()) return false;
  if (IsToCome(service, slot)) return true;
  if (flight.held || !Runs(service, slot)) return false;
  return flight.by_call || flight.polled || flight.line_fd >= 0 ||
         IsLookedUpLate(flight.submission);
}

// Calls with each request that uses a descriptor and needs it, as NeedsDescriptor says, until it
// returns true. Returns whether it did.
template <typename Use>
bool Engine::AnyNeedingDescriptor(Use use) {
  for (const uint32_t client : active_) {
    ClientService& service = services_[client];
    for (uint32_t slot = 0; service.in_flight_count > 0 && slot < memory_.slot_count(); slot++) {
      const InFlight& flight = service.in_flight[slot];
      if (flight.counted_fd < 0 && flight.counted_input < 0) continue;
      if (NeedsDescriptor(service, slot) && use(service, slot)) return true;
    }
  }
  return false;
}

// Returns whether the close waits.
bool Engine::HoldsClose(const InFlight& close) {
  if (close.fd < 0 || !descriptor_users_.MayHave(close.fd)) return false;
  const bool holds = AnyNeedingDescriptor([&](const ClientService& service, uint32_t slot) {
    const InFlight& user = service.in_flight[slot];
    return user.Uses(close.fd) && user.nth_taken < close.nth_taken;
  });
  if (holds) held_closes_.push_back({close.submission.user_data, MonotonicNs()});
  return holds;
}

// A request has begun, is over or cancelled. If a close may go by that, it is looked for soon.
void Engine::NoteForHeldCloses(const InFlight& changed) {
  held_closes_due_ |=
      std::any_of(held_closes_.begin(), held_closes_.end(),
                  [&](const HeldClose& held) { return changed.Uses(FlightOf(held.user_data).fd); });
}

// Sends those that need not wait any more, and ends what holds up the others for too long.
void Engine::ServeHeldCloses() {
  now_ns_ = MonotonicNs();
  if (!held_closes_due_ && now_ns_ - held_closes_looked_ns_ < kLookAtHeldClosesNs) return;
  held_closes_due_ = false;
  held_closes_looked_ns_ = now_ns_;
  // By descriptor, the first of those that need it.
  std::unordered_map<int32_t, uint64_t> needed;
  (void)AnyNeedingDescriptor([&](const ClientService& service, uint32_t slot) {
    const InFlight& user = service.in_flight[slot];
    for (const int32_t fd : {user.counted_fd, user.counted_input}) {
      uint64_t& first = needed.try_emplace(fd, user.nth_taken).first->second;
      first = std::min(first, user.nth_taken);
    }
    return false;
  });
  const auto go =
      std::stable_partition(held_closes_.begin(), held_closes_.end(), [&](const HeldClose& held) {
        const InFlight& close = FlightOf(held.user_data);
        const auto found = needed.find(close.fd);
        return found != needed.end() && found->second < close.nth_taken;
      });
  const std::vector<HeldClose> gone(go, held_closes_.end());
  held_closes_.erase(go, held_closes_.end());
  // A close that goes may let another one begin, which waits.
  for (const HeldClose& held : gone) StartClose(FlightOf(held.user_data));
  EndWhatHoldsForLong();
}

void Engine::EndWhatHoldsForLong() {
  // By descriptor, the last of its closes that have waited for long.
  std::unordered_map<int32_t, uint64_t> closing;
  for (const HeldClose& held : held_closes_) {
    if (now_ns_ - held.since_ns < kLongestHoldNs) continue;
    const InFlight& close = FlightOf(held.user_data);
    uint64_t& last = closing[close.fd];
    last = std::max(last, close.nth_taken);
  }
  if (closing.empty()) return;
  for (const auto& [fd, nth] : closing) {
    if (const InFlight* splice = BlockerOfLine(fd); splice != nullptr) {
      const uint64_t user_data = splice->submission.user_data;
      CancelSlot(services_[ClientOf(user_data)], SlotOf(user_data));
    }
  }
  (void)AnyNeedingDescriptor([&](ClientService& service, uint32_t slot) {
    const InFlight& user = service.in_flight[slot];
    for (const int32_t fd : {user.counted_fd, user.counted_input}) {
      const auto found = closing.find(fd);
      if (found == closing.end() || user.nth_taken > found->second) continue;
      if (!IsOnItsWay(service, slot)) CancelSlot(service, slot);
    }
    return false;
  });
}

// Whether the request comes to an end without anybody's doing, as transfers of files do; of a step
// that is to come, whether the one does that runs now.
bool Engine::IsOnItsWay(const ClientService& service, uint32_t slot) {
  if (IsToCome(service, slot)) {
    const uint32_t head = service.in_flight[slot].chained ? service.chain_steps[slot].head : slot;
    if (service.in_flight[head].held) return false;
    slot = head;
    while (slot != ChainStep::kNone && !Runs(service, slot)) slot = NextOf(service, slot);
    if (slot == ChainStep::kNone) return true;  // between two steps
  }
  const InFlight& flight = service.in_flight[slot];
  if (flight.opcode == protocol::opcode::kClose || flight.opcode == protocol::opcode::kTimeout)
    return true;
  if (flight.line_fd >= 0) return BlockerOfLine(flight.line_fd) == nullptr;
  return flight.ends_by_itself || flight.by_call || flight.polled || IsReady(flight.submission);
}

// The splice that a line of transfers stands behind, and which waits for its pipe; nullptr where
// the line moves on.
const InFlight* Engine::BlockerOfLine(int32_t fd) {
  const InFlight* splice = offset_lines_.FindSplice(fd);
  if (splice == nullptr || offset_lines_.Waits(*splice)) return nullptr;
  return IsReady(splice->submission) ? nullptr : splice;
}

// Nothing that was posted before it needs the descriptor any more. What came behind it may stand in
// the line of its offset, which it joins: where an offset is moved on for a request, its descriptor
// must be there.
void Engine::StartClose(InFlight& close) {
  CancelSplicesInLineOf(close.fd);
  if (offset_lines_.Enter(&close)) Dispatch(close.submission);
}

// The close goes to the kernel. What has begun to wait on the descriptor meanwhile is cancelled, as
// what waited on it when the close was taken; and who has found it already uses it no more: the
// number may be another file's soon, whose close doesn't mean them.
void Engine::LetGoOf(int32_t fd) {
  if (!descriptor_users_.MayHave(fd)) return;
  CancelWaitsOn(fd);
  for (const uint32_t client : active_) {
    ClientService& service = services_[client];
    for (uint32_t slot = 0; service.in_flight_count > 0 && slot < memory_.slot_count(); slot++) {
      InFlight& flight = service.in_flight[slot];
      if (flight.idle() || !flight.Uses(fd) || NeedsDescriptor(service, slot)) continue;
      for (int32_t* counted : {&flight.counted_fd, &flight.counted_input}) {
        if (*counted != fd) continue;
        descriptor_users_.Remove(fd);
        *counted = -1;
      }
    }
  }
}

}  // namespace ringpost
