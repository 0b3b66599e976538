// The ring beside the main one: what goes there, and whether a device has poll queues.
#include "iopoll_ring.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "check.h"
#include "real_ring.h"
#include "test_client.h"
#include "transfer.h"
#include "unique_fd.h"

namespace ringpost {

namespace {

constexpr uint32_t kBlockBytes = 4096;

// A folder that looks like /sys/dev/block.
class FakeSysfs {
 public:
  FakeSysfs() { CHECK(::mkdtemp(path_) != nullptr); }
  ~FakeSysfs() { CHECK_EQ(std::system((std::string("rm -rf ") + path_).c_str()), 0); }
  FakeSysfs(const FakeSysfs&) = delete;
  FakeSysfs& operator=(const FakeSysfs&) = delete;

  [[nodiscard]] const char* path() const { return path_; }
  void Put(const std::string& folder, const char* says) const {
    const std::string full = std::string(path_) + "/" + folder;
    CHECK_EQ(std::system(("mkdir -p " + full).c_str()), 0);
    std::FILE* file = std::fopen((full + "/io_poll").c_str(), "w");
    if (!CHECK(file != nullptr)) return;
    std::fputs(says, file);
    std::fclose(file);
  }

 private:
  char path_[40] = "/tmp/ringpost-test-XXXXXX";
};

abi::Sqe Transfer(Direction direction, int fd, uint8_t* memory) {
  abi::Sqe sqe = {};
  FillTransfer(direction, fd, 0, {memory, kBlockBytes}, &sqe);
  sqe.user_data = 7;
  return sqe;
}

}  // namespace

TEST(a_disk_and_a_partition_say_whether_they_have_poll_queues) {
  const FakeSysfs sysfs;
  sysfs.Put("259:0/queue", "1\n");
  sysfs.Put("8:0/queue", "0\n");
  sysfs.Put("8:1/sub", "");  // a partition: its folder has none, the one above has
  PollQueues queues(sysfs.path());
  CHECK(queues.Of(makedev(259, 0)) == PollQueues::Answer::kYes);
  CHECK(queues.Of(makedev(8, 0)) == PollQueues::Answer::kNo);
  CHECK(queues.Of(makedev(8, 1)) == PollQueues::Answer::kUnknown);
  sysfs.Put("queue", "1\n");                                        // what "../queue" leads to here
  CHECK(queues.Of(makedev(8, 1)) == PollQueues::Answer::kUnknown);  // asked once
  PollQueues again(sysfs.path());
  CHECK(again.Of(makedev(8, 1)) == PollQueues::Answer::kYes);
}

TEST(what_is_no_direct_transfer_of_a_file_is_left_to_the_main_ring) {
  NEEDS_IO_URING();
  PolledRing ring;
  if (!CHECK_EQ(ring.Open({}, {.enabled = true}, 16), 0)) return;
  alignas(kBlockBytes) static uint8_t memory[kBlockBytes];
  int packets[2];
  if (!CHECK_EQ(::pipe2(packets, O_DIRECT), 0)) return;
  const UniqueFd reads(packets[0]);
  const UniqueFd writes(packets[1]);
  const UniqueFd buffered(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  CHECK(!ring.Take(Transfer(Direction::kRead, reads.get(), memory)));
  CHECK(!ring.Take(Transfer(Direction::kWrite, writes.get(), memory)));
  CHECK(!ring.Take(Transfer(Direction::kRead, buffered.get(), memory)));
  CHECK(!ring.Take(Transfer(Direction::kRead, -1, memory)));
  const UniqueFd direct(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC | O_DIRECT));
  if (!direct.valid()) SKIP("no O_DIRECT here, errno " + std::to_string(errno));
  abi::Sqe other = Transfer(Direction::kRead, direct.get(), memory);
  other.opcode = abi::kOpFsync;
  CHECK(!ring.Take(other));
  abi::Sqe in_table = Transfer(Direction::kRead, direct.get(), memory);
  in_table.flags |= abi::kSqeFixedFile;
  CHECK(!ring.Take(in_table));
  CHECK_EQ(ring.in_flight(), 0u);
}

TEST(a_direct_read_is_polled_for_or_refused) {
  NEEDS_IO_URING();
  PolledRing ring;
  if (!CHECK_EQ(ring.Open({}, {.enabled = true}, 16), 0)) return;
  alignas(kBlockBytes) static uint8_t memory[kBlockBytes];
  const UniqueFd direct(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC | O_DIRECT));
  if (!direct.valid()) SKIP("no O_DIRECT here, errno " + std::to_string(errno));
  CHECK(ring.Take(Transfer(Direction::kRead, direct.get(), memory)));
  CHECK_EQ(ring.in_flight(), 1u);
  abi::Cqe cqe = {};
  CHECK(Await([&] {
    ring.Poll();
    return ring.TakeCompletion(&cqe);
  }));
  CHECK_EQ(cqe.user_data, 7u);
  CHECK(cqe.result == static_cast<int32_t>(kBlockBytes) || cqe.result == -EOPNOTSUPP);
  CHECK_EQ(ring.in_flight(), 0u);
  CHECK(!ring.TakeCompletion(&cqe));
}

}  // namespace ringpost
