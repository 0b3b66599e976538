// Stage 7 of 9, engine thread: completions of the kernel become replies in the mailboxes of their
// clients.
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "engine.h"
#include "fifo_peers.h"
#include "histogram.h"
#include "prepare_waits.h"
#include "recipes.h"

namespace ringpost {

namespace counter = protocol::engine_counter;
namespace note = protocol::reply_note;

namespace {

// ERESTARTSYS to ERESTART_RESTARTBLOCK of include/linux/errno.h: how the kernel says to itself that
// a signal came, meant never to be seen outside. An open that is interrupted by its cancellation
// lets it slip out.
constexpr int32_t kFirstRestart = -512;
constexpr int32_t kLastRestart = -516;

// What a request that was cancelled, or interrupted, has to say for itself.
int32_t ShownResult(const InFlight& flight, int32_t result) {
  if (result <= kFirstRestart && result >= kLastRestart) result = -EINTR;
  if (!flight.cancelled || (result != -EINTR && result != -ECANCELED)) return result;
  return flight.overdue ? -ETIMEDOUT : -ECANCELED;
}

}  // namespace

// Returns whether there was anything to reap.
bool Engine::ReapCompletions() {
  const bool called = calls_.has_done() && ReapCalls();
  uint32_t count = 0;
  bool moved = false;
  for (abi::Cqe cqe; ring_.TakeCompletion(&cqe); count++) {
    if (count == 0) now_ns_ = MonotonicNs();
    switch (static_cast<Origin>(cqe.user_data >> 56)) {
      case Origin::kRequest:
        moved |= ReapRequest(cqe);
        break;
      case Origin::kCancel:
        CompleteCancel(cqe);  // the cancelled request has a completion of its own
        break;
      case Origin::kDoorbell:
        CompleteDoorbell(cqe);
        break;
      case Origin::kLeftBehind:
        services_[ClientOf(cqe.user_data)].left_behind--;
        left_behind_--;
        // The kernel had no worker for it, nor could it make one.
        if (cqe.result == -ECANCELED) UniqueFd(static_cast<int>(SlotOf(cqe.user_data))).Reset();
        break;
    }
  }
  const uint32_t polled = polled_.in_flight() > 0 ? ReapPolled() : 0;
  // What others post while the engine stops rings the doorbell: that brings nothing to its end.
  if (stopping_ && (moved || polled > 0)) last_progress_ = Clock::now();
  return called || count + polled > 0;
}

// Returns whether a request has come nearer to its end. A stream doesn't by its events, be they
// those of a poll that goes on or of one that is armed again.
bool Engine::ReapRequest(const abi::Cqe& cqe) {
  ClientService& service = services_[ClientOf(cqe.user_data)];
  const uint32_t slot = SlotOf(cqe.user_data);
  if ((cqe.flags & abi::kCqeMore) != 0) [[unlikely]] {
    TakeEvents(service, slot, cqe.result);
    return false;
  }
  InFlight& flight = service.in_flight[slot];
  const bool ends_by_itself = flight.ends_by_itself;
  if (ends_by_itself) IoEnds(service, &flight);
  Count(service.mailbox.counters[protocol::service_counter::kCompleted]);
  // Nobody has cancelled it, but the kernel: it had no worker thread for it, nor could it make one,
  // at the user's or container's limit of threads.
  const bool lacks_worker = ends_by_itself && cqe.result == -ECANCELED && !flight.cancelled;
  CompleteRequest(service, slot, lacks_worker ? -EAGAIN : cqe.result);
  return service.in_flight[slot].opcode != protocol::opcode::kPollEvents;
}

// What the call thread has done. The next one is read first: a request that has its reply may be
// asked for again.
bool Engine::ReapCalls() {
  now_ns_ = MonotonicNs();
  for (InFlight* done = calls_.TakeDone(); done != nullptr;) {
    InFlight& flight = *std::exchange(done, done->next_call);
    const uint64_t user_data = flight.submission.user_data;
    flight.by_call = false;
    by_call_count_--;
    CompleteRequest(services_[ClientOf(user_data)], SlotOf(user_data), flight.call_result);
  }
  if (stopping_) last_progress_ = Clock::now();
  return true;
}

void Engine::CompleteRequest(ClientService& service, uint32_t slot, int32_t result) {
  InFlight& flight = service.in_flight[slot];
  if (std::exchange(flight.siblings_told, false)) [[unlikely]]
    TellSiblingsAgain(flight);
  if (flight.chained && CompletesClosing(service, slot)) return;
  if (result == 0 || result == -ENXIO || flight.awaits_writer) {
    if (abi::Sqe next = {}; AwaitsPeer(&flight, &result, &next)) {
      next.user_data = flight.submission.user_data;
      Dispatch(next);
      return;
    }
  }
  result = WaitResult(flight.opcode, ShownResult(flight, result));
  if (const InFlight* next = offset_lines_.Leave(&flight, result)) Dispatch(next->submission);
  if (IsRecipe(flight.opcode)) {
    CompleteRecipe(service, slot, result);
    return;
  }
  if (flight.chained) {
    CompleteStep(service, slot, result, 0);
    return;
  }
  if (flight.opens() && result >= 0) {
    const bool kept = (flight.flags & protocol::open_flag::kKept) != 0;
    if (kept) {
      service.kept_fds.push_back(result);
    } else {
      service.handed.Put(slot, result);
    }
  } else if (flight.opcode == protocol::opcode::kPipe && result >= 0) {
    std::memcpy(service.mailbox.Result(slot), flight.pipe_ends, sizeof(flight.pipe_ends));
    service.handed.Put(slot, flight.pipe_ends[0], flight.pipe_ends[1]);
  } else if (flight.opcode == protocol::opcode::kClose) {
    std::erase(service.kept_fds, flight.fd);
  } else if (flight.opcode == protocol::opcode::kPollEvents &&
             StreamGoesOn(service, slot, &result)) {
    return;
  }
  ReplyTo(service, slot, result, 0);
}

void Engine::CompleteRecipe(ClientService& service, uint32_t slot, int32_t result) {
  InFlight& flight = service.in_flight[slot];
  const int32_t fd = flight.fd;
  if (AdvanceRecipe(&flight, result) == Progress::kNextStep) {
    flight.submission = {};
    PrepareRecipeStep(flight, &flight.submission);
    flight.submission.user_data = UserData(Origin::kRequest, service.index, slot);
    Dispatch(flight.submission);
    return;
  }
  const RecipeOutcome outcome = OutcomeOf(flight);
  std::erase(service.kept_fds, fd);
  if ((outcome.note & note::kKeepsFd) != 0) {
    service.kept_fds.push_back(flight.fd);
    std::memcpy(service.mailbox.Result(slot), &flight.fd, sizeof(flight.fd));
  }
  Finish(service, slot, ShownResult(flight, outcome.result), outcome.note);
}

// What a request came to: told now, or when its chain is over.
void Engine::Finish(ClientService& service, uint32_t slot, int32_t result, uint32_t reply_note) {
  if (service.in_flight[slot].chained) {
    CompleteStep(service, slot, result, reply_note);
  } else {
    ReplyTo(service, slot, result, reply_note);
  }
}

// The last step of every request: its reply, and its memory is no longer ours. TakeFrom made sure
// of the room.
void Engine::ReplyTo(ClientService& service, uint32_t slot, int32_t result, uint32_t reply_note) {
  InFlight& flight = service.in_flight[slot];
  if (result == -EACCES && !Allows(flight.opcode)) reply_note |= note::kNotAllowed;
  if (flight.unpollable && result == -EOPNOTSUPP) reply_note |= note::kNotPolled;
  service.regions->Spend(slot);
  service.replies.Push({slot, flight.generation, result, reply_note});
  flight.opcode = InFlight::kIdle;
  if (flight.timed) deadlines_.Done();
  if (!held_closes_.empty()) [[unlikely]]
    NoteForHeldCloses(flight);
  descriptor_users_.Remove(&flight.used);
  descriptor_users_.Remove(&flight.input);
  service.in_flight_count--;
  in_flight_count_--;
  CountReply(service, flight.taken_ns);
}

void Engine::CountReply(const ClientService& service, uint64_t taken_ns) const {
  uint64_t* counters = service.mailbox.counters;
  Count(counters[protocol::service_counter::kReplied]);
  CountInto(counters + protocol::service_counter::kLatencies, protocol::kLatencyBuckets,
            now_ns_ - taken_ns);
}

void Engine::CompleteDoorbell(const abi::Cqe& cqe) {
  if (cqe.result == -EINVAL && doorbell_poll_stays_) {
    doorbell_poll_stays_ = false;  // before Linux 5.13
    ListenForDoorbell();
    return;
  }
  if (cqe.result < 0) {
    // No memory, or somebody has cancelled it: not armed again at once, as it may fail at once.
    deaf_since_ns_ = now_ns_;
    return;
  }
  Count(memory_.counter(counter::kDoorbells));
  if ((cqe.flags & abi::kCqeMore) != 0) return;
  // The poll answered for the last time. It would answer at once again while the doorbell is
  // readable.
  uint64_t rings = 0;
  [[maybe_unused]] const ssize_t emptied = ::read(roster_->doorbell(), &rings, sizeof(rings));
  ListenForDoorbell();
}

}  // namespace ringpost
