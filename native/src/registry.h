// The engines of this process by number: how any thread finds the roster behind a handle. The
// addon's one piece of global state: it has to be, since a handle crosses threads as plain data,
// and no pointer may.
#pragma once

#include <cstdint>
#include <memory>

#include "roster.h"

namespace ringpost::registry {

// Returns the engine's number; never used again in this process.
uint32_t Add(std::shared_ptr<Roster> roster);

// Returns nullptr where there is no such engine, or none any more.
std::shared_ptr<Roster> Find(uint32_t engine);

void Remove(uint32_t engine);

}  // namespace ringpost::registry
