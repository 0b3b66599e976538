// Transfers by system call, of files that aren't the ring's business (served_files.h).
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "check.h"
#include "plain_calls.h"
#include "test_files.h"
#include "transfer.h"

namespace ringpost {
namespace {

TEST(transfers_are_done_at_their_position) {
  const TestFolder folder;
  const std::string path = folder.FileWith("file", "0123456789");
  const UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  std::string memory(4, '-');
  std::string more(2, '-');
  const auto span = [](std::string& of) { return reinterpret_cast<uint8_t*>(of.data()); };
  const iovec both[] = {{memory.data(), memory.size()}, {more.data(), more.size()}};
  abi::Sqe sqe = {};
  FillTransfer(Direction::kRead, fd.get(), 2, {.base = span(memory), .length = 4}, &sqe);
  CHECK_EQ(CallPlainly(sqe), 4);
  CHECK_EQ(memory, "2345");
  sqe.offset = 8;
  CHECK_EQ(CallPlainly(sqe), 2);
  CHECK_EQ(memory, "8945");
  sqe.opcode = abi::kOpWriteFixed;
  CHECK_EQ(CallPlainly(sqe), 4);
  sqe.opcode = abi::kOpReadv;
  sqe.offset = 6;
  sqe.address = abi::Address(both);
  sqe.length = 2;
  CHECK_EQ(CallPlainly(sqe), 6);
  CHECK_EQ(memory + more, "678945");
  sqe.opcode = abi::kOpWritev;
  sqe.offset = 0;
  CHECK_EQ(CallPlainly(sqe), 6);
  CHECK_EQ(ContentOf(path), "678945678945");
  sqe.fd = -1;
  CHECK_EQ(CallPlainly(sqe), -EBADF);
}

TEST(a_position_where_there_is_none_is_ignored) {
  int ends[2];
  CHECK_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const UniqueFd from(ends[0]);
  const UniqueFd to(ends[1]);
  std::string memory = "four";
  abi::Sqe sqe = {};
  const Span span = {.base = reinterpret_cast<uint8_t*>(memory.data()), .length = 4};
  FillTransfer(Direction::kWrite, to.get(), 7, span, &sqe);
  CHECK_EQ(CallPlainly(sqe), 4);
  memory = "----";
  FillTransfer(Direction::kRead, from.get(), 7, span, &sqe);
  CHECK_EQ(CallPlainly(sqe), 4);
  CHECK_EQ(memory, "four");
}

}  // namespace
}  // namespace ringpost
