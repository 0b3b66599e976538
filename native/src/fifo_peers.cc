#include "fifo_peers.h"

#include <fcntl.h>
#include <poll.h>

#include <cerrno>

#include "transfer.h"

namespace ringpost {

namespace {

bool HasNoReader(const InFlight& flight, int32_t result) {
  const abi::Sqe& sqe = flight.submission;
  if (result != -ENXIO || (sqe.flags & abi::kSqeAsync) != 0) return false;
  if (!Opens(sqe)) return false;
  const uint64_t flags = sqe.opcode == abi::kOpOpenat ? sqe.op_flags : flight.open_how.flags;
  return (flags & (O_ACCMODE | O_NONBLOCK)) == O_WRONLY;
}

// Whether a read that said end of file has read from a FIFO that no writer has ever opened since:
// after a writer, poll says POLLHUP.
bool HasNoWriter(const InFlight& flight, int32_t result) {
  const abi::Sqe& sqe = flight.submission;
  if (result != 0 || flight.done > 0 || !IsRead(sqe.opcode) || BytesOf(sqe) == 0) return false;
  if ((sqe.flags & abi::kSqeFixedFile) != 0) return false;  // no descriptor to ask
  if (flight.stage == protocol::stage::kWhole && !IsAtOwnOffset(sqe)) return false;
  if (::fcntl(sqe.fd, F_GETPIPE_SZ) < 0) return false;
  if ((::fcntl(sqe.fd, F_GETFL) & O_NONBLOCK) != 0) return false;
  pollfd look = {sqe.fd, POLLIN, 0};
  return ::poll(&look, 1, 0) == 0;
}

}  // namespace

bool AwaitsPeer(InFlight* flight, int32_t* result, abi::Sqe* next) {
  if (flight->awaits_writer) {
    flight->awaits_writer = false;
    if (*result < 0) return false;
    if (flight->cancelled) {
      *result = -ECANCELED;  // it says that there is something to read, not that it was read
      return false;
    }
    *next = flight->submission;
    return true;
  }
  if (flight->cancelled) return false;
  if (HasNoReader(*flight, *result)) {
    flight->submission.flags |= abi::kSqeAsync;
    *next = flight->submission;
    return true;
  }
  if (!HasNoWriter(*flight, *result)) return false;
  flight->awaits_writer = true;
  next->opcode = abi::kOpPollAdd;
  next->fd = flight->submission.fd;
  next->op_flags = POLLIN;
  return true;
}

}  // namespace ringpost
