// Closes that wait, engine thread: for what was posted before them, and is still to find or to use
// their descriptor. A close before it would take the descriptor away, or let it reach another file
// that has the number by then. What was posted after a close doesn't count, or it would wait for
// ever behind a client that goes on: such a request finds the descriptor closed, or whatever has
// its number.
#include <poll.h>

#include <algorithm>
#include <vector>

#include "descriptor_users.h"
#include "engine.h"
#include "transfer.h"

namespace ringpost {

namespace {

// What waits for somebody itself, as a splice may for its pipe, is given so long; then it is
// cancelled.
constexpr uint64_t kLongestHoldNs = 100'000'000;

// And what only seems to wait for nobody, so long.
constexpr uint64_t kLongestTrustNs = 1'000'000'000;

bool IsReady(int32_t fd, int16_t events) {
  pollfd look = {fd, events, 0};
  return fd >= 0 && ::poll(&look, 1, 0) == 1 && (look.revents & POLLNVAL) == 0;
}

// Whether a transfer or splice has what it needs of its descriptors, and so waits for nobody. Files
// are always ready; what is in the ring's own table can't be asked.
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

bool Engine::HasEarlierUsers(const InFlight& close) {
  if (close.fd < 0 || !descriptor_users_.MayHave(close.fd)) return false;
  bool has = false;
  ForEachUser(close.fd, [&](const ClientService& service, uint32_t slot) {
    has |= service.in_flight[slot].nth_taken < close.nth_taken && NeedsDescriptor(service, slot);
  });
  return has;
}

// Returns whether the close waits.
bool Engine::HoldsClose(const InFlight& close) {
  if (!HasEarlierUsers(close)) return false;
  held_closes_.push_back({close.submission.user_data, MonotonicNs()});
  return true;
}

// A request has begun, is over or cancelled. If a close may go by that, it is looked for soon.
void Engine::NoteForHeldCloses(const InFlight& changed) {
  held_closes_due_ =
      held_closes_due_ ||
      std::any_of(held_closes_.begin(), held_closes_.end(),
                  [&](const HeldClose& held) { return changed.Uses(FlightOf(held.user_data).fd); });
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
  // Either may let another close begin, which waits.
  for (const HeldClose& held : gone) StartClose(FlightOf(held.user_data));
  for (size_t nth = 0; nth < held_closes_.size(); nth++) {
    const HeldClose held = held_closes_[nth];
    if (now_ns_ - held.since_ns >= kLongestHoldNs)
      EndWhatHolds(FlightOf(held.user_data), held.since_ns);
  }
}

void Engine::EndWhatHolds(const InFlight& close, uint64_t since_ns) {
  if (const InFlight* splice = BlockerOfLine(close.fd); splice != nullptr) {
    const uint64_t user_data = splice->submission.user_data;
    CancelSlot(services_[ClientOf(user_data)], SlotOf(user_data));
  }
  const bool is_long = now_ns_ - since_ns >= kLongestTrustNs;
  ForEachUser(close.fd, [&](ClientService& service, uint32_t slot) {
    const InFlight& user = service.in_flight[slot];
    if (user.nth_taken > close.nth_taken || !NeedsDescriptor(service, slot)) return;
    if (!IsOnItsWay(service, slot, is_long)) CancelSlot(service, slot);
  });
}

// Whether the request comes to an end without anybody's doing, as transfers of files do; of a step
// that is to come, whether the one does that runs now. What is only likely to do so isn't trusted
// for long: what waits for a drain, or has what it needs by poll(2).
bool Engine::IsOnItsWay(const ClientService& service, uint32_t slot, bool is_long) {
  if (IsToCome(service, slot)) {
    const uint32_t head = service.in_flight[slot].chained ? service.chain_steps[slot].head : slot;
    if (service.in_flight[head].held) return !is_long;
    slot = head;
    while (slot != ChainStep::kNone && !Runs(service, slot)) slot = NextOf(service, slot);
    if (slot == ChainStep::kNone) return true;  // between two steps
  }
  const InFlight& flight = service.in_flight[slot];
  if (flight.opcode == protocol::opcode::kClose || flight.opcode == protocol::opcode::kTimeout)
    return true;
  if (flight.line_fd >= 0) return BlockerOfLine(flight.line_fd) == nullptr;
  return flight.ends_by_itself || flight.by_call || flight.polled ||
         (!is_long && IsReady(flight.submission));
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
  ForEachUser(fd, [&](ClientService& service, uint32_t slot) {
    if (NeedsDescriptor(service, slot)) return;
    InFlight& flight = service.in_flight[slot];
    if (flight.used.fd == fd) descriptor_users_.Remove(&flight.used);
    if (flight.input.fd == fd) descriptor_users_.Remove(&flight.input);
  });
}

}  // namespace ringpost
