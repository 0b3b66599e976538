// What the engine reads from the roster, in one piece.
#pragma once

#include <cstdint>
#include <vector>

#include "roster.h"

namespace ringpost {

struct Look {
  std::vector<SeatChange> seats;
  bool stopping = false;
  uint32_t grace_ms = 0;
};

inline Look LookAt(Roster& roster) {
  Look look;
  roster.TakeChanges(&look.seats, &look.stopping, &look.grace_ms);
  return look;
}

}  // namespace ringpost
