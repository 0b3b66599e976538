// Memory that rings of this process have registered, whichever engine's: they hold its pages, and
// go on with them even where the program has been given new ones. Global as the registry is, since
// one engine is asked about the memory of another. Any thread.
#pragma once

#include <cstdint>

#include "regions.h"

namespace ringpost::registered_memory {

// `ring` tells rings apart, `index` is the place in its table. An empty span: nothing any more.
void Set(const void* ring, uint32_t index, const Span& memory);

// The ring is closed.
void Forget(const void* ring);

bool Overlaps(const uint8_t* base, uint32_t length);

}  // namespace ringpost::registered_memory
