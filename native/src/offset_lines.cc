#include "offset_lines.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "descriptor_users.h"
#include "file_types.h"
#include "transfer.h"

namespace ringpost {

namespace {

bool Closes(const InFlight& flight) { return flight.submission.opcode == abi::kOpClose; }

// Returns the position that the next transfer goes at, or a negative number where there is none.
int64_t OffsetOf(int32_t fd) { return ::lseek(fd, 0, SEEK_CUR); }

// An offset that has moved is a real one: only the first transfer of a file asks what it is.
bool IsReal(int64_t offset, int32_t fd) { return offset > 0 || (offset == 0 && IsFileOrDisk(fd)); }

// Of a splice: the end whose own offset it goes at; negative where there is none. The other end is
// a pipe.
int32_t OffsetEndOf(const abi::Sqe& sqe) {
  const int32_t from = sqe.address == kOwnOffset ? InputOf(sqe) : -1;
  if (IsReal(OffsetOf(from), from)) return from;
  return sqe.offset == kOwnOffset ? sqe.fd : -1;
}

bool Appends(const abi::Sqe& sqe) {
  return IsWrite(sqe.opcode) &&
         ((sqe.op_flags & RWF_APPEND) != 0 || (::fcntl(sqe.fd, F_GETFL) & O_APPEND) != 0);
}

// Whether the offset is given to it here, and moved on for it.
bool IsTransfer(const InFlight& flight) {
  return IsRead(flight.submission.opcode) || IsWrite(flight.submission.opcode);
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
  flight->line_fd = -1;
  flight->next_in_line = nullptr;
  const abi::Sqe& sqe = flight->submission;
  if (IsAtOwnOffset(sqe) || Closes(*flight)) return EnterLineOf(sqe.fd, flight);
  return sqe.opcode != abi::kOpSplice || EnterLineOf(OffsetEndOf(sqe), flight);
}

bool OffsetLines::EnterLineOf(int32_t fd, InFlight* flight) {
  if (const auto line = Find(fd); line != lines_.end()) {
    flight->line_fd = fd;
    line->last->next_in_line = flight;
    line->last = flight;
    return false;
  }
  if (Closes(*flight)) return true;
  const int64_t offset = OffsetOf(fd);
  if (!IsReal(offset, fd)) return true;
  flight->line_fd = fd;
  if (IsTransfer(*flight)) flight->submission.offset = static_cast<uint64_t>(offset);
  lines_.push_back({fd, flight, flight});
  return true;
}

InFlight* OffsetLines::Leave(InFlight* flight, int32_t result) {
  if (flight->line_fd < 0) return nullptr;
  const auto line = Find(std::exchange(flight->line_fd, -1));
  if (line->first != flight) {
    InFlight* before = line->first;
    while (before->next_in_line != flight) before = before->next_in_line;
    before->next_in_line = flight->next_in_line;
    if (line->last == flight) line->last = before;
    return nullptr;
  }
  if (IsTransfer(*flight)) MoveOffset(flight->submission, result);
  InFlight* next = flight->next_in_line;
  if (next == nullptr) {
    *line = lines_.back();
    lines_.pop_back();
    return nullptr;
  }
  line->first = next;
  if (IsTransfer(*next)) {
    // Negative where the descriptor has been closed: the kernel will say so.
    next->submission.offset = static_cast<uint64_t>(OffsetOf(line->fd));
  }
  return next;
}

bool OffsetLines::Waits(const InFlight& flight) const {
  return flight.line_fd >= 0 && std::none_of(lines_.begin(), lines_.end(), [&](const Line& line) {
           return line.first == &flight;
         });
}

const InFlight* OffsetLines::FindSplice(int32_t fd) {
  const auto line = Find(fd);
  if (line == lines_.end()) return nullptr;
  const InFlight* flight = line->first;
  while (flight != nullptr && (flight->submission.opcode != abi::kOpSplice || flight->cancelled))
    flight = flight->next_in_line;
  return flight;
}

std::vector<OffsetLines::Line>::iterator OffsetLines::Find(int32_t fd) {
  return std::find_if(lines_.begin(), lines_.end(),
                      [fd](const Line& line) { return line.fd == fd; });
}

}  // namespace ringpost
