// Nothing in a request is believed (native/src/prepare_submission.h): EINVAL or EFAULT, and nothing
// touched.
#include <cerrno>
#include <cstring>

#include "check.h"
#include "prepare_submission.h"
#include "random.h"
#include "request_desk.h"

namespace ringpost {
namespace {

TEST(unknown_operations_are_refused) {
  Desk desk;
  for (const uint32_t op : {0u, opcode::kRegisterSlab, opcode::kCancel, protocol::kLastOpcode + 1,
                            255u, 256u + opcode::kRead, 0x8000'0000u | opcode::kNop, UINT32_MAX}) {
    CHECK_EQ(desk.Refusal(WithOwn(op, 0, 1)), -EINVAL);
  }
}

TEST(wild_lengths_are_refused) {
  Desk desk;
  for (const uint32_t op : kTransfers) {
    for (const uint32_t length : {kBytes + 1, protocol::kMaxTransferBytes}) {
      CHECK_EQ(desk.Refusal(WithOwn(op, 0, length)), -EFAULT);
      CHECK_EQ(desk.Refusal(WithSlab(op, 0, length)), -EFAULT);
    }
    for (const uint32_t length : {protocol::kMaxTransferBytes + 1, 0x8000'0000u, UINT32_MAX}) {
      CHECK_EQ(desk.Refusal(WithOwn(op, 0, length)), -EINVAL);
      CHECK_EQ(desk.Refusal(WithSlab(op, 0, length)), -EINVAL);
    }
    for (const uint32_t offset : {1u, kBytes + 1, UINT32_MAX - kBytes + 1, UINT32_MAX}) {
      CHECK_EQ(desk.Refusal(WithOwn(op, offset, kBytes)), -EFAULT);
      CHECK_EQ(desk.Refusal(WithSlab(op, offset, kBytes)), -EFAULT);
    }
  }
  desk.PinVectors(3);
  for (const uint32_t count : {0u, 1u, 4u, protocol::kMaxVectors + 1, UINT32_MAX}) {
    CHECK_EQ(desk.Refusal(WithOwn(opcode::kReadv, 0, count)), -EFAULT);
    CHECK_EQ(desk.Refusal(WithOwn(opcode::kWritev, 0, count)), -EFAULT);
  }
}

TEST(memory_that_is_not_the_requests_is_refused) {
  for (const uint32_t op :
       {opcode::kRead, opcode::kWrite, opcode::kReadv, opcode::kWritev, opcode::kReadFile,
        opcode::kReadRest, opcode::kWriteFile, opcode::kMadvise}) {
    Desk desk;
    const bool many = op == opcode::kReadv || op == opcode::kWritev;
    if (many) desk.PinVectors(2);
    Request right = WithOwn(op, 0, 2);
    right.path_bytes = op == opcode::kReadFile || op == opcode::kWriteFile ? 4 : 0;

    for (const uint32_t generation : {kGeneration - 1, kGeneration + 1, 0u, UINT32_MAX}) {
      Request stale = right;
      stale.region_generation = generation;
      CHECK_EQ(desk.Refusal(stale), -EFAULT);
    }
    Request elsewhere = right;
    elsewhere.slot = kSlot - 1;
    CHECK_EQ(desk.Refusal(elsewhere), -EFAULT);
    if (!many) {
      for (const uint32_t index :
           {0u, kSlab, kSlab + 1, protocol::kMaxSlabs, region::kOwn - 1, region::kNone}) {
        Request named = right;
        named.region = index;
        CHECK_EQ(desk.Refusal(named), -EFAULT);
      }
    }
    desk.regions.Spend(kSlot);
    CHECK_EQ(desk.Refusal(right), -EFAULT);
  }
}

TEST(paths_of_no_length_or_too_long_are_refused) {
  Desk desk;
  for (const uint32_t op : kWithPath) {
    for (const uint32_t path_bytes : {0u, payload::kPathCapacity, payload::kPathCapacity + 1,
                                      payload::kBytes, 0x8000'0000u, UINT32_MAX}) {
      if (op == opcode::kStat && path_bytes == 0) continue;  // then it is of the descriptor
      Request request = WithOwn(op, 0, 100);
      request.path_bytes = path_bytes;
      CHECK_EQ(desk.Refusal(request), -EINVAL);
    }
  }
}

TEST(second_paths_of_no_length_or_too_long_are_refused) {
  Desk desk;
  for (const uint32_t op : {opcode::kGetxattr, opcode::kSetxattr}) {
    CHECK_EQ(desk.Refusal(WithOwn(op, 0, 1)), -EINVAL);
  }
  for (const uint32_t op : kWithTwoPaths) {
    for (const uint32_t bytes : {0u, payload::kPathCapacity, 0x8000'0000u, UINT32_MAX}) {
      Request request = Make(op);
      request.path_bytes = 3;
      request.second_path_bytes = bytes;
      CHECK_EQ(desk.Refusal(request), -EINVAL);
      request.path_bytes = bytes;
      request.second_path_bytes = 3;
      CHECK_EQ(desk.Refusal(request), -EINVAL);
    }
  }
}

TEST(a_whole_file_read_into_nothing_is_refused) {
  Desk desk;
  for (const uint32_t op : {opcode::kReadFile, opcode::kReadRest}) {
    Request request = WithOwn(op, 0, 0);
    request.path_bytes = op == opcode::kReadFile ? 4 : 0;
    CHECK_EQ(desk.Refusal(request), -EINVAL);
  }
}

TEST(a_word_has_four_bytes) {
  Desk desk;
  for (const uint32_t op : {opcode::kFutexWait, opcode::kFutexWake}) {
    for (const uint32_t length : {0u, 1u, 3u, 5u, 8u, UINT32_MAX}) {
      CHECK_EQ(desk.Refusal(WithOwn(op, 0, length)), -EINVAL);
    }
    CHECK_EQ(desk.Refusal(WithOwn(op, kBytes - 3, 4)), -EFAULT);
    Request stale = WithOwn(op, 0, 4);
    stale.region_generation++;
    CHECK_EQ(desk.Refusal(stale), -EFAULT);
  }
}

TEST(advice_that_does_harm_is_refused) {
  Desk desk;
  Request request = WithOwn(opcode::kMadvise, 0, 4096);
  // Remove, don't fork, wipe on fork, don't need what is locked, poison, and what nobody knows.
  for (const uint32_t advice : {5u, 9u, 10u, 18u, 24u, 100u, 101u, 102u, UINT32_MAX}) {
    request.flags = advice;
    CHECK_EQ(desk.Refusal(request), -EINVAL);
  }
  // The kernel would round up to the page.
  for (const uint32_t advice :
       {protocol::memory_advice::kDontneed, protocol::memory_advice::kFree}) {
    request.flags = advice;
    for (const uint32_t length : {1u, 4095u, 4097u}) {
      request.length = length;
      CHECK_EQ(desk.Refusal(request), -EINVAL);
    }
    request.length = kBytes + 4096;
    CHECK_EQ(desk.Refusal(request), -EFAULT);
  }
}

// Whatever the words say: nothing outside of the buffer and the payload ever reaches a submission.
TEST(random_requests_name_no_memory_but_their_own) {
  Desk desk;
  Random random(1);
  const uint64_t buffer = Address(desk.buffer.data());
  const uint64_t payloads = Address(desk.mailbox.payloads);
  int accepted = 0;
  for (int nth = 0; nth < 200'000; nth++) {
    Request request = {};
    uint32_t words[sizeof(Request) / 4];
    for (uint32_t& word : words) word = random.OneIn(2) ? random.Word() : random.Below(16);
    std::memcpy(&request, words, sizeof(request));
    request.slot = random.Below(kSlots);  // Accept has checked it
    if (random.OneIn(2)) request.opcode = 1 + random.Below(protocol::kLastOpcode);
    if (random.OneIn(2)) request.region = random.OneIn(2) ? region::kOwn : kSlab;
    if (random.OneIn(2)) request.region_generation = random.OneIn(2) ? kGeneration : kSlab;
    if (random.OneIn(2)) request.path_bytes = random.Below(payload::kPathCapacity + 2);
    if (random.OneIn(2)) request.second_path_bytes = random.Below(payload::kPathCapacity + 2);
    if (random.OneIn(2)) request.length = random.Below(kBytes + 2);
    abi::Sqe sqe = {};
    InFlight flight;
    flight.opcode = request.opcode;
    const int refused = PrepareSubmission(request, desk.mailbox, desk.regions, &flight, &sqe);
    CHECK(refused == 0 || refused == -EINVAL || refused == -EFAULT);
    if (refused != 0) continue;
    accepted++;
    const bool in_buffer = sqe.address >= buffer && sqe.address <= buffer + kBytes &&
                           sqe.length <= buffer + kBytes - sqe.address;
    const uint64_t slots_payload = payloads + request.slot * uint64_t{payload::kBytes};
    const bool is_path = sqe.address == slots_payload + payload::kPathOffset;
    switch (sqe.opcode) {
      case abi::kOpRead:
      case abi::kOpWrite:
      case abi::kOpMadvise:
        CHECK(in_buffer);
        break;
      case abi::kOpOpenat:
      case abi::kOpUnlinkat:
      case abi::kOpMkdirat:
        CHECK(is_path);
        break;
      case abi::kOpRenameat:
      case abi::kOpLinkat:
      case abi::kOpSymlinkat:
        CHECK(is_path);
        CHECK_EQ(sqe.offset, slots_payload + payload::kSecondPathOffset);
        break;
      case abi::kOpTimeout:
        CHECK_EQ(sqe.address, Address(&flight.time));
        CHECK_EQ(sqe.length, 1);
        break;
      case abi::kOpWaitid:
        CHECK_EQ(sqe.address, 0);
        CHECK_EQ(sqe.offset, slots_payload + payload::kResultOffset);
        break;
      case abi::kOpFutexWait:
      case abi::kOpFutexWake:
        CHECK(sqe.address >= buffer && sqe.address + 4 <= buffer + kBytes);
        break;
      case abi::kOpPipe:
        CHECK_EQ(sqe.address, Address(flight.pipe_ends));
        break;
      case abi::kOpOpenat2:
        CHECK(is_path);
        CHECK_EQ(sqe.offset, Address(&flight.open_how));
        CHECK_EQ(sqe.length, sizeof(flight.open_how));
        break;
      case abi::kOpGetxattr:
      case abi::kOpSetxattr:
        CHECK_EQ(sqe.address3, slots_payload + payload::kPathOffset);
        [[fallthrough]];
      case abi::kOpFgetxattr:
      case abi::kOpFsetxattr:
        CHECK_EQ(sqe.address, slots_payload + payload::kSecondPathOffset);
        CHECK(sqe.offset >= buffer && sqe.offset <= buffer + kBytes &&
              sqe.length <= buffer + kBytes - sqe.offset);
        break;
      case abi::kOpSplice:
        break;  // positions and descriptors, no memory
      case abi::kOpFallocate:
      case abi::kOpFadvise:
      case abi::kOpSyncFileRange:
      case abi::kOpFtruncate:
        CHECK(sqe.address == 0 || sqe.address == request.long_length());  // a length, no memory
        break;
      case abi::kOpStatx:
        CHECK(is_path || *reinterpret_cast<const char*>(sqe.address) == '\0');
        break;
      default:
        CHECK_EQ(sqe.address, 0);
    }
  }
  CHECK(accepted > 1000);
}

}  // namespace
}  // namespace ringpost
