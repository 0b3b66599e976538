// A request becomes the right submission (native/src/prepare_submission.h).
#include "prepare_submission.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include <cstdio>
#include <cstring>

#include "check.h"
#include "request_desk.h"

namespace ringpost {
namespace {

constexpr uint16_t kRegistered = 69;
constexpr uint32_t kRecipes[] = {opcode::kReadFile, opcode::kReadRest, opcode::kWriteFile};

Request Recipe(const Desk& desk, uint32_t op, uint32_t length) {
  Request request = WithOwn(op, 0, length);
  if (op != opcode::kReadRest) request.path_bytes = desk.WritePath("/tmp/file");
  request.flags = O_CLOEXEC;
  request.mode = 0600;
  return request;
}

TEST(operations_on_a_descriptor_alone) {
  Desk desk;
  CHECK_EQ(desk.Prepare(Make(opcode::kNop)).opcode, abi::kOpNop);
  const abi::Sqe close = desk.Prepare(Make(opcode::kClose));
  CHECK_EQ(close.opcode, abi::kOpClose);
  CHECK_EQ(close.fd, 33);
  CHECK_EQ(close.file_index, 0);
  const abi::Sqe fsync = desk.Prepare(Make(opcode::kFsync));
  CHECK_EQ(fsync.opcode, abi::kOpFsync);
  CHECK_EQ(fsync.fd, 33);
  CHECK_EQ(fsync.op_flags, 0);
  CHECK_EQ(fsync.offset, 0);  // else it would sync a range only
  CHECK_EQ(fsync.length, 0);
  const abi::Sqe fdatasync = desk.Prepare(Make(opcode::kFdatasync));
  CHECK_EQ(fdatasync.opcode, abi::kOpFsync);
  CHECK_EQ(fdatasync.op_flags, abi::kFsyncDatasync);
  CHECK(desk.PayloadsUntouched());
}

TEST(open) {
  Desk desk;
  Request request = Make(opcode::kOpen);
  request.path_bytes = desk.WritePath("/tmp/some-file");
  request.flags = O_RDWR | O_CREAT;
  request.mode = 0640;
  const abi::Sqe sqe = desk.Prepare(request);
  CHECK_EQ(sqe.opcode, abi::kOpOpenat);
  CHECK_EQ(sqe.fd, AT_FDCWD);
  CHECK_EQ(sqe.address, Address(desk.mailbox.Path(kSlot)));
  CHECK_EQ(sqe.length, 0640);
  CHECK_EQ(sqe.op_flags, O_RDWR | O_CREAT | O_CLOEXEC);
  CHECK_EQ(sqe.file_index, 0);
  CHECK_EQ(std::strcmp(reinterpret_cast<char*>(desk.mailbox.Path(kSlot)), "/tmp/some-file"), 0);
}

TEST(stat_by_path_and_by_descriptor) {
  Desk desk;
  Request request = Make(opcode::kStat);
  request.flags = AT_SYMLINK_NOFOLLOW;
  request.mode = STATX_BASIC_STATS;
  abi::Sqe sqe = desk.Prepare(request);
  CHECK_EQ(sqe.opcode, abi::kOpStatx);
  CHECK_EQ(sqe.fd, 33);
  CHECK_EQ(*reinterpret_cast<const char*>(sqe.address), '\0');
  CHECK_EQ(sqe.op_flags, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH);
  CHECK_EQ(sqe.length, STATX_BASIC_STATS);
  CHECK_EQ(sqe.offset, Address(desk.mailbox.Result(kSlot)));

  request.path_bytes = desk.WritePath("name");
  sqe = desk.Prepare(request);
  CHECK_EQ(sqe.fd, AT_FDCWD);
  CHECK_EQ(sqe.address, Address(desk.mailbox.Path(kSlot)));
  CHECK_EQ(sqe.op_flags, AT_SYMLINK_NOFOLLOW);
}

TEST(read_and_write_in_the_requests_own_region) {
  Desk desk;
  for (const uint32_t op : kTransfers) {
    const abi::Sqe sqe = desk.Prepare(WithOwn(op, 100, 50));
    CHECK_EQ(sqe.opcode, op == opcode::kRead ? abi::kOpRead : abi::kOpWrite);
    CHECK_EQ(sqe.fd, 33);
    CHECK_EQ(sqe.offset, 0x0123'89ab'cdef);
    CHECK_EQ(sqe.address, Address(desk.buffer.data() + 100));
    CHECK_EQ(sqe.length, 50);
    CHECK_EQ(sqe.op_flags, 0);
    CHECK_EQ(sqe.buffer_index, 0);
  }
  Request request = WithOwn(opcode::kRead, 0, kBytes);
  request.position_low = request.position_high = protocol::kCurrentPosition;
  CHECK_EQ(desk.Prepare(request).offset, UINT64_MAX);
  CHECK_EQ(desk.Prepare(WithOwn(opcode::kRead, kBytes, 0)).length, 0);
}

TEST(read_and_write_in_a_slab) {
  Desk desk;
  for (const uint32_t op : kTransfers) {
    abi::Sqe sqe = desk.Prepare(WithSlab(op, 4096, 4096));
    CHECK_EQ(sqe.opcode, op == opcode::kRead ? abi::kOpRead : abi::kOpWrite);
    CHECK_EQ(sqe.address, Address(desk.buffer.data() + 4096));
    desk.regions.SetRegistered(kSlab, kRegistered);
    sqe = desk.Prepare(WithSlab(op, 4096, 4096));
    CHECK_EQ(sqe.opcode, op == opcode::kRead ? abi::kOpReadFixed : abi::kOpWriteFixed);
    CHECK_EQ(sqe.buffer_index, kRegistered);
    CHECK_EQ(sqe.address, Address(desk.buffer.data() + 4096));
    CHECK_EQ(sqe.length, 4096);
    CHECK_EQ(sqe.fd, 33);
    CHECK_EQ(sqe.offset, 0x0123'89ab'cdef);
    desk.regions.SetRegistered(kSlab, kNotRegistered);
  }
}

TEST(readv_and_writev) {
  Desk desk;
  desk.PinVectors(3);
  for (const uint32_t op : {opcode::kReadv, opcode::kWritev}) {
    const abi::Sqe sqe = desk.Prepare(WithOwn(op, 0, 3));
    CHECK_EQ(sqe.opcode, op == opcode::kReadv ? abi::kOpReadv : abi::kOpWritev);
    CHECK_EQ(sqe.fd, 33);
    CHECK_EQ(sqe.offset, 0x0123'89ab'cdef);
    CHECK_EQ(sqe.address, Address(desk.regions.VectorRoom(kSlot, 3)));
    CHECK_EQ(sqe.length, 3);
  }
}

TEST(operations_on_a_range) {
  Desk desk;
  constexpr uint64_t kLong = 0x7'0000'0003;
  Request request = Make(opcode::kFallocate);
  request.length = static_cast<uint32_t>(kLong);
  request.length_high = kLong >> 32;
  request.mode = FALLOC_FL_KEEP_SIZE;
  abi::Sqe sqe = desk.Prepare(request);
  CHECK_EQ(sqe.opcode, abi::kOpFallocate);
  CHECK_EQ(sqe.fd, 33);
  CHECK_EQ(sqe.offset, 0x0123'89ab'cdef);
  CHECK_EQ(sqe.address, kLong);
  CHECK_EQ(sqe.length, FALLOC_FL_KEEP_SIZE);

  request = Make(opcode::kFadvise);
  request.length = 3;
  request.flags = POSIX_FADV_DONTNEED;
  sqe = desk.Prepare(request);
  CHECK_EQ(sqe.opcode, abi::kOpFadvise);
  CHECK_EQ(sqe.address, 0);
  CHECK_EQ(sqe.length, 3);
  CHECK_EQ(sqe.op_flags, POSIX_FADV_DONTNEED);
  request.length_high = kLong >> 32;
  CHECK_EQ(desk.Prepare(request).address, kLong);

  request = Make(opcode::kSyncFileRange);
  request.length = 4096;
  request.flags = 6;
  sqe = desk.Prepare(request);
  CHECK_EQ(sqe.opcode, abi::kOpSyncFileRange);
  CHECK_EQ(sqe.length, 4096);
  CHECK_EQ(sqe.op_flags, 6);
  CHECK_EQ(sqe.offset, 0x0123'89ab'cdef);

  sqe = desk.Prepare(Make(opcode::kFtruncate));
  CHECK_EQ(sqe.opcode, abi::kOpFtruncate);
  CHECK_EQ(sqe.offset, 0x0123'89ab'cdef);
  CHECK_EQ(sqe.length, 0);
  CHECK_EQ(sqe.address, 0);
  CHECK(desk.PayloadsUntouched());
}

TEST(operations_on_one_path) {
  Desk desk;
  for (const uint32_t op : {opcode::kUnlink, opcode::kRmdir, opcode::kMkdir}) {
    Request request = Make(op);
    request.path_bytes = desk.WritePath("name");
    request.mode = op == opcode::kMkdir ? 0750 : 0;
    const abi::Sqe sqe = desk.Prepare(request);
    CHECK_EQ(sqe.opcode, op == opcode::kMkdir ? abi::kOpMkdirat : abi::kOpUnlinkat);
    CHECK_EQ(sqe.fd, AT_FDCWD);
    CHECK_EQ(sqe.address, Address(desk.mailbox.Path(kSlot)));
    CHECK_EQ(sqe.length, op == opcode::kMkdir ? 0750 : 0);
    CHECK_EQ(sqe.op_flags, op == opcode::kRmdir ? AT_REMOVEDIR : 0);
    CHECK_EQ(sqe.offset, 0);
  }
}

TEST(openat2) {
  Desk desk;
  Request request = Make(opcode::kOpenat2);
  request.path_bytes = desk.WritePath("below");
  request.flags = O_RDWR | O_CREAT;
  request.mode = 0640;
  request.length = 8;  // RESOLVE_BENEATH
  const abi::Sqe sqe = desk.Prepare(request);
  CHECK_EQ(sqe.opcode, abi::kOpOpenat2);
  CHECK_EQ(sqe.fd, 33);
  CHECK_EQ(sqe.address, Address(desk.mailbox.Path(kSlot)));
  CHECK_EQ(sqe.offset, Address(&desk.flight.open_how));
  CHECK_EQ(sqe.length, 24);
  CHECK_EQ(sqe.op_flags, 0);
  CHECK_EQ(desk.flight.open_how.flags, O_RDWR | O_CREAT | O_CLOEXEC);
  CHECK_EQ(desk.flight.open_how.mode, 0640);
  CHECK_EQ(desk.flight.open_how.resolve, 8);
}

TEST(extended_attributes_by_path_and_by_descriptor) {
  Desk desk;
  for (const uint32_t op : {opcode::kGetxattr, opcode::kSetxattr}) {
    const bool gets = op == opcode::kGetxattr;
    Request request = WithOwn(op, 16, 32);
    request.second_path_bytes = desk.WriteSecondPath("user.name");
    request.flags = gets ? 0 : 1;
    abi::Sqe sqe = desk.Prepare(request);
    CHECK_EQ(sqe.opcode, gets ? abi::kOpFgetxattr : abi::kOpFsetxattr);
    CHECK_EQ(sqe.fd, 33);
    CHECK_EQ(std::strcmp(reinterpret_cast<char*>(sqe.address), "user.name"), 0);
    CHECK_EQ(sqe.offset, Address(desk.buffer.data() + 16));
    CHECK_EQ(sqe.length, 32);
    CHECK_EQ(sqe.op_flags, request.flags);
    CHECK_EQ(sqe.address3, 0);
    request.path_bytes = desk.WritePath("file");
    sqe = desk.Prepare(request);
    CHECK_EQ(sqe.opcode, gets ? abi::kOpGetxattr : abi::kOpSetxattr);
    CHECK_EQ(sqe.fd, 0);
    CHECK_EQ(sqe.address3, Address(desk.mailbox.Path(kSlot)));
  }
}

TEST(splice_tee_and_poll) {
  Desk desk;
  Request request = Make(opcode::kSplice);
  request.second_fd = 44;
  request.length = 4096;
  request.flags = 1;
  const uint64_t to = 0x7'0000'0001;
  std::memcpy(desk.mailbox.Result(kSlot) + payload::kSecondPositionOffset, &to, sizeof(to));
  abi::Sqe sqe = desk.Prepare(request);
  CHECK_EQ(sqe.opcode, abi::kOpSplice);
  CHECK_EQ(sqe.file_index, 33);
  CHECK_EQ(sqe.address, 0x0123'89ab'cdef);
  CHECK_EQ(sqe.fd, 44);
  CHECK_EQ(sqe.offset, to);
  CHECK_EQ(sqe.length, 4096);
  CHECK_EQ(sqe.op_flags, 1);
  request.opcode = opcode::kTee;
  sqe = desk.Prepare(request);
  CHECK_EQ(sqe.opcode, abi::kOpTee);
  CHECK_EQ(sqe.file_index, 33);
  CHECK_EQ(sqe.fd, 44);
  CHECK_EQ(sqe.address, 0);
  CHECK_EQ(sqe.offset, 0);
  request = Make(opcode::kPoll);
  request.flags = POLLIN;
  sqe = desk.Prepare(request);
  CHECK_EQ(sqe.opcode, abi::kOpPollAdd);
  CHECK_EQ(sqe.fd, 33);
  CHECK_EQ(sqe.op_flags, POLLIN);
  CHECK_EQ(sqe.length, 0);  // else it would stay
  request.opcode = opcode::kPollEvents;
  sqe = desk.Prepare(request);
  CHECK_EQ(sqe.opcode, abi::kOpPollAdd);
  CHECK_EQ(sqe.op_flags, POLLIN);
  CHECK_EQ(sqe.length, abi::kPollAddMulti);
}

TEST(advice_about_memory) {
  Desk desk;
  Request request = WithOwn(opcode::kMadvise, 4096, 4096);
  request.flags = protocol::memory_advice::kDontneed;
  abi::Sqe sqe = desk.Prepare(request);
  CHECK_EQ(sqe.opcode, abi::kOpMadvise);
  CHECK_EQ(sqe.fd, -1);
  CHECK_EQ(sqe.address, Address(desk.buffer.data() + 4096));
  CHECK_EQ(sqe.length, 4096);
  CHECK_EQ(sqe.offset, 0);  // a length too, since Linux 6.10
  CHECK_EQ(sqe.op_flags, protocol::memory_advice::kDontneed);
  desk.regions.SetRegistered(kSlab, kRegistered);
  sqe = desk.Prepare(WithSlab(opcode::kMadvise, 0, 100));
  CHECK_EQ(sqe.address, Address(desk.buffer.data()));
  CHECK_EQ(sqe.length, 100);
  CHECK_EQ(sqe.buffer_index, 0);  // the kernel refuses any other
  CHECK(desk.PayloadsUntouched());
}

TEST(pipe) {
  Desk desk;
  Request request = Make(opcode::kPipe);
  request.flags = O_NONBLOCK;
  const abi::Sqe sqe = desk.Prepare(request);
  CHECK_EQ(sqe.opcode, abi::kOpPipe);
  CHECK_EQ(sqe.fd, 0);  // the kernel refuses any other
  CHECK_EQ(sqe.offset, 0);
  CHECK_EQ(sqe.file_index, 0);
  CHECK_EQ(sqe.address, Address(desk.flight.pipe_ends));
  CHECK_EQ(sqe.op_flags, O_NONBLOCK | O_CLOEXEC);
  CHECK(desk.PayloadsUntouched());
}

TEST(operations_on_two_paths) {
  Desk desk;
  for (const uint32_t op : kWithTwoPaths) {
    Request request = Make(op);
    request.path_bytes = desk.WritePath("old");
    request.second_path_bytes = desk.WriteSecondPath("newer");
    request.flags = op == opcode::kRename ? RENAME_EXCHANGE : 0;
    const abi::Sqe sqe = desk.Prepare(request);
    CHECK_EQ(sqe.opcode, op == opcode::kRename    ? abi::kOpRenameat
                         : op == opcode::kSymlink ? abi::kOpSymlinkat
                                                  : abi::kOpLinkat);
    CHECK_EQ(sqe.fd, AT_FDCWD);
    CHECK_EQ(std::strcmp(reinterpret_cast<char*>(sqe.address), "old"), 0);
    CHECK_EQ(std::strcmp(reinterpret_cast<char*>(sqe.offset), "newer"), 0);
    CHECK_EQ(static_cast<int32_t>(sqe.length), op == opcode::kSymlink ? 0 : AT_FDCWD);
    CHECK_EQ(sqe.op_flags, op == opcode::kRename ? RENAME_EXCHANGE : 0);
  }
}

TEST(recipes_begin_with_their_first_step) {
  Desk desk;
  for (const uint32_t op : kRecipes) {
    const abi::Sqe sqe = desk.Prepare(Recipe(desk, op, kBytes));
    const bool opens = op != opcode::kReadRest;
    CHECK_EQ(sqe.opcode, opens ? abi::kOpOpenat : abi::kOpRead);
    CHECK_EQ(sqe.fd, opens ? AT_FDCWD : 33);
    CHECK_EQ(sqe.length, opens ? 0600 : kBytes);
    CHECK_EQ(desk.flight.stage, opens ? protocol::stage::kOpen : protocol::stage::kMove);
    CHECK_EQ(desk.flight.fd, opens ? -1 : 33);
    CHECK_EQ(desk.flight.buffer.base, desk.buffer.data());
    CHECK_EQ(desk.flight.buffer.length, kBytes);
    CHECK_EQ(desk.flight.done, 0);
  }
  CHECK_EQ(desk.Prepare(Recipe(desk, opcode::kWriteFile, 0)).opcode, abi::kOpOpenat);
}

TEST(the_path_is_closed_whatever_follows_it) {
  Desk desk;
  for (const uint32_t op : kWithPath) {
    for (const uint32_t path_bytes : {1u, 100u, payload::kPathCapacity - 1}) {
      Request request = WithOwn(op, 0, 100);
      request.path_bytes = path_bytes;
      std::memset(desk.mailbox.payloads, 'x', size_t{kSlots} * payload::kBytes);
      const abi::Sqe sqe = desk.Prepare(request);
      CHECK_EQ(std::strlen(reinterpret_cast<const char*>(sqe.address)), path_bytes);
      // And nothing else is changed: the next slot's payload begins right after.
      size_t changed = 0;
      for (size_t i = 0; i < size_t{kSlots} * payload::kBytes; i++) {
        changed += desk.mailbox.payloads[i] == 'x' ? 0 : 1;
      }
      CHECK_EQ(changed, 1);
    }
  }
}

}  // namespace
}  // namespace ringpost
