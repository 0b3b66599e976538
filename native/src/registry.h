// The rings of this process by number: how any thread finds the roster behind a handle. The
// addon's one piece of global state: it has to be, since a handle crosses threads as plain data,
// and no pointer may. An engine is a group of rings, of which most have one.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "roster.h"

namespace ringpost::registry {

// Joins a group, which is called by the number of its first ring; 0: begins one. Returns the ring's
// number; never used again in this process.
uint32_t Add(std::shared_ptr<Roster> roster, uint32_t group = 0);

// Returns nullptr where there is no such ring, or none any more.
std::shared_ptr<Roster> Find(uint32_t ring);

// Takes a seat at the ring of a group that has the fewest clients; among equals each has its turn,
// the first ring the first one. Where that ring has none left, since several came at once, at
// another. Returns the seat and its ring, or -errno as Roster::Connect; -ESTALE where the rings
// have other memory than these: another copy of this addon, with numbers of its own, made the
// handle.
[[nodiscard]] int Connect(uint32_t group, const std::vector<const void*>& memories,
                          const std::shared_ptr<ClientWaker>& waker, ClientShare share,
                          uint32_t* ring, std::shared_ptr<Roster>* roster);

// Tells all others of its group.
void TellSiblings(const Roster& of, ClosingElsewhere closing);

void Remove(uint32_t ring);

}  // namespace ringpost::registry
