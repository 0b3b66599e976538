// Stage 8 of 9, engine thread: hands the replies over, and notifies the clients that sleep.
#include <utility>

#include "engine.h"
#include "handoff.h"

namespace ringpost {

namespace counter = protocol::engine_counter;

// Once per client and round, however many replies there are. All have theirs before the first one
// is notified, which takes a system call.
void Engine::PublishReplies() {
  for (size_t nth = 0; nth < active_.size(); nth++) {
    ClientService& service = services_[active_[nth]];
    if (!service.replies.Publish()) continue;
    if (!service.closing && ClaimWake(*service.mailbox.parked)) to_notify_.push_back(service.index);
  }
  for (const uint32_t client : to_notify_) {
    const ClientService& service = services_[client];
    Count(memory_.counter(counter::kNotifies));
    Count(service.mailbox.counters[protocol::service_counter::kNotifies]);
    if (service.waker != nullptr) service.waker->Wake();
  }
  to_notify_.clear();
  for (size_t nth = active_.size(); nth-- > 0;) {
    ClientService& service = services_[active_[nth]];
    if (service.in_flight_count > 0) continue;
    if (std::exchange(service.broken, false)) roster_->Orphan(service.index);
    if (service.closing) FinishClosing(service);
  }
}

}  // namespace ringpost
