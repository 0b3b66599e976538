#include "iopoll_ring.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>

#include "file_types.h"
#include "transfer.h"

namespace ringpost {

namespace {

// The device that a polled transfer of this descriptor would ask. Returns false where there is
// none: only what goes past the page cache can be polled, and of other files than these, O_DIRECT
// says something else (of a pipe, that it keeps packets apart).
bool DeviceOf(int32_t fd, dev_t* out) {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || (flags & O_DIRECT) == 0) return false;
  struct statx status = {};
  if (!Describe(fd, &status)) return false;
  if (!S_ISREG(status.stx_mode) && !S_ISBLK(status.stx_mode)) return false;
  *out = S_ISBLK(status.stx_mode) ? makedev(status.stx_rdev_major, status.stx_rdev_minor)
                                  : makedev(status.stx_dev_major, status.stx_dev_minor);
  return true;
}

}  // namespace

int PolledRing::Open(const RingOptions& main, const PolledOptions& options,
                     uint32_t most_in_flight) {
  options_ = options;
  refused_.reserve(most_in_flight);
  RingOptions own = main;
  own.polled = true;
  own.submission_thread = {};  // nobody would ask the devices
  // One of each transfer, since none is cancelled.
  own.completion_entries = std::max(most_in_flight, main.entries);
  return ring_.Open(own);
}

bool PolledRing::Take(const abi::Sqe& sqe) {
  dev_t device = 0;
  if (!IsRead(sqe.opcode) && !IsWrite(sqe.opcode)) return false;
  if ((sqe.flags & abi::kSqeFixedFile) != 0) return false;  // a chain's own: the main ring's table
  if (!DeviceOf(sqe.fd, &device)) return false;
  in_flight_++;
  if (options_.asks_sysfs && queues_.Of(device) == PollQueues::Answer::kNo) {
    refused_.push_back(sqe.user_data);
  } else {
    Push(sqe);
  }
  return true;
}

void PolledRing::Push(const abi::Sqe& sqe) {
  while (ring_.Room() == 0) Poll();
  abi::Sqe polled = sqe;
  // A direct transfer copies nothing on this thread, however long it is.
  polled.flags &= static_cast<uint8_t>(~abi::kSqeAsync);
  // Until Linux 6.4 no polled transfer waits for the device's queue, and from 6.1 one that is
  // longer than the device takes in one piece never gets in: the kernel's worker would try again
  // for ever, and can't be cancelled. So none goes to a worker; it completes with -EAGAIN instead.
  // Only the set-up flag of 6.6 says that the kernel is newer.
  if ((ring_.report().setup_flags & abi::kSetupNoSqarray) == 0) polled.op_flags |= RWF_NOWAIT;
  ring_.Push(polled);
}

bool PolledRing::TakeCompletion(abi::Cqe* out) {
  if (in_flight_ == 0) return false;
  if (!refused_.empty()) {
    *out = {refused_.back(), -EOPNOTSUPP, 0};
    refused_.pop_back();
  } else if (!ring_.TakeCompletion(out)) {
    return false;
  }
  in_flight_--;
  return true;
}

}  // namespace ringpost
