#include "registered_memory.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>

namespace ringpost::registered_memory {

namespace {

struct State {
  std::mutex mutex;
  std::map<std::pair<const void*, uint32_t>, Span> spans;  // by ring and place
};

// Never destroyed: threads may outlive the static objects of the process.
State& TheState() {
  static State& state = *new State;
  return state;
}

}  // namespace

void Set(const void* ring, uint32_t index, const Span& memory) {
  State& state = TheState();
  const std::lock_guard lock(state.mutex);
  if (memory.length == 0) {
    state.spans.erase({ring, index});
  } else {
    state.spans[{ring, index}] = memory;
  }
}

void Forget(const void* ring) {
  State& state = TheState();
  const std::lock_guard lock(state.mutex);
  std::erase_if(state.spans, [ring](const auto& entry) { return entry.first.first == ring; });
}

bool Overlaps(const uint8_t* base, uint32_t length) {
  State& state = TheState();
  const std::lock_guard lock(state.mutex);
  return std::any_of(state.spans.begin(), state.spans.end(), [=](const auto& entry) {
    const Span& span = entry.second;
    return base < span.base + span.length && span.base < base + length;
  });
}

}  // namespace ringpost::registered_memory
