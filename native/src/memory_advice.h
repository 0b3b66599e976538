#pragma once

#include <cstdint>

#include "kernel_abi.h"
#include "protocol.h"

namespace ringpost {

inline bool IsAllowedAdvice(uint32_t given) {
  namespace advice = protocol::memory_advice;
  switch (given) {
    case advice::kNormal:
    case advice::kRandom:
    case advice::kSequential:
    case advice::kWillneed:
    case advice::kDontneed:
    case advice::kFree:
    case advice::kMergeable:
    case advice::kUnmergeable:
    case advice::kHugepage:
    case advice::kNohugepage:
    case advice::kCold:
    case advice::kPageout:
    case advice::kPopulateRead:
    case advice::kPopulateWrite:
    case advice::kCollapse:
      return true;
    default:
      return false;
  }
}

// Whether what the memory holds is lost with it.
inline bool LosesContent(uint32_t given) {
  namespace advice = protocol::memory_advice;
  return given == advice::kDontneed || given == advice::kFree;
}

}  // namespace ringpost
