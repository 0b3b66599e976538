// Counts how often the engine told a client that it gets no more service.
#pragma once

#include <atomic>

#include "roster.h"

namespace ringpost {

struct OrphanNotices {
  std::atomic<int> count = 0;

  OrphanNotice notice() {
    return {[](void* self) { static_cast<OrphanNotices*>(self)->count++; }, this};
  }
};

}  // namespace ringpost
