// Drains, engine thread: a chain that is to run when all that its client has posted before is done.
// Until it is over, what the client posts behind it waits here, in order, without being handed to
// the kernel. IOSQE_IO_DRAIN would hold up the requests of all clients, and wait for the doorbell's
// poll, which never ends.
#include <algorithm>
#include <cerrno>

#include "engine.h"

namespace ringpost {

// Starts a request, or the chain that it is the first step of, unless it has to wait for a drain.
void Engine::StartInOrder(ClientService& service, uint32_t slot) {
  const bool drains = service.in_flight[slot].chained && service.chain_steps[slot].drains;
  if (!drains && !service.draining) {
    StartNow(service, slot);
    return;
  }
  if (!service.draining) draining_count_++;
  service.draining = true;
  InFlight& flight = service.in_flight[slot];
  flight.held = true;
  if (!flight.chained && flight.opcode != protocol::opcode::kClose) CountUsed(&flight);
  service.held.push_back(slot);
  service.held_count += CountOf(service, slot);
  StartHeld(service);
  if (flight.held) EndUsersOfHeldCloses(service, slot);
}

// A close that waits for a drain, be it a step of a chain, ends what waits on its descriptor now:
// the drain would wait for that, and perhaps for ever. But not the steps of its own chain, which
// are to be done before it; and a chain that drains has been told to wait for what came before.
void Engine::EndUsersOfHeldCloses(ClientService& service, uint32_t head) {
  if (service.in_flight[head].chained && service.chain_steps[head].drains) return;
  for (uint32_t slot = head; slot != ChainStep::kNone; slot = NextOf(service, slot)) {
    const InFlight& flight = service.in_flight[slot];
    const bool refused = flight.chained && service.chain_steps[slot].refused < 0;
    if (flight.opcode != protocol::opcode::kClose || refused) continue;
    MakeWayForClose(flight.submission.fd);
    DoomUsersOf(service, flight.submission.fd, head);
  }
}

void Engine::StartNow(ClientService& service, uint32_t slot) {
  if (service.in_flight[slot].chained) {
    RunChain(service, slot);
  } else {
    StartRequest(service, slot);
  }
}

// How many requests start with this one: the steps of a chain, or itself.
uint32_t Engine::CountOf(const ClientService& service, uint32_t slot) {
  return service.in_flight[slot].chained ? service.chain_steps[slot].count : 1;
}

// The step behind this one; kNone behind a request that is no step.
uint32_t Engine::NextOf(const ClientService& service, uint32_t slot) {
  return service.in_flight[slot].chained ? service.chain_steps[slot].next : ChainStep::kNone;
}

// Starts what need not wait any more.
void Engine::StartHeld(ClientService& service) {
  while (!service.held.empty() && service.drainer == ChainStep::kNone) {
    const uint32_t slot = service.held.front();
    const bool drains = service.in_flight[slot].chained && service.chain_steps[slot].drains;
    if (drains && service.in_flight_count > service.held_count) return;
    if (drains) service.drainer = slot;
    TakeOutOfHeld(service, slot);
    StartNow(service, slot);
  }
  if (!service.held.empty() || service.drainer != ChainStep::kNone) return;
  service.draining = false;
  draining_count_--;
}

void Engine::StartHeldOfAll() {
  for (const uint32_t client : active_) {
    if (services_[client].draining) StartHeld(services_[client]);
  }
}

// A cancelled one needs no order, unless something of it runs all the same: a close, which isn't
// cancelled, as it would leak its descriptor, or what is linked hard to a chain's first step.
void Engine::CancelHeld(ClientService& service, uint32_t slot) {
  const bool chained = service.in_flight[slot].chained;
  if (service.in_flight[slot].opcode == protocol::opcode::kClose) return;
  if (chained && service.chain_steps[slot].linked_hard) return;
  TakeOutOfHeld(service, slot);
  if (chained)
    RunChain(service, slot);
  else
    CompleteRequest(service, slot, -ECANCELED);
}

void Engine::TakeOutOfHeld(ClientService& service, uint32_t slot) {
  service.held.erase(std::find(service.held.begin(), service.held.end(), slot));
  service.held_count -= CountOf(service, slot);
  service.in_flight[slot].held = false;
}

}  // namespace ringpost
