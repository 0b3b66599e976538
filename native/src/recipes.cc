#include "recipes.h"

#include <algorithm>
#include <cerrno>

#include "protocol.h"
#include "transfer.h"

namespace ringpost {

namespace {

namespace opcode = protocol::opcode;
namespace stage = protocol::stage;

bool Writes(const InFlight& flight) { return flight.opcode == opcode::kWriteFile; }

bool AllMoved(const InFlight& flight) { return flight.done == flight.buffer.length; }

Progress GoTo(InFlight* flight, uint32_t next) {
  flight->stage = next;
  return Progress::kNextStep;
}

Progress CloseAfter(InFlight* flight, int32_t error) {
  if (flight->error == 0 && error < 0) {
    flight->error = error;
    flight->failed_stage = flight->stage;
  }
  return GoTo(flight, stage::kClose);
}

Progress AfterAllIsWritten(InFlight* flight) {
  const bool flush = (flight->flags & protocol::open_flag::kFlush) != 0;
  return GoTo(flight, flush ? stage::kFlush : stage::kClose);
}

Progress AfterOpen(InFlight* flight, int32_t result) {
  if (result < 0) {
    flight->error = result;
    flight->failed_stage = stage::kOpen;
    return Progress::kFinished;
  }
  flight->fd = result;
  if (flight->cancelled) return CloseAfter(flight, -ECANCELED);
  if (Writes(*flight) && AllMoved(*flight)) return AfterAllIsWritten(flight);
  return GoTo(flight, stage::kMove);
}

Progress AfterMove(InFlight* flight, int32_t result) {
  if (result == -EINTR && !flight->cancelled) return Progress::kNextStep;
  if (result < 0) return CloseAfter(flight, result);
  if (result == 0) return CloseAfter(flight, Writes(*flight) ? -EIO : 0);
  flight->done += static_cast<uint32_t>(result);
  if (flight->cancelled) return CloseAfter(flight, -ECANCELED);
  if (!AllMoved(*flight)) return Progress::kNextStep;
  if (Writes(*flight)) return AfterAllIsWritten(flight);
  return Progress::kFinished;  // a full buffer, and the file may go on: the client decides
}

}  // namespace

bool IsRecipe(uint32_t op) {
  return op == opcode::kReadFile || op == opcode::kReadRest || op == opcode::kWriteFile;
}

void BeginRecipe(InFlight* flight) {
  flight->stage = flight->opcode == opcode::kReadRest ? stage::kMove : stage::kOpen;
  flight->failed_stage = stage::kWhole;
  flight->error = 0;
  flight->done = 0;
}

void PrepareRecipeStep(const InFlight& flight, abi::Sqe* sqe) {
  switch (flight.stage) {
    case stage::kOpen:
      FillOpen(flight.path, flight.flags, flight.mode, sqe);
      return;
    case stage::kMove: {
      const uint32_t left = flight.buffer.length - flight.done;
      const Span step = {flight.buffer.base + flight.done, std::min(left, kRecipeStepBytes),
                         flight.buffer.registered_index};
      // At a position, not at the descriptor's offset: a direct transfer doesn't move that. What
      // can't seek has no positions, and the kernel pays this one no attention.
      const uint64_t position = flight.position + flight.done;
      FillTransfer(Writes(flight) ? Direction::kWrite : Direction::kRead, flight.fd, position, step,
                   sqe);
      return;
    }
    case stage::kFlush:
      sqe->opcode = abi::kOpFsync;
      sqe->fd = flight.fd;
      return;
    default:
      FillClose(flight.fd, sqe);
      return;
  }
}

Progress AdvanceRecipe(InFlight* flight, int32_t result) {
  switch (flight->stage) {
    case stage::kOpen:
      return AfterOpen(flight, result);
    case stage::kMove:
      return AfterMove(flight, result);
    case stage::kFlush:
      return CloseAfter(flight, result);
    default:
      // CLOSE ran, so the descriptor is gone, whatever it says.
      flight->fd = -1;
      if (flight->error == 0 && result < 0) {
        flight->error = result;
        flight->failed_stage = stage::kClose;
      }
      return Progress::kFinished;
  }
}

RecipeOutcome OutcomeOf(const InFlight& flight) {
  if (flight.error < 0) return {flight.error, flight.failed_stage};
  const auto moved = static_cast<int32_t>(flight.done);
  if (Writes(flight)) return {moved, 0};
  return {moved,
          flight.fd >= 0 ? protocol::reply_note::kKeepsFd : protocol::reply_note::kEndOfFile};
}

}  // namespace ringpost
