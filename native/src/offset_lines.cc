#include "offset_lines.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "transfer.h"

namespace ringpost {

namespace {

bool Closes(const InFlight& flight) { return flight.submission.opcode == abi::kOpClose; }

// Some devices have an offset that says 0 whatever happens (an eventfd, for one), and a read there
// may wait for a write.
bool IsFileOrDisk(int32_t fd) {
  struct stat status;
  return ::fstat(fd, &status) == 0 && (S_ISREG(status.st_mode) || S_ISBLK(status.st_mode));
}

// Returns the position that the next transfer goes at, or a negative number where there is none.
int64_t OffsetOf(int32_t fd) { return ::lseek(fd, 0, SEEK_CUR); }

bool Appends(const abi::Sqe& sqe) {
  return IsWrite(sqe.opcode) &&
         ((sqe.op_flags & RWF_APPEND) != 0 || (::fcntl(sqe.fd, F_GETFL) & O_APPEND) != 0);
}

void MoveOffset(const abi::Sqe& sqe, int32_t result) {
  if (result <= 0) return;
  if (Appends(sqe)) {
    ::lseek(sqe.fd, 0, SEEK_END);  // the kernel alone knows where it has put the bytes
  } else {
    ::lseek(sqe.fd, static_cast<off_t>(sqe.offset) + result, SEEK_SET);
  }
}

}  // namespace

bool OffsetLines::Enter(InFlight* flight) {
  flight->in_line = false;
  flight->next_in_line = nullptr;
  abi::Sqe& sqe = flight->submission;
  if (!IsAtOwnOffset(sqe) && !Closes(*flight)) return true;
  if (const auto line = Find(sqe.fd); line != lines_.end()) {
    flight->in_line = true;
    line->last->next_in_line = flight;
    line->last = flight;
    return false;
  }
  if (Closes(*flight)) return true;
  const int64_t offset = OffsetOf(sqe.fd);
  // An offset that has moved is a real one: only the first transfer of a file asks what it is.
  if (offset < 0 || (offset == 0 && !IsFileOrDisk(sqe.fd))) return true;
  flight->in_line = true;
  sqe.offset = static_cast<uint64_t>(offset);
  lines_.push_back({sqe.fd, flight, flight});
  return true;
}

InFlight* OffsetLines::Leave(InFlight* flight, int32_t result) {
  if (!flight->in_line) return nullptr;
  flight->in_line = false;
  const auto line = Find(flight->submission.fd);
  if (line->first != flight) {
    InFlight* before = line->first;
    while (before->next_in_line != flight) before = before->next_in_line;
    before->next_in_line = flight->next_in_line;
    if (line->last == flight) line->last = before;
    return nullptr;
  }
  if (!Closes(*flight)) MoveOffset(flight->submission, result);
  InFlight* next = flight->next_in_line;
  if (next == nullptr) {
    *line = lines_.back();
    lines_.pop_back();
    return nullptr;
  }
  line->first = next;
  if (!Closes(*next)) {
    // Negative where the descriptor has been closed: the kernel will say so.
    next->submission.offset = static_cast<uint64_t>(OffsetOf(next->submission.fd));
  }
  return next;
}

bool OffsetLines::Waits(const InFlight& flight) const {
  return flight.in_line && std::none_of(lines_.begin(), lines_.end(),
                                        [&](const Line& line) { return line.first == &flight; });
}

std::vector<OffsetLines::Line>::iterator OffsetLines::Find(int32_t fd) {
  return std::find_if(lines_.begin(), lines_.end(),
                      [fd](const Line& line) { return line.fd == fd; });
}

}  // namespace ringpost
