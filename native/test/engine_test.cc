// A real engine and a client in plain C++: every operation goes the whole way, on every set-up of
// the ring.
#include "engine.h"

#include <fcntl.h>
#include <linux/io_uring.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "check.h"
#include "mapped_region.h"
#include "real_ring.h"
#include "test_engine.h"
#include "test_files.h"

namespace ringpost {
namespace {

namespace note = protocol::reply_note;
namespace stage = protocol::stage;

// Runs the body with an engine of each set-up, and a client of it.
template <typename Body>
void ForEachSetUp(Body body) {
  const struct {
    const char* name;
    uint32_t without_flags;
    uint32_t without_features;
  } set_ups[] = {
      {"default", 0, 0},
      {"no DEFER_TASKRUN", abi::kSetupDeferTaskrun, 0},
      {"no SINGLE_ISSUER, no EXT_ARG",
       abi::kSetupSingleIssuer | abi::kSetupCoopTaskrun | abi::kSetupNoSqarray, abi::kFeatExtArg}};
  for (const auto& each : set_ups) {
    const int failures_before = check::FailureCount();
    EngineSetUp set_up;
    set_up.without_setup_flags = each.without_flags;
    set_up.without_features = each.without_features;
    TestEngine engine(set_up);
    TestClient client(engine.memory(), engine.roster());
    CHECK(client.seat() >= 0);
    body(client);
    CHECK_EQ(client.in_flight(), 0);
    CHECK_EQ(client.strays(), 0);
    if (check::FailureCount() > failures_before) {
      std::printf("  that was set-up \"%s\"\n", each.name);
    }
  }
}

TEST(nop) {
  NEEDS_IO_URING();
  ForEachSetUp([](TestClient& client) {
    for (int nth = 0; nth < 20; nth++) {
      const Reply reply = client.Ask(Nop());
      CHECK_EQ(reply.result, 0);
      CHECK_EQ(reply.note, 0);
    }
  });
}

TEST(open_read_close) {
  NEEDS_IO_URING();
  const TestFolder folder;
  const std::string path = folder.FileWith("digits", "0123456789");
  const int descriptors = OpenDescriptors();
  ForEachSetUp([&](TestClient& client) {
    const int fd = client.Result(Open(path.c_str(), O_RDONLY));
    REQUIRE(fd >= 0);
    CHECK_EQ(::fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    char text[8] = {};
    CHECK_EQ(client.Result(Read(fd, text, 4, 3)), 4);
    CHECK_EQ(std::memcmp(text, "3456", 5), 0);
    CHECK_EQ(client.Result(Read(fd, text, 3, kCurrentPosition)), 3);
    CHECK_EQ(std::memcmp(text, "012", 3), 0);
    CHECK_EQ(client.Result(Read(fd, text, 8, kCurrentPosition)), 7);  // short, at the end
    CHECK_EQ(std::memcmp(text, "3456789", 8), 0);
    CHECK_EQ(client.Result(Read(fd, text, 8, kCurrentPosition)), 0);
    CHECK_EQ(client.Result(Read(fd, text, 8, uint64_t{5} << 32)), 0);
    CHECK_EQ(client.Result(CloseFd(fd)), 0);
    CHECK_EQ(client.Result(CloseFd(fd)), -EBADF);
    CHECK_EQ(client.Result(Read(fd, text, 8, 0)), -EBADF);
  });
  CHECK_EQ(OpenDescriptors(), descriptors);
}

TEST(the_kernels_errors_come_back) {
  NEEDS_IO_URING();
  const TestFolder folder;
  ForEachSetUp([&](TestClient& client) {
    char text[8] = {};
    CHECK_EQ(client.Result(Open(folder.File("none").c_str(), O_RDONLY)), -ENOENT);
    CHECK_EQ(client.Result(Open(folder.File("").c_str(), O_WRONLY)), -EISDIR);
    CHECK_EQ(client.Result(Stat(folder.File("none").c_str())), -ENOENT);
    CHECK_EQ(client.Result(Fsync(-1)), -EBADF);
    const Reply missing = client.Ask(ReadFile(folder.File("none").c_str(), text, sizeof(text)));
    CHECK_EQ(missing.result, -ENOENT);
    CHECK_EQ(missing.note, stage::kOpen);
    const Reply directory = client.Ask(ReadFile(folder.File("").c_str(), text, sizeof(text)));
    CHECK_EQ(directory.result, -EISDIR);
    CHECK_EQ(directory.note, stage::kMove);
    const Reply full = client.Ask(WriteFile("/dev/full", "x", 1));
    CHECK_EQ(full.result, -ENOSPC);
    CHECK_EQ(full.note, stage::kMove);
  });
}

TEST(write_and_sync) {
  NEEDS_IO_URING();
  const TestFolder folder;
  ForEachSetUp([&](TestClient& client) {
    const std::string path = folder.File("written");
    const int fd = client.Result(Open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC, 0640));
    REQUIRE(fd >= 0);
    CHECK_EQ(client.Result(Write(fd, "hello world", 11, 0)), 11);
    CHECK_EQ(client.Result(Write(fd, "W", 1, 6)), 1);
    CHECK_EQ(client.Result(Fsync(fd)), 0);
    CHECK_EQ(client.Result(Fdatasync(fd)), 0);
    CHECK_EQ(ContentOf(path), "hello World");
    constexpr uint64_t kBeyond4Gib = (uint64_t{1} << 32) + 10;
    CHECK_EQ(client.Result(Write(fd, "!", 1, kBeyond4Gib)), 1);
    struct stat status = {};
    CHECK_EQ(::fstat(fd, &status), 0);
    CHECK_EQ(status.st_size, kBeyond4Gib + 1);
    CHECK_EQ(status.st_mode & 0777, 0640);
    CHECK_EQ(client.Result(CloseFd(fd)), 0);
  });
}

TEST(stat_writes_its_result_into_the_payload) {
  NEEDS_IO_URING();
  const TestFolder folder;
  const std::string path = folder.FileWith("three", "abc");
  ForEachSetUp([&](TestClient& client) {
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    for (const TestRequest& request : {Stat(path.c_str()), Stat(nullptr, fd.get())}) {
      const Reply reply = client.Ask(request);
      CHECK_EQ(reply.result, 0);
      struct statx result = {};
      std::memcpy(&result, client.mailbox().Result(reply.slot), sizeof(result));
      CHECK_EQ(result.stx_size, 3);
      CHECK_EQ(result.stx_mode & S_IFMT, S_IFREG);
    }
  });
}

TEST(vectors) {
  NEEDS_IO_URING();
  const TestFolder folder;
  const std::string path = folder.File("vectors");
  ForEachSetUp([&](TestClient& client) {
    const int fd = client.Result(Open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC));
    REQUIRE(fd >= 0);
    char one[] = "one,";
    char two[] = "two,";
    char three[] = "three";
    CHECK_EQ(
        client.Result(Vectored(protocol::opcode::kWritev, fd, {{one, 4}, {two, 4}, {three, 5}}, 0)),
        13);
    CHECK_EQ(ContentOf(path), "one,two,three");
    char head[6] = {};
    char tail[20] = {};
    CHECK_EQ(client.Result(Vectored(protocol::opcode::kReadv, fd, {{head, 5}, {tail, 19}}, 2)), 11);
    CHECK_EQ(std::string(head), "e,two");
    CHECK_EQ(std::string(tail), ",three");
    CHECK_EQ(client.Result(CloseFd(fd)), 0);
  });
}

TEST(whole_files) {
  NEEDS_IO_URING();
  const TestFolder folder;
  const int descriptors = OpenDescriptors();
  ForEachSetUp([&](TestClient& client) {
    const std::string path = folder.File("whole");
    const std::string content(100'000, 'w');
    Reply reply =
        client.Ask(WriteFile(path.c_str(), content.data(), 100'000, protocol::open_flag::kFlush));
    CHECK_EQ(reply.result, 100'000);
    CHECK_EQ(reply.note, 0);
    CHECK(ContentOf(path) == content);

    std::string read(200'000, '\0');
    reply = client.Ask(ReadFile(path.c_str(), read.data(), 200'000));
    CHECK_EQ(reply.result, 100'000);
    CHECK_EQ(reply.note, note::kEndOfFile);
    CHECK(std::memcmp(read.data(), content.data(), content.size()) == 0);

    CHECK_EQ(client.Result(WriteFile(path.c_str(), "", 0)), 0);
    CHECK_EQ(ContentOf(path), "");
    CHECK_EQ(client.Ask(ReadFile(path.c_str(), read.data(), 10)).note, note::kEndOfFile);
  });
  CHECK_EQ(OpenDescriptors(), descriptors);
}

TEST(a_file_that_is_larger_than_the_buffer_is_read_on) {
  NEEDS_IO_URING();
  const TestFolder folder;
  const std::string path = folder.FileWith("long", "0123456789");
  const int descriptors = OpenDescriptors();
  ForEachSetUp([&](TestClient& client) {
    char text[16] = {};
    Reply reply = client.Ask(ReadFile(path.c_str(), text, 4));
    CHECK_EQ(reply.result, 4);
    CHECK_EQ(reply.note, note::kKeepsFd);
    int32_t fd = -1;
    std::memcpy(&fd, client.mailbox().Result(reply.slot), sizeof(fd));
    reply = client.Ask(ReadRest(fd, text + 4, 3, 4));
    CHECK_EQ(reply.result, 3);
    CHECK_EQ(reply.note, note::kKeepsFd);
    int32_t same_fd = -1;
    std::memcpy(&same_fd, client.mailbox().Result(reply.slot), sizeof(same_fd));
    CHECK_EQ(same_fd, fd);
    reply = client.Ask(ReadRest(fd, text + 7, 9, 7));
    CHECK_EQ(reply.result, 3);
    CHECK_EQ(reply.note, note::kEndOfFile);
    CHECK_EQ(std::string(text), "0123456789");
  });
  CHECK_EQ(OpenDescriptors(), descriptors);
}

TEST(a_file_of_unknown_size) {
  NEEDS_IO_URING();
  ForEachSetUp([](TestClient& client) {
    char text[4096] = {};
    const Reply reply = client.Ask(ReadFile("/proc/self/maps", text, sizeof(text)));
    CHECK(reply.result > 0);
    const Reply version = client.Ask(ReadFile("/proc/version", text, sizeof(text)));
    CHECK_EQ(version.note, note::kEndOfFile);
    CHECK_EQ(std::string(text, 6), "Linux ");
    int32_t fd = -1;
    if (reply.note != note::kKeepsFd) return;
    std::memcpy(&fd, client.mailbox().Result(reply.slot), sizeof(fd));
    CHECK_EQ(client.Result(CloseFd(fd)), 0);
  });
}

TEST(a_slab_is_registered_and_used) {
  NEEDS_IO_URING();
  const TestFolder folder;
  const std::string path = folder.FileWith("slab", "0123456789");
  ForEachSetUp([&](TestClient& client) {
    constexpr uint32_t kSlab = 5;
    constexpr uint32_t kSlabBytes = 4 * 4096;
    MappedRegion slab;
    CHECK_EQ(MappedRegion::Zeroed(kSlabBytes, &slab), 0);
    CHECK(client.regions().PinSlab(kSlab, kSlab, slab.base(), kSlabBytes));
    const UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    // Before it is registered it is plain memory; afterwards a buffer of the ring.
    for (const bool registers : {false, true}) {
      if (registers) {
        const int32_t registered = client.Result(RegisterSlab(kSlab, kSlabBytes));
        if (registered == -EOPNOTSUPP || registered == -ENOMEM) SKIP("no registered buffers here");
        CHECK_EQ(registered, 0);
        CHECK(client.regions().IsRegistered(kSlab));
      }
      std::memset(slab.base(), 0, kSlabBytes);
      CHECK_EQ(client.Result(InSlab(Read(fd.get(), nullptr, 4, 3), kSlab, 4090)), 4);
      CHECK_EQ(std::memcmp(slab.base() + 4088,
                           "\0\0"
                           "3456"
                           "\0",
                           7),
               0);
      CHECK_EQ(client.Result(InSlab(Write(fd.get(), nullptr, 4, 20), kSlab, 4090)), 4);
      CHECK_EQ(ContentOf(path).substr(20), "3456");
      TestRequest whole = InSlab(ReadFile(path.c_str(), nullptr, 4096), kSlab, 8192);
      CHECK_EQ(client.Ask(whole).note, note::kEndOfFile);
      CHECK_EQ(std::memcmp(slab.base() + 8192, "0123456789", 10), 0);
    }
    CHECK_EQ(client.Result(InSlab(Read(fd.get(), nullptr, 2, 0), kSlab, kSlabBytes - 1)), -EFAULT);
    CHECK_EQ(client.Result(InSlab(Read(fd.get(), nullptr, 1, 0), kSlab + 1, 0)), -EFAULT);
    CHECK_EQ(client.Result(RegisterSlab(kSlab + 1, 4096)), -EFAULT);
    CHECK_EQ(client.Result(RegisterSlab(kSlab, kSlabBytes + 1)), -EFAULT);
  });
}

TEST(slabs_are_counted_by_whether_they_were_registered) {
  NEEDS_IO_URING();
  namespace counter = protocol::engine_counter;
  TestEngine engine({});
  TestClient client(engine.memory(), engine.roster());
  MappedRegion slab;
  CHECK_EQ(MappedRegion::Zeroed(4096, &slab), 0);
  CHECK(client.regions().PinSlab(0, 0, slab.base(), 4096));
  CHECK_EQ(client.Result(RegisterSlab(1, 4096)), -EFAULT);
  CHECK_EQ(engine.counter(counter::kSlabsRefused), 1);
  CHECK_EQ(engine.counter(counter::kSlabsRegistered), 0);
  if (client.Result(RegisterSlab(0, 4096)) < 0) SKIP("no registered buffers here");
  CHECK_EQ(engine.counter(counter::kSlabsRefused), 1);
  CHECK_EQ(engine.counter(counter::kSlabsRegistered), 1);
}

TestRequest Madvise(void* base, uint32_t bytes, uint32_t advice) {
  TestRequest request = Transfer(protocol::opcode::kMadvise, -1, base, bytes, 0);
  request.words.flags = advice;
  return request;
}

TEST(advice_takes_no_pages_away_that_a_ring_has_registered) {
  NEEDS_IO_URING();
  namespace advice = protocol::memory_advice;
  ForEachSetUp([](TestClient& client) {
    constexpr uint8_t kCanary = 0xc3;
    constexpr uint32_t kSlab = 5;
    constexpr uint32_t kSlabBytes = 4 * 4096;
    MappedRegion slab;
    CHECK_EQ(MappedRegion::Zeroed(kSlabBytes, &slab), 0);
    CHECK(client.regions().PinSlab(kSlab, kSlab, slab.base(), kSlabBytes));
    std::memset(slab.base(), kCanary, kSlabBytes);
    const auto in_slab = [&](uint32_t given) {
      return client.Result(InSlab(Madvise(nullptr, 4096, given), kSlab, 8192));
    };
    CHECK_EQ(in_slab(advice::kDontneed), 0);
    CHECK_EQ(slab.base()[8191], kCanary);
    CHECK_EQ(slab.base()[8192], 0);
    CHECK_EQ(slab.base()[8192 + 4096], kCanary);
    const int32_t registered = client.Result(RegisterSlab(kSlab, kSlabBytes));
    if (registered == -EOPNOTSUPP || registered == -ENOMEM) SKIP("no registered buffers here");
    for (const uint32_t given : {advice::kDontneed, advice::kFree}) {
      CHECK_EQ(in_slab(given), -EBUSY);
      // By whatever way it is named.
      CHECK_EQ(client.Result(Madvise(slab.base() + 12288, 4096, given)), -EBUSY);
    }
    CHECK_EQ(in_slab(advice::kWillneed), 0);
    CHECK_EQ(slab.base()[0], kCanary);
  });
}

}  // namespace
}  // namespace ringpost
