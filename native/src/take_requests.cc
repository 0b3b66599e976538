// Stage 3 of 9, engine thread: takes requests out of the clients' mailboxes, round-robin.
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "engine.h"
#include "memory_advice.h"
#include "prepare_submission.h"
#include "prepare_waits.h"
#include "recipes.h"
#include "registered_memory.h"

namespace ringpost {

namespace counter = protocol::engine_counter;

namespace {

namespace opcode = protocol::opcode;

// Requests taken from one client of weight 1 before the next one has its turn.
constexpr uint32_t kQuantum = 32;

// Requests that are taken at a time where they complete at once; and beside a client that has few.
constexpr uint32_t kPiece = 8;
constexpr uint32_t kPieceBesideFew = 2;

// With so many at a time a client has few: each is waited for.
constexpr uint32_t kFew = 4;

// How long a client that has posted something is reckoned with; and one that has few.
constexpr uint64_t kCompanyNs = 100'000'000;
constexpr uint64_t kBesideFewNs = 1'000'000;

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

// Returns whether there was anything to take. With one client, what the submission queue has room
// for; with several, a round: what the others post meanwhile has its turn in the next one, and
// their replies go out in between.
bool Engine::TakeRequests() {
  const uint32_t quantum = Quantum();
  bool took_any = false;
  while (ring_.Room() > 0 && TakeRound(quantum)) {
    took_any = true;
    if (quantum < kQuantum || stopping_ || in_company()) break;
  }
  return took_any;
}

// With nothing in the kernel, what was taken before has completed at once, as from the page cache.
// So a client on another CPU can settle the replies of one piece while we work on the next. And who
// waits for each of its requests waits for the others' pieces, too.
uint32_t Engine::Quantum() const {
  if (has_io()) return kQuantum;
  if (in_company() && now_ns_ - few_ns_ < kBesideFewNs) return kPieceBesideFew;
  return waiting_.together() ? kQuantum : kPiece;
}

bool Engine::in_company() const { return now_ns_ - company_ns_ < kCompanyNs; }

// Every client has its turn. One that the full submission queue cuts short goes on in the next
// round.
bool Engine::TakeRound(uint32_t quantum) {
  bool took_any = false;
  for (size_t nth = 0; nth < active_.size() && ring_.Room() > 0; nth++) {
    ClientService& service = services_[active_[turn_ % active_.size()]];
    if (turn_left_ == 0) turn_left_ = quantum * service.weight;
    const uint32_t took = TakeTurn(service);
    took_any |= took > 0;
    turn_left_ -= took;
    if (turn_left_ > 0 && took > 0 && ring_.Room() == 0) break;
    turn_left_ = 0;
    turn_++;
  }
  return took_any;
}

uint32_t Engine::TakeTurn(ClientService& service) {
  if (!service.serving) return 0;
  const uint32_t took = TakeFrom(service, std::min(turn_left_, ring_.Room()));
  if (took == 0) return 0;
  const uint32_t before = std::exchange(latest_client_, service.index);
  if (before != service.index && before != UINT32_MAX) company_ns_ = now_ns_;
  return took;
}

// Takes at most so many requests of one client. Returns how many.
uint32_t Engine::TakeFrom(ClientService& service, uint32_t most) {
  const uint32_t available = service.requests.Available();
  if (available == 0) return 0;
  now_ns_ = MonotonicNs();
  // A client never has more with us than it has credits: those in its request ring, in flight, and
  // in its reply ring; but for the events of streams. So there is room for every reply, and whoever
  // claims more has lost its indexes.
  const uint64_t with_us = uint64_t{service.in_flight_count} + service.replies.Unread();
  if (available > memory_.slot_count() * protocol::kEntriesPerSlot ||
      with_us > service.most_replies) {
    BreakOff(service);
    return 0;
  }
  if (available + with_us > kFew) {
    service.many_ns = now_ns_;
  } else if (now_ns_ - service.many_ns > kCompanyNs) {
    few_ns_ = now_ns_;
  }
  const auto places_left = static_cast<uint32_t>(service.most_replies - with_us);
  const uint32_t count = std::min(available, most);
  uint32_t accepted = 0;
  uint32_t given = 0;  // events of streams
  for (uint32_t taken = 0; taken < count && service.serving;) {
    Request request = service.requests.Take();
    taken++;
    if (request.opcode == opcode::kCancel) {
      Cancel(service, request);
    } else if (request.opcode == opcode::kNextEvents) {
      if (AskForEvents(service, request)) given++;
    } else if (accepted + given >= places_left) {
      BreakOff(service);
    } else if (stopping_) {
      accepted++;
      TellThatStopping(service, request);
    } else if ((request.opcode & kChainFlags) != 0) {
      // All of it, even where that is more than a turn's worth.
      const uint32_t more =
          AcceptChain(service, request, available - taken, places_left - accepted - given);
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
  flight.timed = (request.opcode & protocol::opcode_flag::kDeadline) != 0;
  request.opcode &= ~protocol::opcode_flag::kDeadline;
  flight.opcode = request.opcode;
  flight.generation = request.generation;
  flight.taken_ns = now_ns_;
  flight.cancelled = false;
  flight.overdue = false;
  flight.polled = false;
  flight.unpollable = false;
  flight.awaits_writer = false;
  flight.in_line = false;
  flight.chained = false;
  flight.held = false;
  flight.outlived = false;
  flight.siblings_told = false;
  flight.stage = protocol::stage::kWhole;
  flight.done = 0;
  flight.counted_fd = -1;
  flight.counted_input = -1;
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
// to end: a close, and the further requests of a whole file.
bool Engine::IsTooLate(const ClientService& service, const Request& request) const {
  if (request.opcode == opcode::kClose || IsRecipe(request.opcode)) return false;
  return service.mailbox.Deadline(request.slot) <= now_ns_;
}

// Hands a prepared request to the kernel, when its turn on its descriptor has come.
void Engine::StartRequest(ClientService& service, uint32_t slot) {
  InFlight& flight = service.in_flight[slot];
  flight.nth_start = ++start_count_;
  if (flight.opcode == opcode::kClose) {
    flight.siblings_told = CancelUsersOf(flight.fd);
  } else {
    flight.counted_fd = DescriptorOf(flight.submission);
    if (flight.counted_fd >= 0) descriptor_users_.Add(flight.counted_fd);
    CountInput(&flight);
  }
  if (flight.outlived) [[unlikely]]
    to_end_.push_back(flight.submission.user_data);
  if (offset_lines_.Enter(&flight)) Submit(flight.submission);
}

void Engine::CountInput(InFlight* flight) {
  flight->counted_input = InputOf(flight->submission);
  if (flight->counted_input >= 0) descriptor_users_.Add(flight->counted_input);
}

// A submission for a request; to the call thread where the ring lacks the operation.
void Engine::Submit(const abi::Sqe& sqe) {
  if (!ring_.Takes(sqe) && HasPlainCall(sqe.opcode)) [[unlikely]] {
    if (!calls_.started()) calls_.UseCpus(waiting_.Cpus());
    calls_.Add(&services_[ClientOf(sqe.user_data)].in_flight[SlotOf(sqe.user_data)]);
    by_call_count_++;
    Count(memory_.counter(protocol::engine_counter::kPlainCalls));
    return;
  }
  uint64_t* counters = services_[ClientOf(sqe.user_data)].mailbox.counters;
  Count(counters[protocol::service_counter::kSubmitted]);
  if (HoldsClose(sqe) || (polled_.is_open() && SubmitPolled(sqe))) return;
  Enqueue(sqe);
  // What the kernel itself moves to its worker threads it tells nobody.
  if ((sqe.flags & abi::kSqeAsync) != 0) Count(counters[protocol::service_counter::kPunts]);
}

// A submission for a request, to the main ring.
void Engine::Enqueue(const abi::Sqe& sqe) {
  if (!WaitsWithoutIo(FlightOf(sqe.user_data).opcode)) io_count_++;
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
