// A wait becomes the right submission (native/src/prepare_waits.h).
#include "prepare_waits.h"

#include <sys/wait.h>

#include <cerrno>

#include "check.h"
#include "descriptor_users.h"
#include "request_desk.h"

namespace ringpost {
namespace {

TEST(timeout) {
  Desk desk;
  Request request = Make(opcode::kTimeout);
  const uint64_t ns = 5'000'000'007;
  request.position_low = static_cast<uint32_t>(ns);
  request.position_high = ns >> 32;
  const abi::Sqe sqe = desk.Prepare(request);
  CHECK_EQ(sqe.opcode, abi::kOpTimeout);
  CHECK_EQ(sqe.fd, -1);
  CHECK_EQ(sqe.address, Address(&desk.flight.time));
  CHECK_EQ(desk.flight.time.seconds, 5);
  CHECK_EQ(desk.flight.time.ns, 7);
  CHECK_EQ(sqe.length, 1);
  CHECK_EQ(sqe.offset, 0);  // else it would end with so many completions
  CHECK_EQ(sqe.op_flags, 0);
  CHECK(desk.PayloadsUntouched());
}

TEST(waitid) {
  Desk desk;
  Request request = Make(opcode::kWaitid);
  request.length = 4711;
  request.mode = P_PID;
  request.flags = WEXITED | WNOWAIT;
  abi::Sqe sqe = desk.Prepare(request);
  CHECK_EQ(sqe.opcode, abi::kOpWaitid);
  CHECK_EQ(sqe.fd, 4711);
  CHECK_EQ(sqe.length, P_PID);
  CHECK_EQ(sqe.file_index, WEXITED | WNOWAIT);
  CHECK_EQ(sqe.offset, Address(desk.mailbox.Result(kSlot)));
  CHECK_EQ(sqe.address, 0);
  CHECK_EQ(sqe.op_flags, 0);
  CHECK_EQ(DescriptorOf(sqe), -1);
  request.mode = abi::kIdIsPidfd;
  sqe = desk.Prepare(request);
  CHECK_EQ(sqe.fd, 33);
  CHECK_EQ(DescriptorOf(sqe), 33);
}

TEST(waits_on_a_word_and_ends_them) {
  Desk desk;
  for (const uint32_t op : {opcode::kFutexWait, opcode::kFutexWake}) {
    Request request = WithOwn(op, 100, 4);
    request.flags = UINT32_MAX;
    const abi::Sqe sqe = desk.Prepare(request);
    CHECK_EQ(sqe.opcode, op == opcode::kFutexWait ? abi::kOpFutexWait : abi::kOpFutexWake);
    CHECK_EQ(sqe.fd, 0x82);
    CHECK_EQ(sqe.address, Address(desk.buffer.data() + 100));
    CHECK_EQ(sqe.offset, UINT32_MAX);
    CHECK_EQ(sqe.address3, UINT32_MAX);
    CHECK_EQ(sqe.length, 0);
    CHECK_EQ(sqe.op_flags, 0);
    CHECK_EQ(sqe.file_index, 0);
    CHECK_EQ(DescriptorOf(sqe), -1);
  }
  CHECK(desk.PayloadsUntouched());
}

TEST(what_a_wait_comes_to) {
  CHECK_EQ(WaitResult(opcode::kTimeout, -ETIME), 0);
  CHECK_EQ(WaitResult(opcode::kTimeout, -ECANCELED), -ECANCELED);
  CHECK_EQ(WaitResult(opcode::kFutexWait, 0), protocol::futex_result::kWoken);
  CHECK_EQ(WaitResult(opcode::kFutexWait, -EAGAIN), protocol::futex_result::kNotEqual);
  CHECK_EQ(WaitResult(opcode::kFutexWait, -ETIMEDOUT), -ETIMEDOUT);
  for (const uint32_t op : {opcode::kRead, opcode::kFutexWake, opcode::kWaitid}) {
    for (const int32_t result : {-EAGAIN, -ETIME, 3}) CHECK_EQ(WaitResult(op, result), result);
  }
}

}  // namespace
}  // namespace ringpost
