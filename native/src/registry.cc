#include "registry.h"

#include <algorithm>
#include <cerrno>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

namespace ringpost::registry {

namespace {

struct Ring {
  uint32_t number;
  std::shared_ptr<Roster> roster;
};

struct Entry {
  std::shared_ptr<Roster> roster;
  uint32_t group = 0;
  uint32_t turn = 0;  // of the group, in its first ring's entry; 0 where that is gone
};

struct State {
  std::mutex mutex;
  std::map<uint32_t, Entry> rings;
  uint32_t last = 0;

  // With the mutex held. In the order of their numbers.
  std::vector<Ring> OfGroup(uint32_t group) const {
    std::vector<Ring> found;
    for (const auto& [number, entry] : rings) {
      if (entry.group == group) found.push_back({number, entry.roster});
    }
    return found;
  }
};

// Never destroyed: threads may outlive the static objects of the process.
State& TheState() {
  static State& state = *new State;
  return state;
}

// The rings of a group that are still there, in the order in which they are asked for a seat.
std::vector<Ring> ByClients(uint32_t group) {
  State& state = TheState();
  const std::lock_guard lock(state.mutex);
  std::vector<Ring> rings = state.OfGroup(group);
  if (rings.size() < 2) return rings;
  const auto first = state.rings.find(group);
  const size_t turn = first == state.rings.end() ? 0 : first->second.turn++ % rings.size();
  std::rotate(rings.begin(), rings.begin() + static_cast<std::ptrdiff_t>(turn), rings.end());
  std::vector<std::pair<uint32_t, Ring>> by_clients;
  for (Ring& ring : rings) by_clients.emplace_back(ring.roster->CountClients(), std::move(ring));
  std::stable_sort(by_clients.begin(), by_clients.end(),
                   [](const auto& one, const auto& other) { return one.first < other.first; });
  std::transform(by_clients.begin(), by_clients.end(), rings.begin(),
                 [](auto& each) { return std::move(each.second); });
  return rings;
}

}  // namespace

uint32_t Add(std::shared_ptr<Roster> roster, uint32_t group) {
  State& state = TheState();
  const std::lock_guard lock(state.mutex);
  const uint32_t number = ++state.last;
  state.rings[number] = {.roster = std::move(roster), .group = group == 0 ? number : group};
  const std::vector<Ring> all = state.OfGroup(group);
  if (all.size() > 1) {
    for (const Ring& ring : all) ring.roster->SetHasSiblings();
  }
  return number;
}

std::shared_ptr<Roster> Find(uint32_t ring) {
  State& state = TheState();
  const std::lock_guard lock(state.mutex);
  const auto found = state.rings.find(ring);
  return found == state.rings.end() ? nullptr : found->second.roster;
}

int Connect(uint32_t group, const std::vector<const void*>& memories,
            const std::shared_ptr<ClientWaker>& waker, ClientShare share, uint32_t* ring,
            std::shared_ptr<Roster>* roster) {
  int refusal = -ESHUTDOWN;
  for (Ring& each : ByClients(group)) {
    if (std::find(memories.begin(), memories.end(), each.roster->memory()) == memories.end()) {
      return -ESTALE;
    }
    const int seat = each.roster->Connect(waker, share);
    if (seat >= 0) {
      *ring = each.number;
      *roster = std::move(each.roster);
      return seat;
    }
    // That one is full says more than that another is gone.
    if (refusal == -ESHUTDOWN) refusal = seat;
  }
  return refusal;
}

void TellSiblings(const Roster& of, ClosingElsewhere closing) {
  State& state = TheState();
  const std::lock_guard lock(state.mutex);
  const auto self = std::find_if(state.rings.begin(), state.rings.end(),
                                 [&](const auto& each) { return each.second.roster.get() == &of; });
  if (self == state.rings.end()) return;
  for (const Ring& ring : state.OfGroup(self->second.group)) {
    if (ring.roster.get() != &of) ring.roster->Tell(closing);
  }
}

void Remove(uint32_t ring) {
  State& state = TheState();
  const std::lock_guard lock(state.mutex);
  state.rings.erase(ring);
}

}  // namespace ringpost::registry
