// Reads of cached data: what they give, and what they leave to the ring.
#include "hot_read.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "check.h"
#include "test_files.h"

namespace ringpost {
namespace {

constexpr int kPageBytes = 4096;

int Read(int fd, std::string* memory, int64_t offset) {
  return ReadHot(fd, reinterpret_cast<uint8_t*>(memory->data()), memory->size(), offset);
}

UniqueFd Open(const std::string& path, int flags) {
  return UniqueFd(::open(path.c_str(), flags | O_CLOEXEC));
}

TEST(what_is_cached_is_read_up_to_the_end_of_the_file) {
  const TestFolder folder;
  const std::string path = folder.FileWith("file", "0123456789");
  CHECK_EQ(ContentOf(path).size(), 10U);  // and so it is cached
  const UniqueFd fd = Open(path, O_RDONLY);
  std::string memory(4, '-');
  const int read = Read(fd.get(), &memory, 2);
  if (read == -EOPNOTSUPP) SKIP("the file system has no RWF_NOWAIT");
  if (read == -ENOSYS) SKIP("the kernel has no cachestat");
  CHECK_EQ(read, 4);
  CHECK_EQ(memory, "2345");
  memory = "----";
  CHECK_EQ(Read(fd.get(), &memory, 8), 2);
  CHECK_EQ(memory, "89--");
  CHECK_EQ(Read(fd.get(), &memory, 10), 0);
  CHECK_EQ(Read(fd.get(), &memory, int64_t{1} << 40), -EAGAIN);  // nor is that page cached
  CHECK_EQ(memory, "89--");
  CHECK_EQ(::lseek(fd.get(), 0, SEEK_CUR), 0);
}

TEST(what_is_cached_in_part_is_left_to_the_ring_whole) {
  const TestFolder folder;
  const std::string path = folder.FileWith("file", std::string(64 * kPageBytes, 'x'));
  const UniqueFd fd = Open(path, O_RDWR);
  std::string memory(4 * kPageBytes, '-');
  if (Read(fd.get(), &memory, 0) < 0) SKIP("nothing can be read hot here");
  CHECK_EQ(::fsync(fd.get()), 0);  // what is dirty stays cached
  CHECK_EQ(::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_DONTNEED), 0);
  CHECK_EQ(::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_RANDOM), 0);  // and nothing is read ahead
  char byte = 0;
  CHECK_EQ(::pread(fd.get(), &byte, 1, 0), 1);
  memory.assign(memory.size(), '-');
  if (Read(fd.get(), &memory, 0) >= 0)
    SKIP("the file system keeps its pages, or reads more of them");
  CHECK(memory == std::string(memory.size(), '-'));
  memory.resize(kPageBytes);
  CHECK_EQ(Read(fd.get(), &memory, 0), kPageBytes);
  CHECK(memory == std::string(memory.size(), 'x'));
}

TEST(what_is_open_past_the_page_cache_is_left_to_the_ring) {
  const TestFolder folder;
  const UniqueFd fd = Open(folder.FileWith("file", std::string(4096, 'x')), O_RDONLY | O_DIRECT);
  if (fd.get() < 0) SKIP("the file system has no O_DIRECT");
  std::string memory(4096, '-');
  CHECK_EQ(Read(fd.get(), &memory, 0), -EAGAIN);
}

TEST(a_number_may_be_another_file_by_the_next_read) {
  const TestFolder folder;
  const std::string path = folder.FileWith("file", std::string(4096, 'x'));
  const UniqueFd fd = Open(path, O_RDONLY);
  std::string memory(4096, '-');
  if (Read(fd.get(), &memory, 0) < 0) SKIP("nothing can be read hot here");
  if (const UniqueFd direct = Open(path, O_RDONLY | O_DIRECT); direct.get() >= 0) {
    CHECK_EQ(::dup2(direct.get(), fd.get()), fd.get());
    CHECK_EQ(Read(fd.get(), &memory, 0), -EAGAIN);
  }
  int ends[2];
  CHECK_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const UniqueFd from(ends[0]);
  const UniqueFd to(ends[1]);
  CHECK_EQ(::write(to.get(), "byte", 4), 4);
  CHECK_EQ(::dup2(from.get(), fd.get()), fd.get());
  CHECK(Read(fd.get(), &memory, 0) < 0);
  char left[8];
  CHECK_EQ(::read(from.get(), left, sizeof(left)), 4);
}

TEST(what_cannot_be_read_says_why) {
  const TestFolder folder;
  std::string memory(4, '-');
  CHECK_EQ(Read(-1, &memory, 0), -EBADF);
  const UniqueFd writable = Open(folder.FileWith("file", "text"), O_WRONLY);
  CHECK_EQ(Read(writable.get(), &memory, 0), -EBADF);
  CHECK_EQ(memory, "----");
}

TEST(what_is_no_file_is_left_alone) {
  const Pipe pipe;
  pipe.Write("text");
  const UniqueFd zero = Open("/dev/zero", O_RDONLY);
  std::string memory(4, '-');
  for (const int fd : {pipe.out.get(), zero.get()}) CHECK(Read(fd, &memory, 0) < 0);
  CHECK_EQ(memory, "----");
}

int ReadFile(const std::string& path, std::string* memory) {
  return ReadHotFile(path.c_str(), reinterpret_cast<uint8_t*>(memory->data()), memory->size());
}

TEST(a_whole_file_that_is_cached_is_read) {
  const TestFolder folder;
  const std::string path = folder.FileWith("file", "0123456789");
  CHECK_EQ(::symlink("file", folder.File("link").c_str()), 0);
  CHECK_EQ(ContentOf(path).size(), 10U);
  std::string memory(11, '-');
  if (ReadFile(path, &memory) < 0) SKIP("nothing can be read hot here");
  CHECK_EQ(memory, "0123456789-");
  memory.assign(11, '-');
  CHECK_EQ(ReadFile(folder.File("link"), &memory), 10);
  CHECK_EQ(memory, "0123456789-");
}

TEST(whatever_else_a_path_names_is_left_to_the_ring) {
  const TestFolder folder;
  const std::string full = folder.FileWith("full", "0123");
  const std::string empty = folder.FileWith("empty", "");
  std::string memory(4, '-');
  for (const std::string& path : {full, empty, folder.File("missing"), folder.File(""),
                                  std::string("/proc/self/stat"), std::string("/dev/zero")}) {
    CHECK_EQ(ReadFile(path, &memory), -EAGAIN);
  }
  CHECK_EQ(memory, "----");
}

TEST(a_fifo_is_not_even_opened) {
  const TestFolder folder;
  const std::string path = folder.File("fifo");
  CHECK_EQ(::mkfifo(path.c_str(), 0600), 0);
  const UniqueFd reader = Open(path, O_RDONLY | O_NONBLOCK);
  const UniqueFd writer = Open(path, O_WRONLY | O_NONBLOCK);
  CHECK_EQ(::write(writer.get(), "text", 4), 4);
  std::string memory(8, '-');
  CHECK_EQ(ReadFile(path, &memory), -EAGAIN);
  CHECK_EQ(memory, "--------");
  char text[4];
  CHECK_EQ(::read(reader.get(), text, 4), 4);
}

}  // namespace
}  // namespace ringpost
