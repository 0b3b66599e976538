// The rings of an engine (native/src/registry.h): which of them a client comes to, and what they
// tell each other.
#include "registry.h"

#include <cerrno>
#include <memory>
#include <thread>
#include <vector>

#include "check.h"

namespace ringpost {
namespace {

constexpr uint32_t kSeats = 3;
constexpr uint32_t kSlots = 4;

// Rings without an engine.
class Group {
 public:
  explicit Group(uint32_t count) {
    for (uint32_t nth = 0; nth < count; nth++) {
      rosters.push_back(Roster::Create(kSeats, kSlots));
      rosters.back()->SetMemory(rosters.back().get());  // each has one of its own
      memories.push_back(rosters.back()->memory());
      numbers.push_back(registry::Add(rosters.back(), nth == 0 ? 0 : numbers[0]));
    }
  }
  ~Group() {
    for (const uint32_t number : numbers) registry::Remove(number);
  }
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;

  // Returns which of the rings gave a seat, or -errno.
  int Connect() {
    uint32_t ring = 0;
    std::shared_ptr<Roster> roster;
    const int seat = registry::Connect(numbers[0], memories, nullptr, {}, &ring, &roster);
    if (seat < 0) return seat;
    for (size_t nth = 0; nth < numbers.size(); nth++) {
      if (numbers[nth] != ring) continue;
      CHECK(roster == rosters[nth]);
      return static_cast<int>(nth);
    }
    return -EINVAL;
  }

  std::vector<std::shared_ptr<Roster>> rosters;
  std::vector<uint32_t> numbers;
  std::vector<const void*> memories;
};

// What a ring has been told since the last time.
std::vector<ClosingElsewhere> ToldTo(const std::shared_ptr<Roster>& roster) {
  std::vector<ClosingElsewhere> told;
  roster->TakeClosing(&told);
  return told;
}

// As of another copy of the addon in this process, whose engines have the same numbers.
TEST(a_handle_with_other_memory_gets_no_seat) {
  Group group(2);
  int elsewhere = 0;
  group.memories = {&elsewhere, group.memories[1]};
  CHECK_EQ(group.Connect(), -ESTALE);
  for (const auto& roster : group.rosters) CHECK_EQ(roster->CountClients(), 0U);
}

TEST(the_ring_with_the_fewest_clients_gets_the_next_one) {
  Group group(3);
  CHECK_EQ(group.Connect(), 0);
  (void)group.rosters[1]->Connect({});
  (void)group.rosters[1]->Connect({});
  CHECK_EQ(group.Connect(), 2);
  uint32_t clients = 4;
  for (; clients < 3 * kSeats; clients++) CHECK(group.Connect() >= 0);
  for (const auto& roster : group.rosters) CHECK_EQ(roster->CountClients(), kSeats);
  CHECK_EQ(group.Connect(), -EAGAIN);
}

TEST(clients_that_come_at_once_all_find_the_seats_that_are_there) {
  for (uint32_t round = 0; round < 20; round++) {
    Group group(4);
    std::vector<std::thread> threads;
    for (uint32_t nth = 0; nth < 4 * kSeats; nth++) {
      threads.emplace_back([&group] { CHECK(group.Connect() >= 0); });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK_EQ(group.Connect(), -EAGAIN);
  }
}

TEST(rings_that_are_gone_give_no_seats) {
  Group group(2);
  group.rosters[0]->EngineGone();
  CHECK_EQ(group.Connect(), 1);
  registry::Remove(group.numbers[0]);
  CHECK_EQ(group.Connect(), 1);
  CHECK_EQ(group.Connect(), 1);
  CHECK_EQ(group.Connect(), -EAGAIN);
  group.rosters[1]->EngineGone();
  CHECK_EQ(group.Connect(), -ESHUTDOWN);
  registry::Remove(group.numbers[1]);
  CHECK_EQ(group.Connect(), -ESHUTDOWN);
}

TEST(only_the_others_of_the_group_are_told_what_a_ring_closes) {
  const Group group(3);
  const Group other(2);
  const Group single(1);
  CHECK(group.rosters[0]->has_siblings());
  CHECK(group.rosters[2]->has_siblings());
  CHECK(!single.rosters[0]->has_siblings());
  registry::TellSiblings(*group.rosters[1], {7, 99});
  for (const uint32_t nth : {0u, 2u}) {
    CHECK(group.rosters[nth]->has_changes());
    const std::vector<ClosingElsewhere> told = ToldTo(group.rosters[nth]);
    if (!CHECK_EQ(told.size(), 1)) continue;
    CHECK_EQ(told[0].fd, 7);
    CHECK_EQ(told[0].since_ns, 99);
    CHECK_EQ(ToldTo(group.rosters[nth]).size(), 0);
  }
  CHECK_EQ(ToldTo(group.rosters[1]).size(), 0);
  CHECK_EQ(ToldTo(other.rosters[0]).size(), 0);
}

}  // namespace
}  // namespace ringpost
