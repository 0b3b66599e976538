// The memory that a request names, engine thread.
#pragma once

#include <cerrno>

#include "regions.h"
#include "shared_memory.h"

namespace ringpost {

inline int FindBuffer(const Request& request, const RegionTable& regions, Span* out) {
  if (request.length > protocol::kMaxTransferBytes) return -EINVAL;
  if (request.region == protocol::region::kOwn) {
    return regions.FindOwn(request.slot, request.region_generation, request.region_offset,
                           request.length, out);
  }
  return regions.FindSlab(request.region, request.region_generation, request.region_offset,
                          request.length, out);
}

}  // namespace ringpost
