// Cancelling what is in flight, engine thread: by request, by descriptor, all of a client's; and
// deadlines, which are cancellations by the clock. Each request still gets its reply, and
// its memory back, only with its own completion: the kernel decides whether it was in time.
#include <fcntl.h>

#include <cerrno>

#include "descriptor_users.h"
#include "engine.h"
#include "file_types.h"
#include "registry.h"

namespace ringpost {

namespace {

namespace scope = protocol::cancel_scope;

bool IsPoll(const InFlight& flight) {
  return flight.opcode == protocol::opcode::kPoll || flight.opcode == protocol::opcode::kPollEvents;
}

// How long a cancellation that found nothing is tried again: a kernel thread may have lost its CPU.
constexpr uint64_t kLongestSearchNs = 1'000'000'000;

// A close that is cancelled before it ran would leak its descriptor.
bool LeaksIfCancelled(const InFlight& flight) {
  return flight.opcode == protocol::opcode::kClose || flight.stage == protocol::stage::kClose;
}

}  // namespace

// A cancel entry of a client's request ring. Whatever it names, it reaches the client's own alone;
// but for what a close reaches, too.
void Engine::Cancel(ClientService& service, const Request& request) {
  switch (request.flags) {
    case scope::kRequest:
      if (request.slot < memory_.slot_count() &&
          service.in_flight[request.slot].generation == request.generation) {
        CancelSlot(service, request.slot);
      }
      return;
    case scope::kDescriptor:
      if (request.fd >= 0) CancelAllOn(service, request.fd);
      return;
    case scope::kAll:
      return CancelInFlight(service);
    case scope::kClosing:
      MakeWayForClose(request.fd);
      return DoomUsersOf(service, request.fd);
    default:
      return;  // garbage; there is nobody to tell
  }
}

void Engine::CancelInFlight(ClientService& service) {
  for (uint32_t slot = 0; service.in_flight_count > 0 && slot < memory_.slot_count(); slot++)
    CancelSlot(service, slot);
}

// The descriptor is about to be closed: what waits on it would wait on, with the file kept open
// behind a number that means another one by then. Returns whether the other rings were told.
bool Engine::MakeWayForClose(int32_t fd) {
  CancelWaitsOn(fd);
  if (fd < 0 || !roster_->has_siblings() || !MayWait(fd)) return false;
  registry::TellSiblings(*roster_, {fd, MonotonicNs()});
  return true;
}

// Not what waits for its turn, nor what ends by itself on another thread, as an fstat: the close
// waits for them (held_closes.cc). And transfers of files and disks end by themselves. (But some
// files of /proc can be polled.)
void Engine::CancelWaitsOn(int32_t fd) {
  if (fd >= 0 && descriptor_users_.MayHave(fd)) CancelWaitsOn(fd, MayWait(fd), UINT64_MAX);
}

void Engine::CancelWaitsOn(int32_t fd, bool may_wait, uint64_t taken_until_ns) {
  ForEachUser(fd, [&](ClientService& service, uint32_t slot) {
    const InFlight& flight = service.in_flight[slot];
    if (flight.taken_ns > taken_until_ns || IsToCome(service, slot)) return;
    if (flight.by_call || (flight.ends_by_itself && IsLookedUpLate(flight.submission))) return;
    if (may_wait || IsPoll(flight)) CancelSlot(service, slot);
  });
}

// Before the close reached the kernel another ring may still have taken what now waits on the old
// file. Where somebody has got the number anew by now, what was taken since then can't be told from
// it: it is left.
void Engine::TellSiblingsAgain(const InFlight& close) {
  if (::fcntl(close.fd, F_GETFD) >= 0) return;
  registry::TellSiblings(*roster_, {close.fd, now_ns_});
}

// A close in the line of a file's offset (offset_lines.h) waits for those before it: a splice that
// waits for its pipe would hold it up for ever.
void Engine::CancelSplicesInLineOf(int32_t fd) {
  while (const InFlight* splice = offset_lines_.FindSplice(fd)) {
    const uint64_t user_data = splice->submission.user_data;
    CancelSlot(services_[ClientOf(user_data)], SlotOf(user_data));
  }
}

// A client wants nothing of its own on the descriptor any more, be it with the kernel or still to
// go there. A close means the former alone: what was posted before it is to be carried out.
void Engine::CancelAllOn(ClientService& service, int32_t fd) {
  for (uint32_t slot = 0; service.in_flight_count > 0 && slot < memory_.slot_count(); slot++) {
    if (service.in_flight[slot].Uses(fd) || IsToUse(service, slot, fd)) CancelSlot(service, slot);
  }
}

// A close waits, for a credit or a drain, behind requests that are still to begin. They are carried
// out as far as the kernel can at once, as if they had been alone; but they must not wait. Not
// meant are the steps of the close's own chain, which are to be done before it.
void Engine::DoomUsersOf(ClientService& service, int32_t fd, uint32_t closing_chain) {
  if (fd < 0) return;
  const bool may_wait = MayWait(fd);
  for (uint32_t slot = 0; service.in_flight_count > 0 && slot < memory_.slot_count(); slot++) {
    InFlight& flight = service.in_flight[slot];
    // A file's transfers end by themselves; what is spliced waits for the pipe.
    if (!may_wait && flight.opcode != protocol::opcode::kSplice && !IsPoll(flight)) continue;
    if (flight.chained && service.chain_steps[slot].head == closing_chain) continue;
    if (IsToUse(service, slot, fd)) {
      flight.doomed = true;
    } else if (!may_wait && flight.Uses(fd)) {
      CancelSlot(service, slot);
    }
  }
}

// Those of the doomed that have begun, if they aren't over, and their slots another's. Their
// cancellations go to the kernel with them, behind them.
void Engine::CancelDoomed() {
  // One that ends here may let another begin, which is added.
  for (size_t nth = 0; nth < begun_doomed_.size(); nth++) {
    if (FlightOf(begun_doomed_[nth]).doomed)
      CancelSlot(services_[ClientOf(begun_doomed_[nth])], SlotOf(begun_doomed_[nth]));
  }
  begun_doomed_.clear();
}

// Whether the request waits, for a drain or for the steps before it, and will then use the
// descriptor. A close isn't among the users of what it closes.
bool Engine::IsToUse(const ClientService& service, uint32_t slot, int32_t fd) {
  const InFlight& flight = service.in_flight[slot];
  if (flight.idle() || flight.opcode == protocol::opcode::kClose) return false;
  const ChainStep& step = service.chain_steps[slot];
  const bool waits =
      flight.chained ? step.state == ChainStep::State::kWaiting && step.refused == 0 : flight.held;
  return waits && (DescriptorOf(flight.submission) == fd || InputOf(flight.submission) == fd);
}

// Closes that other rings of this engine carry out, of what may wait. The number may mean another
// file by now: what was taken since then is not meant.
void Engine::CancelForSiblings() {
  roster_->TakeClosing(&closing_elsewhere_);
  for (const auto [fd, since_ns] : closing_elsewhere_) CancelWaitsOn(fd, true, since_ns);
}

// Whether the request has its turn, as each has that is no step of a chain.
bool Engine::Runs(const ClientService& service, uint32_t slot) {
  return !service.in_flight[slot].chained ||
         service.chain_steps[slot].state == ChainStep::State::kRunning;
}

void Engine::CancelSlot(ClientService& service, uint32_t slot) {
  InFlight& flight = service.in_flight[slot];
  if (flight.idle() || flight.cancelled) return;
  flight.cancelled = true;
  if (!held_closes_.empty()) [[unlikely]]
    NoteForHeldCloses(flight);
  if (flight.held) return CancelHeld(service, slot);
  // Before its turn: it fails when that comes. After: what became of it stays.
  if (!Runs(service, slot)) return;
  if (offset_lines_.Waits(flight)) return TakeOutOfLine(flight);
  if (flight.opcode == protocol::opcode::kPollEvents && !flight.armed)
    return CompleteRequest(service, slot, -ECANCELED);
  CancelRunning(service, slot);
}

void Engine::CancelRunning(ClientService& service, uint32_t slot) {
  InFlight& flight = service.in_flight[slot];
  // A polled transfer ends by itself, and its ring takes no cancellations (EINVAL).
  if (LeaksIfCancelled(flight) || flight.polled) return;
  if (flight.by_call) return calls_.Cancel(&flight);
  flight.cancelled_ns = MonotonicNs();
  CancelInKernel(service, slot);
}

void Engine::CancelInKernel(const ClientService& service, uint32_t slot) {
  abi::Sqe sqe = {};
  sqe.opcode = abi::kOpAsyncCancel;
  sqe.address = UserData(Origin::kRequest, service.index, slot);
  sqe.user_data = UserData(Origin::kCancel, service.index, slot);
  Push(sqe);
  Count(memory_.counter(protocol::engine_counter::kCancels));
}

// The kernel says what it did about a cancellation. That it found nothing means, for a request that
// isn't over, that a file's transfer is with its device; or, on Linux 6.1, that a worker thread of
// the kernel was just taking it from the queue, to wait with it for ever: that takes microseconds.
// Of a step of a chain that is over, what is in the kernel under its number is the close of what it
// has opened: cancelled, that would leak the descriptor.
void Engine::CompleteCancel(const abi::Cqe& cqe) {
  const ClientService& service = services_[ClientOf(cqe.user_data)];
  const uint32_t slot = SlotOf(cqe.user_data);
  const InFlight& flight = service.in_flight[slot];
  const bool in_kernel = !flight.idle() && flight.cancelled && !flight.polled && !flight.by_call &&
                         Runs(service, slot);
  if (cqe.result != -ENOENT || !in_kernel || LeaksIfCancelled(flight)) return;
  if (!MayWait(flight.submission)) return;
  if (MonotonicNs() - flight.cancelled_ns > kLongestSearchNs) return;
  CancelInKernel(service, slot);
}

// A cancelled request that the kernel hasn't heard of yet: it never will, unless its turn comes
// just now. But a close keeps its place: those before it, perhaps of other clients, still mean this
// file, and end by themselves. Not ended here, as that may begin the next step of its chain, a
// close, which cancels the next one: there may be thousands of them.
void Engine::TakeOutOfLine(const InFlight& flight) {
  if (flight.opcode != protocol::opcode::kClose) taken_out_.push_back(flight.submission.user_data);
}

void Engine::EndTakenOut() {
  for (size_t nth = 0; nth < taken_out_.size(); nth++) {
    const uint64_t user_data = taken_out_[nth];
    const InFlight& flight = FlightOf(user_data);
    ClientService& service = services_[ClientOf(user_data)];
    if (offset_lines_.Waits(flight)) {
      CompleteRequest(service, SlotOf(user_data), -ECANCELED);
    } else if (!flight.idle() && flight.cancelled && flight.line_fd >= 0) {
      CancelRunning(service, SlotOf(user_data));
    }
  }
  taken_out_.clear();
}

// The payload says when the request is to be over.
void Engine::SetDeadline(const ClientService& service, uint32_t slot) {
  deadlines_.Add(
      {service.mailbox.Deadline(slot), service.index, slot, service.in_flight[slot].generation},
      [this](const Deadline& entry) {
        const InFlight& flight = services_[entry.client].in_flight[entry.slot];
        return !flight.idle() && flight.timed && flight.generation == entry.generation;
      });
}

// Not by a linked timeout of the kernel (LINK_TIMEOUT): that doesn't reach what a kernel worker
// thread carries out, as opens that wait, and it would have to be repeated for every step of a
// recipe.
void Engine::CancelOverdue() {
  const uint64_t now = MonotonicNs();
  now_ns_ = now;  // what is cancelled here may reply at once
  while (!deadlines_.empty() && deadlines_.next().ns <= now) {
    const Deadline due = deadlines_.next();
    deadlines_.TakeNext();
    ClientService& service = services_[due.client];
    InFlight& flight = service.in_flight[due.slot];
    if (flight.idle() || flight.generation != due.generation || flight.cancelled) continue;
    flight.overdue = true;
    CancelSlot(service, due.slot);
  }
}

}  // namespace ringpost
