// Transfers at a descriptor's own offset (a null position), engine thread.
//
// read(2) and write(2) hold a lock of the file while they take its offset, transfer, and move the
// offset on. io_uring holds none, and moves the offset only where a transfer ends within the call
// that issues it: two reads at a time get the same bytes, and an O_DIRECT read moves nothing. So
// such transfers stand in line here, one line per descriptor, and each goes at the position that
// the one before it has left. What has no offset (pipe, socket, terminal) knows no lines.
//
// A splice stands in the line of the file that is one of its ends. The kernel moves its offset on,
// but takes it before it waits for the pipe: what went meanwhile would be undone.
//
// A close of the descriptor joins its line, too, when nothing that was posted before it needs the
// descriptor any more (held_closes.cc): an offset that is moved on must still be this file's.
//
// Not covered, as the kernel's lock would: two descriptors that dup(2) made share one offset.
#pragma once

#include <cstdint>
#include <vector>

#include "in_flight.h"

namespace ringpost {

class OffsetLines {
 public:
  // Puts a prepared request into its descriptor's line, if it is of those that need one. Returns
  // whether its submission may go to the kernel now, at the offset that it then has; if not, Leave
  // of the one before it returns it.
  [[nodiscard]] bool Enter(InFlight* flight);

  // The request is done with `result`, or is not to go at all. Returns the one that may go now, or
  // nullptr.
  [[nodiscard]] InFlight* Leave(InFlight* flight, int32_t result);

  // Whether it is still to go.
  [[nodiscard]] bool Waits(const InFlight& flight) const;

  // A splice in the descriptor's line that nobody has cancelled; nullptr where there is none.
  [[nodiscard]] const InFlight* FindSplice(int32_t fd);

 private:
  struct Line {
    int32_t fd;
    InFlight* first;  // in the kernel
    InFlight* last;
  };

  [[nodiscard]] bool EnterLineOf(int32_t fd, InFlight* flight);
  [[nodiscard]] std::vector<Line>::iterator Find(int32_t fd);

  std::vector<Line> lines_;  // of the descriptors with such transfers now
};

}  // namespace ringpost
