#include "plain_calls.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <iterator>

#include "transfer.h"

namespace ringpost {

namespace {

using abi::Sqe;

// --- What a submission's words mean to these operations ---

template <typename Value = char>
Value* Pointer(uint64_t address) {
  return reinterpret_cast<Value*>(address);
}

const char* FirstPath(const Sqe& sqe) { return Pointer<const char>(sqe.address); }
const char* SecondPath(const Sqe& sqe) { return Pointer<const char>(sqe.offset); }
int SecondFolder(const Sqe& sqe) { return static_cast<int>(sqe.length); }
int Flags(const Sqe& sqe) { return static_cast<int>(sqe.op_flags); }
off_t Position(const Sqe& sqe) { return static_cast<off_t>(sqe.offset); }

int32_t Result(long returned) { return returned < 0 ? -errno : static_cast<int32_t>(returned); }

// --- Descriptors ---

void LetWait(int fd) {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags >= 0) ::fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
}

// A FIFO or a device must not hold up this thread: opened without waiting, as the ring does it
// first, too, and with O_NONBLOCK taken away again where nobody asked for it. The ring would go on
// to wait for the reader of a FIFO; here that stays ENXIO.
int32_t Openat2(const Sqe& sqe) {
  auto how = *Pointer<const abi::OpenHow>(sqe.offset);
  const bool waits = (how.flags & (O_NONBLOCK | O_PATH)) == 0;
  if (waits) how.flags |= O_NONBLOCK;
  const auto fd =
      static_cast<int>(::syscall(__NR_openat2, sqe.fd, FirstPath(sqe), &how, sizeof(how)));
  if (fd >= 0 && waits) LetWait(fd);
  return Result(fd);
}

int32_t Pipe(const Sqe& sqe) { return Result(::pipe2(Pointer<int>(sqe.address), Flags(sqe))); }

// --- Ranges of a file ---

// Of a file whose transfers the ring isn't to have (served_files.h). A file without positions has
// them ignored, as by the ring.
int32_t Transfer(const Sqe& sqe) {
  const bool is_vector = sqe.opcode == abi::kOpReadv || sqe.opcode == abi::kOpWritev;
  const iovec one = {.iov_base = Pointer<void>(sqe.address), .iov_len = sqe.length};
  const iovec* parts = is_vector ? Pointer<const iovec>(sqe.address) : &one;
  const int count = is_vector ? static_cast<int>(sqe.length) : 1;
  const auto transfer = [&](off_t position) {
    return IsRead(sqe.opcode) ? ::preadv2(sqe.fd, parts, count, position, Flags(sqe))
                              : ::pwritev2(sqe.fd, parts, count, position, Flags(sqe));
  };
  const int32_t moved = Result(transfer(Position(sqe)));
  return moved == -ESPIPE ? Result(transfer(static_cast<off_t>(kOwnOffset))) : moved;
}

int32_t Ftruncate(const Sqe& sqe) { return Result(::ftruncate(sqe.fd, Position(sqe))); }

int32_t Fallocate(const Sqe& sqe) {
  return Result(::fallocate(sqe.fd, static_cast<int>(sqe.length), Position(sqe),
                            static_cast<off_t>(sqe.address)));
}

int32_t Fadvise(const Sqe& sqe) {
  const uint64_t length = sqe.address != 0 ? sqe.address : sqe.length;
  return -::posix_fadvise(sqe.fd, Position(sqe), static_cast<off_t>(length), Flags(sqe));
}

int32_t SyncFileRange(const Sqe& sqe) {
  return Result(::sync_file_range(sqe.fd, Position(sqe), sqe.length, sqe.op_flags));
}

// --- Memory ---

int32_t Madvise(const Sqe& sqe) {
  return Result(::madvise(Pointer<void>(sqe.address), sqe.length, Flags(sqe)));
}

// --- Names ---

// By number: the library's own statx makes do with stat where the kernel refuses it.
int32_t Statx(const Sqe& sqe) {
  return Result(::syscall(__NR_statx, sqe.fd, FirstPath(sqe), sqe.op_flags, sqe.length,
                          Pointer<struct statx>(sqe.offset)));
}

int32_t Renameat2(const Sqe& sqe) {
  return Result(
      ::renameat2(sqe.fd, FirstPath(sqe), SecondFolder(sqe), SecondPath(sqe), sqe.op_flags));
}

int32_t Unlinkat(const Sqe& sqe) { return Result(::unlinkat(sqe.fd, FirstPath(sqe), Flags(sqe))); }

int32_t Mkdirat(const Sqe& sqe) { return Result(::mkdirat(sqe.fd, FirstPath(sqe), sqe.length)); }

int32_t Symlinkat(const Sqe& sqe) {
  return Result(::symlinkat(FirstPath(sqe), sqe.fd, SecondPath(sqe)));
}

int32_t Linkat(const Sqe& sqe) {
  return Result(::linkat(sqe.fd, FirstPath(sqe), SecondFolder(sqe), SecondPath(sqe), Flags(sqe)));
}

// --- Extended attributes: the first path is the name, the path of the file comes third ---

const char* File(const Sqe& sqe) { return Pointer<const char>(sqe.address3); }
void* Value(const Sqe& sqe) { return Pointer<void>(sqe.offset); }

int32_t Getxattr(const Sqe& sqe) {
  return Result(::getxattr(File(sqe), FirstPath(sqe), Value(sqe), sqe.length));
}

int32_t Fgetxattr(const Sqe& sqe) {
  return Result(::fgetxattr(sqe.fd, FirstPath(sqe), Value(sqe), sqe.length));
}

int32_t Setxattr(const Sqe& sqe) {
  return Result(::setxattr(File(sqe), FirstPath(sqe), Value(sqe), sqe.length, Flags(sqe)));
}

int32_t Fsetxattr(const Sqe& sqe) {
  return Result(::fsetxattr(sqe.fd, FirstPath(sqe), Value(sqe), sqe.length, Flags(sqe)));
}

// Those of the operations table with `fallback: "system call"`.
constexpr struct {
  uint8_t operation;
  PlainCall call;
} kCalls[] = {
    {abi::kOpFtruncate, Ftruncate}, {abi::kOpFallocate, Fallocate},
    {abi::kOpFadvise, Fadvise},     {abi::kOpSyncFileRange, SyncFileRange},
    {abi::kOpStatx, Statx},         {abi::kOpOpenat2, Openat2},
    {abi::kOpRenameat, Renameat2},  {abi::kOpUnlinkat, Unlinkat},
    {abi::kOpMkdirat, Mkdirat},     {abi::kOpSymlinkat, Symlinkat},
    {abi::kOpLinkat, Linkat},       {abi::kOpGetxattr, Getxattr},
    {abi::kOpFgetxattr, Fgetxattr}, {abi::kOpSetxattr, Setxattr},
    {abi::kOpFsetxattr, Fsetxattr}, {abi::kOpMadvise, Madvise},
    {abi::kOpPipe, Pipe},
};

PlainCall CallOf(uint8_t operation) {
  const auto* const found =
      std::find_if(std::begin(kCalls), std::end(kCalls),
                   [=](const auto& row) { return row.operation == operation; });
  return found == std::end(kCalls) ? nullptr : found->call;
}

}  // namespace

bool HasPlainCall(uint8_t operation) { return CallOf(operation) != nullptr; }

int32_t CallPlainly(const abi::Sqe& sqe) {
  if (IsRead(sqe.opcode) || IsWrite(sqe.opcode)) return Transfer(sqe);
  const PlainCall call = CallOf(sqe.opcode);
  return call == nullptr ? -ENOSYS : call(sqe);
}

}  // namespace ringpost
