#include "prepare_submission.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "open_flags.h"
#include "recipes.h"
#include "transfer.h"

namespace ringpost {

namespace {

namespace opcode = protocol::opcode;
namespace payload = protocol::payload;

uint64_t Address(const void* pointer) { return reinterpret_cast<uint64_t>(pointer); }

// The path in the slot's payload. Closed with a NUL here, whatever the client wrote: the kernel
// must not read on. Returns nullptr where the length is not that of a path.
const char* PathOf(const Request& request, const Mailbox& mailbox) {
  if (request.path_bytes == 0 || request.path_bytes >= payload::kPathCapacity) return nullptr;
  uint8_t* path = mailbox.Path(request.slot);
  path[request.path_bytes] = 0;
  return reinterpret_cast<const char*>(path);
}

int FindBuffer(const Request& request, const RegionTable& regions, Span* out) {
  if (request.length > protocol::kMaxTransferBytes) return -EINVAL;
  if (request.region == protocol::region::kOwn) {
    return regions.FindOwn(request.slot, request.region_generation, request.region_offset,
                           request.length, out);
  }
  return regions.FindSlab(request.region, request.region_generation, request.region_offset,
                          request.length, out);
}

int PrepareOpen(const Request& request, const Mailbox& mailbox, abi::Sqe* sqe) {
  const char* path = PathOf(request, mailbox);
  if (path == nullptr) return -EINVAL;
  sqe->opcode = abi::kOpOpenat;
  sqe->fd = AT_FDCWD;
  sqe->address = Address(path);
  sqe->length = request.mode;
  sqe->op_flags = KernelOpenFlags(request.flags);
  return 0;
}

int PrepareTransfer(const Request& request, const RegionTable& regions, Direction direction,
                    abi::Sqe* sqe) {
  Span buffer;
  if (const int found = FindBuffer(request, regions, &buffer); found < 0) return found;
  FillTransfer(direction, request.fd, request.position(), buffer, sqe);
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
      sqe->opcode = abi::kOpClose;
      sqe->fd = request.fd;
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
    case opcode::kReadFile:
    case opcode::kReadRest:
    case opcode::kWriteFile:
      return PrepareRecipe(request, mailbox, regions, flight, sqe);
    default:
      return -EINVAL;
  }
}

}  // namespace ringpost
