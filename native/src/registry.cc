#include "registry.h"

#include <mutex>
#include <unordered_map>
#include <utility>

namespace ringpost::registry {

namespace {

struct State {
  std::mutex mutex;
  std::unordered_map<uint32_t, std::shared_ptr<Roster>> rosters;
  uint32_t last = 0;
};

// Never destroyed: threads may outlive the static objects of the process.
State& TheState() {
  static State& state = *new State;
  return state;
}

}  // namespace

uint32_t Add(std::shared_ptr<Roster> roster) {
  State& state = TheState();
  const std::lock_guard lock(state.mutex);
  state.rosters.emplace(++state.last, std::move(roster));
  return state.last;
}

std::shared_ptr<Roster> Find(uint32_t engine) {
  State& state = TheState();
  const std::lock_guard lock(state.mutex);
  const auto found = state.rosters.find(engine);
  return found == state.rosters.end() ? nullptr : found->second;
}

void Remove(uint32_t engine) {
  State& state = TheState();
  const std::lock_guard lock(state.mutex);
  state.rosters.erase(engine);
}

}  // namespace ringpost::registry
