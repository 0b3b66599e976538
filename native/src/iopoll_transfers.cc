// The engine's second ring, engine thread: transfers of files and disks that are open with
// O_DIRECT, whose completions nobody is interrupted for.
//
// As long as some are in flight, the engine asks for them round after round, looks at everything
// else without blocking, and isn't parked: a publish costs no doorbell. With none in flight it
// sleeps as ever.
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>

#include "engine.h"
#include "registered_memory.h"

namespace ringpost {

namespace counter = protocol::engine_counter;

int Engine::OpenPolledRing(const RingOptions& main) {
  if (!options_.polled.enabled) return 0;
  const uint32_t most_in_flight = memory_.max_clients() * memory_.slot_count();
  return polled_.Open(main, options_.polled, most_in_flight);
}

// Returns whether the submission has gone to the polled ring.
bool Engine::SubmitPolled(const abi::Sqe& sqe) {
  if (!polled_.Take(sqe)) return false;
  FlightOf(sqe.user_data).polled = true;
  Count(memory_.counter(counter::kPolled));
  return true;
}

// Returns how many were complete.
uint32_t Engine::ReapPolled() {
  uint32_t count = 0;
  for (abi::Cqe cqe; polled_.TakeCompletion(&cqe); count++) {
    if (count == 0) now_ns_ = MonotonicNs();
    CompletePolled(cqe);
  }
  return count;
}

void Engine::CompletePolled(const abi::Cqe& cqe) {
  InFlight& flight = FlightOf(cqe.user_data);
  const abi::Sqe& sqe = flight.submission;
  flight.polled = false;
  int32_t result = cqe.result;
  // What the poll queues have no room for now, or can't carry in one piece, goes by interrupt.
  if (result == -EAGAIN && (sqe.op_flags & RWF_NOWAIT) == 0) {
    if (!flight.cancelled) {
      held_closes_due_ = true;
      return ToMainRing(sqe);
    }
    result = -ECANCELED;
  }
  // With flags, it may be those that the file doesn't know.
  flight.unpollable = result == -EOPNOTSUPP && sqe.op_flags == 0;
  ClientService& service = services_[ClientOf(cqe.user_data)];
  Count(service.mailbox.counters[protocol::service_counter::kCompleted]);
  CompleteRequest(service, SlotOf(cqe.user_data), result);
}

// Leases work without them, as plain page-aligned memory.
void Engine::RegisterBufferTables() {
  const uint32_t slabs = std::min(memory_.max_clients() * protocol::kMaxSlabs, abi::kMaxBuffers);
  if (ring_.RegisterBufferTable(slabs) < 0) return;
  if (polled_.is_open() && polled_.RegisterBufferTable(slabs) < 0) return;
  buffer_table_size_ = slabs;
  roster_->SetSlabPlaces(slabs);
}

// In the tables of all rings or of none, as whoever fills a submission doesn't know where it goes.
int Engine::UpdateBuffer(uint32_t index, const Span& memory) {
  if (const int updated = ring_.UpdateBuffer(index, memory.base, memory.length); updated < 0) {
    return updated;
  }
  if (polled_.is_open()) {
    const int updated = polled_.UpdateBuffer(index, memory.base, memory.length);
    if (updated < 0) {
      (void)ring_.UpdateBuffer(index, nullptr, 0);
      return updated;
    }
  }
  registered_memory::Set(this, index, memory);
  return 0;
}

}  // namespace ringpost
