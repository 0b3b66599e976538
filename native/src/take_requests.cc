// Stage 3 of 9, engine thread: takes requests out of the mailbox of a client that has its turn
// (turns.cc), and hands them to the kernel.
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "engine.h"
#include "memory_advice.h"
#include "prepare_submission.h"
#include "prepare_waits.h"
#include "registered_memory.h"
#include "transfer.h"

namespace ringpost {

namespace counter = protocol::engine_counter;

namespace {

namespace opcode = protocol::opcode;

constexpr uint32_t kChainFlags = protocol::opcode_flag::kLink | protocol::opcode_flag::kHardLink |
                                 protocol::opcode_flag::kDrain | protocol::opcode_flag::kFdOfStep |
                                 protocol::opcode_flag::kSecondFdOfStep |
                                 protocol::opcode_flag::kChain;

// The kernel takes submissions as long as it has memory for them; after so many refusals in a row
// something is wrong that waiting doesn't mend.
constexpr int kMostSubmitRetries = 1'000'000;

[[noreturn]] void Die(const char* what, int error) {
  std::fprintf(stderr, "ringpost: %s (errno %d)\n", what, -error);
  std::abort();
}

// Whether it would take pages away that a ring has registered, be it another engine's: that ring
// would go on reading into them, while the program has new ones in their place.
bool TakesRegisteredAway(const abi::Sqe& sqe) {
  return sqe.opcode == abi::kOpMadvise && LosesContent(sqe.op_flags) &&
         registered_memory::Overlaps(reinterpret_cast<const uint8_t*>(sqe.address), sqe.length);
}

}  // namespace

// Takes at most so many requests of one client. Returns how many.
uint32_t Engine::TakeFrom(ClientService& service, uint32_t most) {
  const uint32_t available = service.requests.Available();
  if (available == 0) return 0;
  now_ns_ = MonotonicNs();
  // A client never has more with us than it has credits: those in its request ring, in flight, and
  // in its reply ring; but for the events of streams, which have places of their own there. So
  // there is room for every reply, and whoever claims more has lost its indexes.
  const uint64_t with_us = uint64_t{service.in_flight_count} + service.replies.Unread();
  if (available > memory_.slot_count() * protocol::kEntriesPerSlot ||
      with_us > service.most_replies) {
    BreakOff(service);
    return 0;
  }
  NoteWhetherFew(service, available + with_us);
  const auto places_left = static_cast<uint32_t>(service.most_replies - with_us);
  const uint32_t credits_left = service.credits - service.in_flight_count;
  const uint32_t count = std::min(available, most);
  uint32_t accepted = 0;
  uint32_t given = 0;  // events of streams
  for (uint32_t taken = 0; taken < count && service.serving;) {
    Request request = service.requests.Take();
    taken++;
    const uint32_t most_accepted = std::min(places_left - given, credits_left);
    if (request.opcode == opcode::kCancel) {
      Cancel(service, request);
    } else if (request.opcode == opcode::kNextEvents) {
      if (AskForEvents(service, request)) given++;
    } else if (accepted >= most_accepted) {
      BreakOff(service);
    } else if (RefusesAtStop(request)) {
      accepted++;
      TellThatStopping(service, request);
    } else if ((request.opcode & kChainFlags) != 0) {
      // All of it, even where that is more than a turn's worth.
      const uint32_t more =
          AcceptChain(service, request, available - taken, most_accepted - accepted);
      taken += more;
      accepted += more + 1;
    } else {
      accepted++;
      Accept(service, request);
    }
  }
  service.requests.Release();
  waiting_.Took(service.index, accepted);
  Count(service.mailbox.counters[protocol::service_counter::kTaken], accepted);
  return count;
}

void Engine::Accept(ClientService& service, Request& request) {
  if (!IsFreeSlot(service, request.slot)) {
    RefuseEntry(service, request, -EINVAL, 0);
    return;
  }
  const int refused = Admit(service, request);
  if (refused < 0) {
    ReplyTo(service, request.slot, refused, 0);
  } else if (request.opcode == opcode::kRegisterSlab) {
    const int32_t registered = RegisterSlab(service, request);
    Count(memory_.counter(registered < 0 ? counter::kSlabsRefused : counter::kSlabsRegistered));
    ReplyTo(service, request.slot, registered, 0);
  } else if (service.draining) {
    StartInOrder(service, request.slot);
  } else {
    StartRequest(service, request.slot);
  }
}

// While stopping: all but what goes on with something begun, as long as that has its grace.
bool Engine::RefusesAtStop(const Request& request) const {
  if (!stopping_) return false;
  return stop_cancelled_ || (request.opcode & protocol::opcode_flag::kContinues) == 0;
}

bool Engine::IsFreeSlot(const ClientService& service, uint32_t slot) const {
  return slot < memory_.slot_count() && service.in_flight[slot].idle();
}

// An entry that is no request, or isn't taken.
void Engine::RefuseEntry(ClientService& service, const Request& request, int32_t result,
                         uint32_t reply_note) {
  Count(service.mailbox.counters[protocol::service_counter::kRefused]);
  service.replies.Push({request.slot, request.generation, result, reply_note});
  CountReply(service, now_ns_);
}

// The engine stops, and takes no more requests. Their clients are told at once: what is still in
// flight may take as long as it moves. Each step of a chain is one.
void Engine::TellThatStopping(ClientService& service, const Request& request) {
  if (!IsFreeSlot(service, request.slot)) return RefuseEntry(service, request, -EINVAL, 0);
  service.handed.Forget(request.slot);
  service.regions->Spend(request.slot);
  RefuseEntry(service, request, -ESHUTDOWN, protocol::reply_note::kStopping);
}

// From here on the request is in flight, and its reply due. Returns 0, or -errno where it is not to
// go to the kernel.
int Engine::Admit(ClientService& service, Request& request) {
  InFlight& flight = service.in_flight[request.slot];
  flight.BeginAnew();
  flight.timed = (request.opcode & protocol::opcode_flag::kDeadline) != 0;
  request.opcode &= ~(protocol::opcode_flag::kDeadline | protocol::opcode_flag::kContinues);
  flight.opcode = request.opcode;
  flight.generation = request.generation;
  flight.taken_ns = now_ns_;
  flight.nth_taken = ++take_count_;
  service.handed.Forget(request.slot);
  service.in_flight_count++;
  in_flight_count_++;
  if (flight.timed) SetDeadline(service, request.slot);
  if (request.opcode == opcode::kRegisterSlab) return 0;
  if (!Allows(flight.opcode)) return -EACCES;
  flight.submission = {};
  if (const int refused = PrepareSubmission(request, service.mailbox, *service.regions, &flight,
                                            &flight.submission);
      refused < 0) {
    Count(service.mailbox.counters[protocol::service_counter::kRefused]);
    return refused;
  }
  if (!HasPlace(flight.submission.opcode)) return -ENOSYS;
  if (TakesRegisteredAway(flight.submission)) return -EBUSY;
  if (flight.timed && IsTooLate(service, request)) return -ETIMEDOUT;
  if (request.opcode == opcode::kPollEvents) [[unlikely]]
    BeginStream(service, request.slot);
  flight.submission.user_data = UserData(Origin::kRequest, service.index, request.slot);
  return 0;
}

// Whether its time was over before it came: nothing is begun then. But what a call has begun it is
// to end: a close, and the rest of a whole file, whose request closes it.
bool Engine::IsTooLate(const ClientService& service, const Request& request) const {
  if (request.opcode == opcode::kClose || request.opcode == opcode::kReadRest) return false;
  return service.mailbox.Deadline(request.slot) <= now_ns_;
}

// Hands a prepared request to the kernel, when its turn on its descriptor has come.
void Engine::StartRequest(ClientService& service, uint32_t slot) {
  InFlight& flight = service.in_flight[slot];
  if (flight.opcode == opcode::kClose) {
    flight.siblings_told = MakeWayForClose(flight.fd);
    if (!HoldsClose(flight)) StartClose(flight);
    return;
  }
  CountUsed(&flight);
  if (flight.doomed) [[unlikely]]
    begun_doomed_.push_back(flight.submission.user_data);
  if (offset_lines_.Enter(&flight)) Dispatch(flight.submission);
}

// Once, of a step of a chain as it is admitted: from then on it is to use its descriptors.
void Engine::CountUsed(InFlight* flight) {
  const int32_t fd = DescriptorOf(flight->submission);
  if (flight->used.fd < 0 && fd >= 0) descriptor_users_.Add(&flight->used, fd, flight);
  CountInput(flight);
}

void Engine::CountInput(InFlight* flight) {
  const int32_t fd = InputOf(flight->submission);
  if (flight->input.fd < 0 && fd >= 0) descriptor_users_.Add(&flight->input, fd, flight);
}

// Whether the ring is not to have it: it lacks the operation, or would wait for the file's server.
bool Engine::IsForCall(const abi::Sqe& sqe) {
  if (!ring_.Takes(sqe) && HasPlainCall(sqe.opcode)) return true;
  const bool is_descriptor = (sqe.flags & abi::kSqeFixedFile) == 0;
  return TransfersAtPosition(sqe) && is_descriptor && served_files_.Has(sqe.fd, now_ns_);
}

// A submission for a request; to the call thread where it isn't for the ring.
void Engine::Dispatch(const abi::Sqe& sqe) {
  if (IsForCall(sqe)) [[unlikely]] {
    if (!calls_.started()) calls_.UseCpus(waiting_.Cpus());
    calls_.Add(&services_[ClientOf(sqe.user_data)].in_flight[SlotOf(sqe.user_data)]);
    by_call_count_++;
    Count(memory_.counter(protocol::engine_counter::kPlainCalls));
    return;
  }
  if (OpensServed(sqe)) [[unlikely]] {
    abi::Sqe by_worker = sqe;
    by_worker.flags |= abi::kSqeAsync;
    return Dispatch(by_worker);
  }
  uint64_t* counters = services_[ClientOf(sqe.user_data)].mailbox.counters;
  Count(counters[protocol::service_counter::kSubmitted]);
  if (polled_.is_open() && SubmitPolled(sqe)) return;
  ToMainRing(sqe);
  // What the kernel itself moves to its worker threads it tells nobody.
  if ((sqe.flags & abi::kSqeAsync) != 0) Count(counters[protocol::service_counter::kPunts]);
}

// Whether the kernel would ask a file's server right away, and so hold up this thread.
bool Engine::OpensServed(const abi::Sqe& sqe) {
  if (!Opens(sqe) || (sqe.flags & abi::kSqeAsync) != 0) return false;
  const bool has_how = sqe.opcode == abi::kOpOpenat2;
  const CachedPath path = {
      .folder = sqe.fd,
      .name = reinterpret_cast<const char*>(sqe.address),
      .resolve = has_how ? reinterpret_cast<const abi::OpenHow*>(sqe.offset)->resolve : 0};
  return served_files_.HasCached(path, now_ns_);
}

// A submission for a request, to the main ring.
void Engine::ToMainRing(const abi::Sqe& sqe) {
  InFlight& flight = FlightOf(sqe.user_data);
  if (sqe.opcode == abi::kOpClose && sqe.file_index == 0) LetGoOf(sqe.fd);
  if (EndsByItself(flight.opcode, sqe)) IoBegins(sqe);
  Push(sqe);
}

// Queues a submission; submits what is pending first where there is no room.
void Engine::Push(const abi::Sqe& sqe) {
  for (int tries = 0; ring_.Room() == 0; tries++) {
    const int submitted = ring_.MakeRoom();
    if (tries == kMostSubmitRetries) Die("the kernel takes no submissions", submitted);
  }
  ring_.Push(sqe);
}

// Registers a slab with the ring, so that requests in it spare the kernel the mapping of pages. A
// refusal (locked-memory limit) is no error of anybody's: the slab stays usable as plain memory.
int32_t Engine::RegisterSlab(ClientService& service, const Request& request) {
  Span slab;
  const int found = service.regions->FindSlab(request.region, request.region_generation, 0,
                                              request.length, &slab);
  if (found < 0) return found;
  const uint32_t index = service.index * protocol::kMaxSlabs + request.region;
  if (index >= buffer_table_size_) return -EOPNOTSUPP;
  if (const int updated = UpdateBuffer(index, slab); updated < 0) return updated;
  service.regions->SetRegistered(request.region, static_cast<uint16_t>(index));
  return 0;
}

// The client's memory says what can't be: it gets no more service. What it has in flight is
// cancelled; only when the kernel has let go of it all (PublishReplies) is the client told, since
// it then lets go of its buffers.
void Engine::BreakOff(ClientService& service) {
  service.serving = false;
  service.broken = true;
  CancelInFlight(service);
}

}  // namespace ringpost
