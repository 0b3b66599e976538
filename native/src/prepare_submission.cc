#include "prepare_submission.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "memory_advice.h"
#include "open_flags.h"
#include "prepare_waits.h"
#include "recipes.h"
#include "request_buffer.h"
#include "transfer.h"

namespace ringpost {

namespace {

namespace opcode = protocol::opcode;
namespace payload = protocol::payload;
using abi::Address;

bool IsPathLength(uint32_t bytes) { return bytes > 0 && bytes < payload::kPathCapacity; }

// A path in the slot's payload. Closed with a NUL here, whatever the client wrote: the kernel must
// not read on. Returns nullptr where the length is not that of a path.
const char* Closed(uint8_t* path, uint32_t bytes) {
  if (!IsPathLength(bytes)) return nullptr;
  path[bytes] = 0;
  return reinterpret_cast<const char*>(path);
}

const char* PathOf(const Request& request, const Mailbox& mailbox) {
  return Closed(mailbox.Path(request.slot), request.path_bytes);
}

const char* SecondPathOf(const Request& request, const Mailbox& mailbox) {
  return Closed(mailbox.SecondPath(request.slot), request.second_path_bytes);
}

int PrepareOpen(const Request& request, const Mailbox& mailbox, abi::Sqe* sqe) {
  const char* path = PathOf(request, mailbox);
  if (path == nullptr) return -EINVAL;
  FillOpen(path, request.flags, request.mode, sqe);
  return 0;
}

int PrepareOpenat2(const Request& request, const Mailbox& mailbox, InFlight* flight,
                   abi::Sqe* sqe) {
  const char* path = PathOf(request, mailbox);
  if (path == nullptr) return -EINVAL;
  flight->open_how = {KernelOpenFlags(request.flags), request.mode, request.length};
  sqe->opcode = abi::kOpOpenat2;
  sqe->fd = request.fd;
  sqe->address = Address(path);
  sqe->offset = Address(&flight->open_how);
  sqe->length = sizeof(flight->open_how);
  return 0;
}

// By path, or by descriptor where there is no path. The second path is the attribute's name.
int PrepareAttribute(const Request& request, const Mailbox& mailbox, const RegionTable& regions,
                     abi::Sqe* sqe) {
  const bool gets = request.opcode == opcode::kGetxattr;
  const bool by_path = request.path_bytes != 0;
  if (by_path && !IsPathLength(request.path_bytes)) return -EINVAL;
  if (!IsPathLength(request.second_path_bytes)) return -EINVAL;
  Span value;
  if (const int found = FindBuffer(request, regions, &value); found < 0) return found;
  sqe->address = Address(SecondPathOf(request, mailbox));
  sqe->offset = Address(value.base);
  sqe->length = value.length;
  sqe->op_flags = request.flags;
  if (by_path) {
    sqe->opcode = gets ? abi::kOpGetxattr : abi::kOpSetxattr;
    sqe->address3 = Address(PathOf(request, mailbox));
  } else {
    sqe->opcode = gets ? abi::kOpFgetxattr : abi::kOpFsetxattr;
    sqe->fd = request.fd;
  }
  return 0;
}

int PrepareTransfer(const Request& request, const RegionTable& regions, Direction direction,
                    abi::Sqe* sqe) {
  Span buffer;
  if (const int found = FindBuffer(request, regions, &buffer); found < 0) return found;
  FillTransfer(direction, request.fd, request.position(), buffer, sqe);
  sqe->op_flags = request.flags;
  return 0;
}

int PrepareVectors(const Request& request, const RegionTable& regions, uint8_t operation,
                   abi::Sqe* sqe) {
  Vectors vectors;
  const int found =
      regions.FindVectors(request.slot, request.region_generation, request.length, &vectors);
  if (found < 0) return found;
  sqe->opcode = operation;
  sqe->flags = FlagsForLength(TotalBytes(vectors.list, vectors.count));
  sqe->fd = request.fd;
  sqe->offset = request.position();
  sqe->address = Address(vectors.list);
  sqe->length = vectors.count;
  sqe->op_flags = request.flags;
  return 0;
}

int PrepareSync(const Request& request, uint32_t flags, abi::Sqe* sqe) {
  sqe->opcode = abi::kOpFsync;
  sqe->fd = request.fd;
  sqe->op_flags = flags;
  return 0;
}

int PrepareStatx(const Request& request, const Mailbox& mailbox, abi::Sqe* sqe) {
  static_assert(sizeof(struct statx) <= payload::kResultBytes);
  const bool by_path = request.path_bytes != 0;
  const char* path = by_path ? PathOf(request, mailbox) : "";
  if (path == nullptr) return -EINVAL;
  sqe->opcode = abi::kOpStatx;
  sqe->fd = by_path ? AT_FDCWD : request.fd;
  sqe->address = Address(path);
  sqe->length = request.mode;
  sqe->op_flags = request.flags | (by_path ? 0u : uint32_t{AT_EMPTY_PATH});
  sqe->offset = Address(mailbox.Result(request.slot));
  return 0;
}

// Operations on a range of an open file.
int PrepareRange(const Request& request, uint8_t operation, abi::Sqe* sqe) {
  sqe->opcode = operation;
  sqe->fd = request.fd;
  sqe->offset = request.position();
  sqe->length = request.length;
  // Newer kernels look here for a length of fadvise that doesn't fit there (Ring::Takes).
  if (request.length_high != 0) sqe->address = request.long_length();
  sqe->op_flags = request.flags;
  return 0;
}

int PrepareFallocate(const Request& request, abi::Sqe* sqe) {
  sqe->opcode = abi::kOpFallocate;
  sqe->fd = request.fd;
  sqe->offset = request.position();
  sqe->address = request.long_length();
  sqe->length = request.mode;
  return 0;
}

// unlink, rmdir, mkdir
int PrepareOnePath(const Request& request, const Mailbox& mailbox, uint8_t operation,
                   uint32_t flags, abi::Sqe* sqe) {
  const char* path = PathOf(request, mailbox);
  if (path == nullptr) return -EINVAL;
  sqe->opcode = operation;
  sqe->fd = AT_FDCWD;
  sqe->address = Address(path);
  sqe->length = request.mode;
  sqe->op_flags = flags;
  return 0;
}

// rename, link, symlink: from the first path to the second. A symlink's first path is its text, so
// only one is looked up.
int PrepareTwoPaths(const Request& request, const Mailbox& mailbox, uint8_t operation,
                    abi::Sqe* sqe) {
  if (!IsPathLength(request.path_bytes) || !IsPathLength(request.second_path_bytes)) return -EINVAL;
  sqe->opcode = operation;
  sqe->fd = AT_FDCWD;
  sqe->address = Address(PathOf(request, mailbox));
  sqe->offset = Address(SecondPathOf(request, mailbox));
  if (operation == abi::kOpSymlinkat) return 0;
  sqe->length = static_cast<uint32_t>(AT_FDCWD);
  sqe->op_flags = request.flags;
  return 0;
}

// What makes and removes names.
int PrepareNames(const Request& request, const Mailbox& mailbox, abi::Sqe* sqe) {
  switch (request.opcode) {
    case opcode::kRename:
      return PrepareTwoPaths(request, mailbox, abi::kOpRenameat, sqe);
    case opcode::kUnlink:
      return PrepareOnePath(request, mailbox, abi::kOpUnlinkat, 0, sqe);
    case opcode::kRmdir:
      return PrepareOnePath(request, mailbox, abi::kOpUnlinkat, AT_REMOVEDIR, sqe);
    case opcode::kMkdir:
      return PrepareOnePath(request, mailbox, abi::kOpMkdirat, 0, sqe);
    case opcode::kSymlink:
      return PrepareTwoPaths(request, mailbox, abi::kOpSymlinkat, sqe);
    case opcode::kLink:
      return PrepareTwoPaths(request, mailbox, abi::kOpLinkat, sqe);
    default:
      return -EINVAL;
  }
}

// The kernel rounds the length up to the page: where the advice is to let go of the content, the
// bytes behind the region would go with it.
int PrepareMadvise(const Request& request, const RegionTable& regions, abi::Sqe* sqe) {
  static const auto page_bytes = static_cast<uint32_t>(::sysconf(_SC_PAGESIZE));
  if (!IsAllowedAdvice(request.flags)) return -EINVAL;
  if (LosesContent(request.flags) && request.length % page_bytes != 0) return -EINVAL;
  Span memory;
  if (const int found = FindBuffer(request, regions, &memory); found < 0) return found;
  sqe->opcode = abi::kOpMadvise;
  sqe->fd = -1;
  sqe->address = Address(memory.base);
  sqe->length = memory.length;
  sqe->op_flags = request.flags;
  return 0;
}

// The kernel writes the descriptors where no client can change them: they are the engine's to close
// as long as they aren't the client's.
int PreparePipe(const Request& request, InFlight* flight, abi::Sqe* sqe) {
  sqe->opcode = abi::kOpPipe;
  sqe->address = Address(flight->pipe_ends);
  sqe->op_flags = request.flags | O_CLOEXEC;
  return 0;
}

// splice, tee: from one descriptor to another, at least one of them a pipe.
int PrepareSplice(const Request& request, const Mailbox& mailbox, abi::Sqe* sqe) {
  const bool moves = request.opcode == opcode::kSplice;
  sqe->opcode = moves ? abi::kOpSplice : abi::kOpTee;
  sqe->fd = request.second_fd;
  sqe->file_index = request.fd;
  sqe->length = request.length;
  sqe->op_flags = request.flags;
  if (moves) {
    sqe->address = request.position();
    sqe->offset = mailbox.SecondPosition(request.slot);
  }
  return 0;
}

int PreparePoll(const Request& request, abi::Sqe* sqe) {
  sqe->opcode = abi::kOpPollAdd;
  sqe->fd = request.fd;
  sqe->op_flags = request.flags;
  return 0;
}

int PrepareRecipe(const Request& request, const Mailbox& mailbox, const RegionTable& regions,
                  InFlight* flight, abi::Sqe* sqe) {
  if (const int found = FindBuffer(request, regions, &flight->buffer); found < 0) return found;
  if (flight->buffer.length == 0 && request.opcode != opcode::kWriteFile) return -EINVAL;
  const bool opens = request.opcode != opcode::kReadRest;
  flight->path = opens ? PathOf(request, mailbox) : nullptr;
  if (opens && flight->path == nullptr) return -EINVAL;
  flight->fd = opens ? -1 : request.fd;
  flight->position = opens ? 0 : request.position();
  flight->flags = request.flags;
  flight->mode = request.mode;
  BeginRecipe(flight);
  PrepareRecipeStep(*flight, sqe);
  return 0;
}

}  // namespace

int PrepareSubmission(const Request& request, const Mailbox& mailbox, const RegionTable& regions,
                      InFlight* flight, abi::Sqe* sqe) {
  switch (request.opcode) {
    case opcode::kNop:
      sqe->opcode = abi::kOpNop;
      return 0;
    case opcode::kOpen:
      flight->flags = request.flags;
      return PrepareOpen(request, mailbox, sqe);
    case opcode::kClose:
      flight->fd = request.fd;
      FillClose(request.fd, sqe);
      return 0;
    case opcode::kRead:
      return PrepareTransfer(request, regions, Direction::kRead, sqe);
    case opcode::kWrite:
      return PrepareTransfer(request, regions, Direction::kWrite, sqe);
    case opcode::kReadv:
      return PrepareVectors(request, regions, abi::kOpReadv, sqe);
    case opcode::kWritev:
      return PrepareVectors(request, regions, abi::kOpWritev, sqe);
    case opcode::kFsync:
      return PrepareSync(request, 0, sqe);
    case opcode::kFdatasync:
      return PrepareSync(request, abi::kFsyncDatasync, sqe);
    case opcode::kStat:
      return PrepareStatx(request, mailbox, sqe);
    case opcode::kFtruncate:
      return PrepareRange(request, abi::kOpFtruncate, sqe);
    case opcode::kFallocate:
      return PrepareFallocate(request, sqe);
    case opcode::kFadvise:
      return PrepareRange(request, abi::kOpFadvise, sqe);
    case opcode::kSyncFileRange:
      return PrepareRange(request, abi::kOpSyncFileRange, sqe);
    case opcode::kOpenat2:
      flight->flags = 0;
      return PrepareOpenat2(request, mailbox, flight, sqe);
    case opcode::kGetxattr:
    case opcode::kSetxattr:
      return PrepareAttribute(request, mailbox, regions, sqe);
    case opcode::kSplice:
    case opcode::kTee:
      return PrepareSplice(request, mailbox, sqe);
    case opcode::kPoll:
      return PreparePoll(request, sqe);
    case opcode::kMadvise:
      return PrepareMadvise(request, regions, sqe);
    case opcode::kPipe:
      return PreparePipe(request, flight, sqe);
    case opcode::kPollEvents:
      sqe->length = abi::kPollAddMulti;
      return PreparePoll(request, sqe);
    case opcode::kReadFile:
    case opcode::kReadRest:
    case opcode::kWriteFile:
      return PrepareRecipe(request, mailbox, regions, flight, sqe);
    default:
      if (IsWait(request.opcode)) return PrepareWait(request, mailbox, regions, flight, sqe);
      return PrepareNames(request, mailbox, sqe);
  }
}

}  // namespace ringpost
