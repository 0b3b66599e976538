// Whose turn it is to be taken from, and how much at a time. Engine thread.
//
// One client alone is served in the largest batches that there is room for: they cost the fewest
// system calls. With several each has its turn before the next round. And beside a client that has
// few requests, each of which it waits for, the others are served in small pieces, and have few
// transfers with a device at a time: whatever is taken of them is what that one has to wait for.
#include <algorithm>
#include <utility>

#include "engine.h"
#include "file_types.h"
#include "transfer.h"

namespace ringpost {

namespace {

// Requests taken from one client of weight 1 before the next one has its turn.
constexpr uint32_t kQuantum = 32;

// Requests that are taken at a time where they complete at once; and beside a client that has few.
constexpr uint32_t kPiece = 8;
constexpr uint32_t kPieceBesideFew = 2;

// Submissions that the kernel gets at a time where it doesn't complete them at once. What it gets
// together a virtual disk takes for one piece of work, and reports when all of it is done: then the
// first wait for the last, and disk, engine and client for each other. Fewer at a time cost more
// system calls than they gain (docs/measurements.md, "How much to hand over at a time").
constexpr uint32_t kPieceForDevice = 4;

// For so long after that it is reckoned with.
constexpr uint64_t kDeviceLoadNs = 1'000'000;

// Transfers that a client of weight 1 has with a device at a time, beside one that has few.
constexpr uint32_t kMostBesideFew = 8;

// With so many at a time a client has few: each is waited for.
constexpr uint32_t kFew = 4;

// How long a client that has posted something is reckoned with; and one that has few.
constexpr uint64_t kCompanyNs = 100'000'000;
constexpr uint64_t kBesideFewNs = 1'000'000;

// A transfer that took so long was with a device.
constexpr uint64_t kDeviceNs = 20'000;

// What has been with the kernel for so long is asked what it works on. An open, or what works on a
// file in the ring's own table, can't be asked: it is given longer.
constexpr uint64_t kLongNs = 100'000'000;
constexpr uint64_t kLongUnaskedNs = 1'000'000'000;

// When none of its transfers has ended for so long, they may be waiting for what is to come yet.
constexpr uint64_t kStillNs = 20'000'000;

}  // namespace

// Returns whether there was anything to take. With one client, what the submission queue has room
// for, or as many entries that need none; with several, a round: what the others post meanwhile has
// its turn in the next one, and their replies go out in between.
bool Engine::TakeRequests() {
  const uint32_t quantum = Quantum();
  uint32_t took = 0;
  while (ring_.Room() > 0 && took < ring_.report().entries) {
    const uint32_t of_round = TakeRound(quantum);
    took += of_round;
    if (of_round == 0 || quantum < kQuantum || stopping_ || in_company()) break;
  }
  return took > 0;
}

// With nothing in the kernel, what was taken before has completed at once, as from the page cache.
// So a client on another CPU can settle the replies of one piece while we work on the next.
uint32_t Engine::Quantum() const {
  if (has_io()) return kQuantum;
  if (in_company() && now_ns_ - few_ns_ < kBesideFewNs) return kPieceBesideFew;
  return waiting_.together() ? kQuantum : kPiece;
}

uint32_t Engine::PieceForKernel() const {
  return now_ns_ - waited_ns_ < kDeviceLoadNs ? kPieceForDevice : UINT32_MAX;
}

bool Engine::in_company() const { return now_ns_ - company_ns_ < kCompanyNs; }

// The client has so many with us, and they were looked at just now.
void Engine::NoteWhetherFew(ClientService& service, uint64_t requests) {
  if (requests > kFew) service.many_ns = now_ns_;
  service.has_few = now_ns_ - service.many_ns > kCompanyNs;
  if (service.has_few) few_ns_ = now_ns_;
}

// Something goes to the kernel that ends by itself.
void Engine::IoBegins(const abi::Sqe& sqe) {
  InFlight& flight = FlightOf(sqe.user_data);
  flight.ends_by_itself = true;
  flight.began_ns = now_ns_;
  io_count_++;
  if (TransfersAtPosition(sqe)) TransferBegins(services_[ClientOf(sqe.user_data)], &flight);
}

void Engine::IoEnds(ClientService& service, InFlight* flight) {
  flight->ends_by_itself = false;
  io_count_--;
  if (flight->transfers) TransferEnds(service, flight);
}

void Engine::TransferBegins(ClientService& service, InFlight* flight) {
  flight->transfers = true;
  flight->of_few = service.has_few;
  if (service.transfers++ == 0) service.transferred_ns = now_ns_;
  if (flight->of_few) few_transfers_++;
}

void Engine::TransferEnds(ClientService& service, InFlight* flight) {
  flight->transfers = false;
  service.transfers--;
  service.transferred_ns = now_ns_;
  if (!flight->of_few) return;
  few_transfers_--;
  if (now_ns_ - flight->taken_ns > kDeviceNs) few_transferred_ns_ = now_ns_;
}

// Not all ends by itself that looks so (prepare_waits.h): a read at a position may be of a pipe, as
// that of a whole file is, and an open may wait for a FIFO's other end. To ask each what it works
// on would cost too much: those that take long are asked, and count no more.
void Engine::LeaveOutWaits() {
  if (now_ns_ - asked_long_ns_ < kLongNs) return;
  asked_long_ns_ = now_ns_;
  for (const uint32_t client : active_) {
    ClientService& service = services_[client];
    for (uint32_t slot = 0; service.in_flight_count > 0 && slot < memory_.slot_count(); slot++) {
      InFlight& flight = service.in_flight[slot];
      if (!flight.ends_by_itself) continue;
      const abi::Sqe& sqe = flight.submission;
      const bool can_be_asked = !Opens(sqe) && (sqe.flags & abi::kSqeFixedFile) == 0;
      if (now_ns_ - flight.began_ns < (can_be_asked ? kLongNs : kLongUnaskedNs)) continue;
      if (can_be_asked && !MayWait(sqe)) continue;
      IoEnds(service, &flight);
    }
  }
}

// Whether a client that has few is with a device, or just was and is likely to be there again.
bool Engine::IsDeviceOfFew() const {
  return in_company() && (few_transfers_ > 0 || now_ns_ - few_transferred_ns_ < kBesideFewNs);
}

// Every client has its turn. One that the full submission queue cuts short goes on in the next
// round. Returns how many entries were taken.
uint32_t Engine::TakeRound(uint32_t quantum) {
  uint32_t of_all = 0;
  for (size_t nth = 0; nth < active_.size() && ring_.Room() > 0; nth++) {
    ClientService& service = services_[active_[turn_ % active_.size()]];
    if (turn_left_ == 0) turn_left_ = quantum * service.weight;
    const uint32_t took = TakeTurn(service);
    of_all += took;
    turn_left_ -= took;
    if (turn_left_ > 0 && took > 0 && ring_.Room() == 0) break;
    turn_left_ = 0;
    turn_++;
  }
  return of_all;
}

uint32_t Engine::TakeTurn(ClientService& service) {
  if (!service.serving) return 0;
  const uint32_t took = TakeFrom(service, std::min({turn_left_, ring_.Room(), Allowance(service)}));
  if (took == 0) return 0;
  const uint32_t before = std::exchange(latest_client_, service.index);
  if (before != service.index && before != UINT32_MAX) company_ns_ = now_ns_;
  return took;
}

// How many requests may be taken of the client now, for the sake of one that has few. Where none of
// its transfers ends, what is to be taken next may be what they wait for.
uint32_t Engine::Allowance(const ClientService& service) const {
  if (stopping_ || !IsDeviceOfFew()) return UINT32_MAX;
  const uint32_t most = kMostBesideFew * service.weight;
  if (service.transfers < most) return most - service.transfers;
  return MonotonicNs() - service.transferred_ns < kStillNs ? 0 : UINT32_MAX;
}

bool Engine::IsHeldBack(const ClientService& service) const { return Allowance(service) == 0; }

// Whether something isn't taken for another one's sake, as is known of what is there now: it was
// looked at just before. Not asked again, as the answer may be another one by now.
bool Engine::HoldsBack() const {
  return std::any_of(active_.begin(), active_.end(), [this](uint32_t client) {
    return services_[client].serving && services_[client].requests.Available() > 0;
  });
}

}  // namespace ringpost
