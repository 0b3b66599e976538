// The recipes of native/src/recipes.h as the state machines they are: the test plays the kernel.
#include "recipes.h"

#include <fcntl.h>

#include <cerrno>
#include <vector>

#include "check.h"
#include "protocol.h"

namespace ringpost {
namespace {

namespace opcode = protocol::opcode;
namespace stage = protocol::stage;
namespace note = protocol::reply_note;

constexpr int32_t kFd = 42;
constexpr uint32_t kBytes = 1000;
constexpr uint32_t kFlush = protocol::open_flag::kFlush;

uint8_t buffer[kBytes];

InFlight Recipe(uint32_t op, uint32_t length = kBytes, uint32_t flags = 0) {
  InFlight flight;
  flight.opcode = op;
  flight.flags = flags;
  flight.mode = 0640;
  flight.path = op == opcode::kReadRest ? nullptr : "/some/file";
  flight.fd = op == opcode::kReadRest ? kFd : -1;
  flight.buffer = {.base = buffer, .length = length, .registered_index = kNotRegistered};
  // What an earlier request of this slot has left.
  flight.stage = stage::kClose;
  flight.failed_stage = stage::kMove;
  flight.error = -EIO;
  flight.done = 12345;
  BeginRecipe(&flight);
  return flight;
}

abi::Sqe Submission(const InFlight& flight) {
  abi::Sqe sqe = {};
  PrepareRecipeStep(flight, &sqe);
  return sqe;
}

// One step: what the recipe must submit now, and what the kernel says to it.
struct Step {
  uint8_t operation;
  int32_t result;
  bool cancel = false;  // the client cancels while it is in the kernel
};

// Plays the steps; the recipe must finish with the last one, and not before.
RecipeOutcome Play(InFlight& flight, const std::vector<Step>& steps) {
  for (size_t nth = 0; nth < steps.size(); nth++) {
    const Step& step = steps[nth];
    CHECK_EQ(Submission(flight).opcode, step.operation);
    if (step.cancel) flight.cancelled = true;
    const Progress progress = AdvanceRecipe(&flight, step.result);
    CHECK_EQ(progress, nth + 1 == steps.size() ? Progress::kFinished : Progress::kNextStep);
  }
  return OutcomeOf(flight);
}

void CheckOutcome(InFlight flight, const std::vector<Step>& steps, const RecipeOutcome& expected,
                  const char* what) {
  const RecipeOutcome outcome = Play(flight, steps);
  const bool right = outcome.result == expected.result && outcome.note == expected.note;
  if (!CHECK(right)) {
    std::printf("  %s: %d with note %x, not %d with note %x\n", what, outcome.result, outcome.note,
                expected.result, expected.note);
  }
  // A descriptor that the reply doesn't speak of must have been closed.
  CHECK_EQ(flight.fd, (outcome.note & note::kKeepsFd) != 0 ? kFd : -1);
}

const Step kOpened = {abi::kOpOpenat, kFd};
const Step kClosed = {abi::kOpClose, 0};

Step Read(int32_t result) { return {abi::kOpRead, result}; }
Step Write(int32_t result) { return {abi::kOpWrite, result}; }
Step Cancelled(uint8_t operation, int32_t result) { return {operation, result, true}; }

TEST(only_the_whole_file_operations_are_recipes) {
  for (uint32_t op = 0; op < 64; op++) {
    const bool is_one =
        op == opcode::kReadFile || op == opcode::kReadRest || op == opcode::kWriteFile;
    CHECK_EQ(IsRecipe(op), is_one);
  }
  CHECK(!IsRecipe(UINT32_MAX));
}

TEST(the_steps_submit_what_they_should) {
  InFlight flight = Recipe(opcode::kWriteFile, kBytes, O_WRONLY | O_CREAT | O_TRUNC | kFlush);
  abi::Sqe sqe = Submission(flight);
  CHECK_EQ(sqe.opcode, abi::kOpOpenat);
  CHECK_EQ(sqe.fd, AT_FDCWD);
  CHECK_EQ(sqe.address, reinterpret_cast<uint64_t>(flight.path));
  CHECK_EQ(sqe.length, 0640);
  CHECK_EQ(sqe.op_flags, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC);  // FLUSH is ours alone

  CHECK_EQ(AdvanceRecipe(&flight, kFd), Progress::kNextStep);
  CHECK_EQ(AdvanceRecipe(&flight, 300), Progress::kNextStep);
  sqe = Submission(flight);
  CHECK_EQ(sqe.opcode, abi::kOpWrite);
  CHECK_EQ(sqe.fd, kFd);
  CHECK_EQ(sqe.address, reinterpret_cast<uint64_t>(buffer + 300));
  CHECK_EQ(sqe.length, kBytes - 300);
  CHECK_EQ(sqe.offset, 300);
  CHECK_EQ(sqe.buffer_index, 0);

  CHECK_EQ(AdvanceRecipe(&flight, kBytes - 300), Progress::kNextStep);
  sqe = Submission(flight);
  CHECK_EQ(sqe.opcode, abi::kOpFsync);
  CHECK_EQ(sqe.fd, kFd);
  CHECK_EQ(sqe.op_flags, 0);

  CHECK_EQ(AdvanceRecipe(&flight, 0), Progress::kNextStep);
  sqe = Submission(flight);
  CHECK_EQ(sqe.opcode, abi::kOpClose);
  CHECK_EQ(sqe.fd, kFd);
  CHECK_EQ(AdvanceRecipe(&flight, 0), Progress::kFinished);
}

TEST(a_registered_buffer_is_used_as_one) {
  for (const uint32_t op : {opcode::kReadFile, opcode::kReadRest, opcode::kWriteFile}) {
    InFlight flight = Recipe(op);
    flight.buffer.registered_index = 130;
    if (op != opcode::kReadRest) CHECK_EQ(AdvanceRecipe(&flight, kFd), Progress::kNextStep);
    const abi::Sqe sqe = Submission(flight);
    CHECK_EQ(sqe.opcode, op == opcode::kWriteFile ? abi::kOpWriteFixed : abi::kOpReadFixed);
    CHECK_EQ(sqe.buffer_index, 130);
    CHECK_EQ(sqe.address, reinterpret_cast<uint64_t>(buffer));
  }
}

TEST(read_file_reads_until_the_end_and_closes) {
  const InFlight flight = Recipe(opcode::kReadFile);
  CheckOutcome(flight, {kOpened, Read(0), kClosed}, {0, note::kEndOfFile}, "an empty file");
  CheckOutcome(flight, {kOpened, Read(700), Read(0), kClosed}, {700, note::kEndOfFile}, "a file");
  CheckOutcome(flight, {kOpened, Read(1), Read(2), Read(3), Read(0), kClosed},
               {6, note::kEndOfFile}, "short reads");
  CheckOutcome(flight, {kOpened, Read(-EINTR), Read(5), Read(-EINTR), Read(0), kClosed},
               {5, note::kEndOfFile}, "interrupted reads");
}

TEST(a_full_buffer_keeps_the_descriptor) {
  InFlight whole = Recipe(opcode::kReadFile);
  CHECK_EQ(Play(whole, {kOpened, Read(kBytes)}).note, note::kKeepsFd);
  CHECK_EQ(whole.fd, kFd);
  CheckOutcome(Recipe(opcode::kReadFile), {kOpened, Read(999), Read(1)}, {1000, note::kKeepsFd},
               "in two reads");
  CheckOutcome(Recipe(opcode::kReadFile, 1), {kOpened, Read(1)}, {1, note::kKeepsFd}, "of a byte");
  CheckOutcome(Recipe(opcode::kReadRest), {Read(kBytes)}, {1000, note::kKeepsFd}, "readRest");
}

TEST(read_rest_goes_on_with_the_descriptor_it_has) {
  const InFlight flight = Recipe(opcode::kReadRest);
  CHECK_EQ(Submission(flight).fd, kFd);
  CheckOutcome(flight, {Read(0), kClosed}, {0, note::kEndOfFile}, "at the end");
  CheckOutcome(flight, {Read(30), Read(-EINTR), Read(40), Read(0), kClosed}, {70, note::kEndOfFile},
               "short reads");
  CheckOutcome(flight, {Read(-EIO), kClosed}, {-EIO, stage::kMove}, "a read error");
  CheckOutcome(flight, {Read(0), {abi::kOpClose, -EIO}}, {-EIO, stage::kClose}, "a close error");
  CheckOutcome(flight, {Cancelled(abi::kOpRead, -ECANCELED), kClosed}, {-ECANCELED, stage::kMove},
               "a cancel");
}

TEST(an_error_of_a_read_file_names_its_stage_and_closes) {
  const InFlight flight = Recipe(opcode::kReadFile);
  CheckOutcome(flight, {{abi::kOpOpenat, -ENOENT}}, {-ENOENT, stage::kOpen}, "open");
  CheckOutcome(flight, {{abi::kOpOpenat, -EINTR}}, {-EINTR, stage::kOpen}, "open, interrupted");
  CheckOutcome(flight, {kOpened, Read(-EISDIR), kClosed}, {-EISDIR, stage::kMove}, "first read");
  CheckOutcome(flight, {kOpened, Read(9), Read(-EIO), kClosed}, {-EIO, stage::kMove}, "next read");
  CheckOutcome(flight, {kOpened, Read(9), Read(0), {abi::kOpClose, -EIO}}, {-EIO, stage::kClose},
               "close");
  CheckOutcome(flight, {kOpened, Read(-EIO), {abi::kOpClose, -ENOSPC}}, {-EIO, stage::kMove},
               "the first failure is the one reported");
}

TEST(write_file_writes_all_and_closes) {
  const InFlight flight = Recipe(opcode::kWriteFile);
  CheckOutcome(flight, {kOpened, Write(kBytes), kClosed}, {1000, 0}, "at once");
  CheckOutcome(flight, {kOpened, Write(1), Write(998), Write(1), kClosed}, {1000, 0},
               "short writes");
  CheckOutcome(flight, {kOpened, Write(-EINTR), Write(400), Write(-EINTR), Write(600), kClosed},
               {1000, 0}, "interrupted writes");
  CheckOutcome(Recipe(opcode::kWriteFile, 0), {kOpened, kClosed}, {0, 0}, "nothing to write");
}

TEST(write_file_flushes_where_it_is_told_to) {
  const Step flushed = {abi::kOpFsync, 0};
  const InFlight flight = Recipe(opcode::kWriteFile, kBytes, kFlush);
  CheckOutcome(flight, {kOpened, Write(400), Write(600), flushed, kClosed}, {1000, 0}, "flush");
  CheckOutcome(flight, {kOpened, Write(kBytes), {abi::kOpFsync, -EIO}, kClosed},
               {-EIO, stage::kFlush}, "a flush error");
  CheckOutcome(flight, {kOpened, Write(-ENOSPC), kClosed}, {-ENOSPC, stage::kMove},
               "no flush after a failed write");
  CheckOutcome(Recipe(opcode::kWriteFile, 0, kFlush), {kOpened, flushed, kClosed}, {0, 0},
               "nothing to write");
}

TEST(an_error_of_a_write_file_names_its_stage_and_closes) {
  const InFlight flight = Recipe(opcode::kWriteFile);
  CheckOutcome(flight, {{abi::kOpOpenat, -EACCES}}, {-EACCES, stage::kOpen}, "open");
  CheckOutcome(flight, {kOpened, Write(-EDQUOT), kClosed}, {-EDQUOT, stage::kMove}, "first write");
  CheckOutcome(flight, {kOpened, Write(5), Write(-ENOSPC), kClosed}, {-ENOSPC, stage::kMove},
               "next write");
  // A write of something that moves nothing would go on for ever.
  CheckOutcome(flight, {kOpened, Write(5), Write(0), kClosed}, {-EIO, stage::kMove},
               "a write of nothing");
  CheckOutcome(flight, {kOpened, Write(kBytes), {abi::kOpClose, -EIO}}, {-EIO, stage::kClose},
               "close");
}

TEST(a_cancelled_read_file_ends_and_closes) {
  const InFlight flight = Recipe(opcode::kReadFile);
  CheckOutcome(flight, {Cancelled(abi::kOpOpenat, -ECANCELED)}, {-ECANCELED, stage::kOpen},
               "before open");
  CheckOutcome(flight, {Cancelled(abi::kOpOpenat, kFd), kClosed}, {-ECANCELED, stage::kOpen},
               "too late for open");
  CheckOutcome(flight, {kOpened, Cancelled(abi::kOpRead, -ECANCELED), kClosed},
               {-ECANCELED, stage::kMove}, "before read");
  CheckOutcome(flight, {kOpened, Cancelled(abi::kOpRead, 10), kClosed}, {-ECANCELED, stage::kMove},
               "too late for read");
  CheckOutcome(flight, {kOpened, Cancelled(abi::kOpRead, kBytes), kClosed},
               {-ECANCELED, stage::kMove}, "too late for a full read");
  CheckOutcome(flight, {kOpened, Read(10), Cancelled(abi::kOpRead, 0), kClosed},
               {10, note::kEndOfFile}, "too late for the last read");
  CheckOutcome(flight, {kOpened, Read(0), Cancelled(abi::kOpClose, 0)}, {0, note::kEndOfFile},
               "too late for close");
  InFlight interrupted = flight;
  CHECK(Play(interrupted, {kOpened, Cancelled(abi::kOpRead, -EINTR), kClosed}).result < 0);
}

TEST(a_cancelled_write_file_ends_and_closes) {
  const InFlight flight = Recipe(opcode::kWriteFile, kBytes, kFlush);
  CheckOutcome(flight, {Cancelled(abi::kOpOpenat, -ECANCELED)}, {-ECANCELED, stage::kOpen},
               "before open");
  CheckOutcome(flight, {Cancelled(abi::kOpOpenat, kFd), kClosed}, {-ECANCELED, stage::kOpen},
               "too late for open");
  CheckOutcome(flight, {kOpened, Cancelled(abi::kOpWrite, -ECANCELED), kClosed},
               {-ECANCELED, stage::kMove}, "before write");
  CheckOutcome(flight, {kOpened, Cancelled(abi::kOpWrite, 10), kClosed}, {-ECANCELED, stage::kMove},
               "too late for write");
  CheckOutcome(flight, {kOpened, Write(kBytes), Cancelled(abi::kOpFsync, -ECANCELED), kClosed},
               {-ECANCELED, stage::kFlush}, "before flush");
  CheckOutcome(flight, {kOpened, Write(kBytes), Cancelled(abi::kOpFsync, 0), kClosed}, {1000, 0},
               "too late for flush");
  CheckOutcome(Recipe(opcode::kWriteFile, 0), {Cancelled(abi::kOpOpenat, kFd), kClosed},
               {-ECANCELED, stage::kOpen}, "nothing to write");
}

TEST(the_descriptor_is_given_up_by_the_close_alone) {
  for (const int32_t close_result : {0, -EIO, -EINTR}) {
    InFlight flight = Recipe(opcode::kReadFile);
    CHECK_EQ(AdvanceRecipe(&flight, kFd), Progress::kNextStep);
    CHECK_EQ(AdvanceRecipe(&flight, 0), Progress::kNextStep);
    CHECK_EQ(flight.fd, kFd);
    CHECK_EQ(AdvanceRecipe(&flight, close_result), Progress::kFinished);
    CHECK_EQ(flight.fd, -1);  // CLOSE gives it up even where it fails
  }
}

}  // namespace
}  // namespace ringpost
