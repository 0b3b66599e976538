// Who goes when, and where to (native/src/offset_lines.h): the test plays the kernel.
#include "offset_lines.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "check.h"
#include "test_files.h"

namespace ringpost {
namespace {

constexpr uint64_t kOwnOffset = ~uint64_t{0};

InFlight Transfer(uint8_t operation, int32_t fd, uint64_t position = kOwnOffset) {
  InFlight flight;
  flight.submission.opcode = operation;
  flight.submission.fd = fd;
  flight.submission.offset = position;
  return flight;
}

// From where, to where; a pipe has no offset but its own.
InFlight Splice(int32_t from, uint64_t from_offset, int32_t to, uint64_t to_offset) {
  InFlight flight = Transfer(abi::kOpSplice, to, to_offset);
  flight.submission.file_index = from;
  flight.submission.address = from_offset;
  return flight;
}

struct OpenFile {
  explicit OpenFile(int flags = O_RDWR)
      : fd(::open(folder.FileWith("file", "0123456789").c_str(), flags | O_CLOEXEC)) {}

  [[nodiscard]] int64_t Offset() const { return ::lseek(fd.get(), 0, SEEK_CUR); }

  TestFolder folder;
  UniqueFd fd;
};

TEST(one_goes_at_a_time_each_where_the_last_one_ended) {
  const OpenFile file;
  OffsetLines lines;
  InFlight first = Transfer(abi::kOpRead, file.fd.get());
  InFlight second = Transfer(abi::kOpWritev, file.fd.get());
  InFlight third = Transfer(abi::kOpReadFixed, file.fd.get());
  CHECK(lines.Enter(&first));
  CHECK(!lines.Enter(&second));
  CHECK(!lines.Enter(&third));
  CHECK(!lines.Waits(first));
  CHECK(lines.Waits(second));
  CHECK_EQ(first.submission.offset, 0);
  CHECK(lines.Leave(&first, 4) == &second);
  CHECK_EQ(file.Offset(), 4);
  CHECK_EQ(second.submission.offset, 4);
  CHECK(lines.Leave(&second, -EIO) == &third);
  CHECK_EQ(third.submission.offset, 4);
  CHECK(lines.Leave(&third, 3) == nullptr);
  CHECK_EQ(file.Offset(), 7);
  InFlight later = Transfer(abi::kOpRead, file.fd.get());
  CHECK(lines.Enter(&later));
  CHECK_EQ(later.submission.offset, 7);
  CHECK(lines.Leave(&later, 0) == nullptr);
  CHECK_EQ(file.Offset(), 7);
}

TEST(positions_and_other_descriptors_need_no_line) {
  const OpenFile file;
  const OpenFile other;
  OffsetLines lines;
  InFlight first = Transfer(abi::kOpRead, file.fd.get());
  InFlight at_position = Transfer(abi::kOpRead, file.fd.get(), 5);
  InFlight elsewhere = Transfer(abi::kOpRead, other.fd.get());
  InFlight sync = Transfer(abi::kOpFsync, file.fd.get(), 0);
  CHECK(lines.Enter(&first));
  CHECK(lines.Enter(&at_position));
  CHECK(lines.Enter(&elsewhere));
  CHECK(lines.Enter(&sync));
  CHECK_EQ(at_position.submission.offset, 5);
  CHECK(lines.Leave(&at_position, 2) == nullptr);
  CHECK(lines.Leave(&first, 2) == nullptr);
  CHECK(lines.Leave(&elsewhere, 1) == nullptr);
  CHECK_EQ(file.Offset(), 2);
  CHECK_EQ(other.Offset(), 1);
}

TEST(what_is_cancelled_leaves_from_anywhere) {
  const OpenFile file;
  OffsetLines lines;
  InFlight flights[4];
  for (InFlight& flight : flights) {
    flight = Transfer(abi::kOpRead, file.fd.get());
    (void)lines.Enter(&flight);
  }
  CHECK(lines.Leave(&flights[3], -ECANCELED) == nullptr);  // the last
  CHECK(lines.Leave(&flights[1], -ECANCELED) == nullptr);  // one between
  InFlight late = Transfer(abi::kOpRead, file.fd.get());
  CHECK(!lines.Enter(&late));
  CHECK(lines.Leave(&flights[0], -ECANCELED) == &flights[2]);
  CHECK(lines.Leave(&flights[2], 1) == &late);
  CHECK(lines.Leave(&late, 1) == nullptr);
  CHECK_EQ(file.Offset(), 2);
}

TEST(a_close_comes_after_what_was_asked_for_before) {
  OpenFile file;
  OffsetLines lines;
  InFlight alone = Transfer(abi::kOpClose, file.fd.get());
  CHECK(lines.Enter(&alone));
  CHECK(lines.Leave(&alone, 0) == nullptr);
  InFlight read = Transfer(abi::kOpRead, file.fd.get());
  InFlight close = Transfer(abi::kOpClose, file.fd.get(), 0);
  InFlight after = Transfer(abi::kOpRead, file.fd.get());
  CHECK(lines.Enter(&read));
  CHECK(!lines.Enter(&close));
  CHECK(!lines.Enter(&after));
  CHECK(lines.Leave(&read, 3) == &close);
  CHECK_EQ(close.submission.offset, 0);  // the kernel refuses a close with one
  file.fd.Reset();
  CHECK(lines.Leave(&close, 0) == &after);
  CHECK_EQ(after.submission.offset, kOwnOffset);
  CHECK(lines.Leave(&after, -EBADF) == nullptr);
}

TEST(appended_bytes_are_behind_the_offset) {
  const OpenFile file(O_RDWR | O_APPEND);
  OffsetLines lines;
  InFlight write = Transfer(abi::kOpWrite, file.fd.get());
  CHECK(lines.Enter(&write));
  CHECK_EQ(::write(file.fd.get(), "ab", 2), 2);
  CHECK(lines.Leave(&write, 2) == nullptr);
  CHECK_EQ(file.Offset(), 12);
  CHECK_EQ(::lseek(file.fd.get(), 0, SEEK_SET), 0);
  InFlight read = Transfer(abi::kOpRead, file.fd.get());
  CHECK(lines.Enter(&read));
  CHECK(lines.Leave(&read, 5) == nullptr);
  CHECK_EQ(file.Offset(), 5);
}

// The kernel moves the offset on, and takes it by itself.
TEST(a_splice_stands_in_the_line_of_its_file) {
  const OpenFile file;
  const Pipe pipe;
  const int32_t fd = file.fd.get();
  for (const bool takes : {true, false}) {
    CHECK_EQ(::lseek(fd, 0, SEEK_SET), 0);
    OffsetLines lines;
    InFlight before = Transfer(abi::kOpRead, fd);
    InFlight splice = takes ? Splice(fd, kOwnOffset, pipe.in.get(), kOwnOffset)
                            : Splice(pipe.out.get(), kOwnOffset, fd, kOwnOffset);
    InFlight after = Transfer(abi::kOpRead, fd);
    InFlight close = Transfer(abi::kOpClose, fd, 0);
    CHECK(lines.Enter(&before));
    CHECK(!lines.Enter(&splice));
    CHECK(!lines.Enter(&after));
    CHECK(!lines.Enter(&close));
    CHECK(lines.FindSplice(fd) == &splice);
    CHECK(lines.Leave(&before, 3) == &splice);
    CHECK_EQ(splice.submission.address, kOwnOffset);
    CHECK_EQ(splice.submission.offset, kOwnOffset);
    CHECK_EQ(file.Offset(), 3);
    CHECK_EQ(::lseek(fd, 2, SEEK_CUR), 5);
    splice.cancelled = true;
    CHECK(lines.FindSplice(fd) == nullptr);
    CHECK(lines.Leave(&splice, 2) == &after);
    CHECK_EQ(after.submission.offset, 5);
    CHECK(lines.Leave(&after, 1) == &close);
    CHECK(lines.Leave(&close, 0) == nullptr);
    CHECK_EQ(file.Offset(), 6);
    InFlight behind = Transfer(abi::kOpRead, fd);
    CHECK(lines.Enter(&splice));
    CHECK(!lines.Enter(&behind));
    CHECK(lines.Leave(&splice, -ECANCELED) == &behind);
    CHECK_EQ(behind.submission.offset, 6);
    CHECK(lines.Leave(&behind, 0) == nullptr);
  }
}

TEST(a_splice_at_a_position_or_between_pipes_needs_no_line) {
  const OpenFile file;
  const Pipe pipe;
  const Pipe other;
  const int32_t fd = file.fd.get();
  OffsetLines lines;
  InFlight read = Transfer(abi::kOpRead, fd);
  InFlight splices[] = {
      Splice(fd, 7, pipe.in.get(), kOwnOffset),
      Splice(pipe.out.get(), kOwnOffset, fd, 7),
      Splice(pipe.out.get(), kOwnOffset, other.in.get(), kOwnOffset),
      Splice(pipe.out.get(), kOwnOffset, other.in.get(), kOwnOffset),
  };
  CHECK(lines.Enter(&read));
  for (InFlight& splice : splices) CHECK(lines.Enter(&splice));
  CHECK(lines.FindSplice(fd) == nullptr);
  for (InFlight& splice : splices) CHECK(lines.Leave(&splice, 1) == nullptr);
  CHECK(lines.Leave(&read, 1) == nullptr);
  CHECK_EQ(file.Offset(), 1);
}

// In a line, the read of an eventfd would wait for the write behind it.
TEST(what_has_no_offset_has_no_line) {
  const Pipe pipe;
  const UniqueFd event(::eventfd(0, EFD_CLOEXEC));
  OffsetLines lines;
  for (const int32_t fd : {pipe.out.get(), event.get(), -1, 1 << 30}) {
    InFlight read = Transfer(abi::kOpRead, fd);
    InFlight write = Transfer(abi::kOpWrite, fd);
    CHECK(lines.Enter(&read));
    CHECK(lines.Enter(&write));
    CHECK_EQ(read.submission.offset, kOwnOffset);
    CHECK(lines.Leave(&read, 1) == nullptr);
    CHECK(lines.Leave(&write, 1) == nullptr);
  }
}

}  // namespace
}  // namespace ringpost
