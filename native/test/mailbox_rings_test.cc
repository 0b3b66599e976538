// The rings of native/src/mailbox_rings.h: what one thread sees, and what two threads at once make
// of them.
#include "mailbox_rings.h"

#include <atomic>
#include <cstring>
#include <thread>
#include <vector>

#include "check.h"
#include "random.h"
#include "variant.h"

namespace ringpost {
namespace {

constexpr uint32_t kNearTheWrap = UINT32_MAX - 2;

// As large as a request. The checksum covers all of it, so an entry that is torn, late or of
// another round doesn't add up.
struct Message {
  uint64_t sequence = 0;
  uint64_t filler[6] = {};
  uint64_t checksum = 0;

  static Message Make(uint64_t sequence, Random& random) {
    Message message;
    message.sequence = sequence;
    for (uint64_t& word : message.filler) word = random.Bits();
    message.checksum = message.Sum();
    return message;
  }
  [[nodiscard]] uint64_t Sum() const {
    uint64_t sum = sequence * 31 + 7;
    for (const uint64_t word : filler) sum = sum * 31 + word;
    return sum;
  }
  [[nodiscard]] bool IsWhole() const { return checksum == Sum(); }
};

// A ring in memory of its own, a line per writer, canaries on both sides of its entries.
template <typename Entry>
class RingMemory {
 public:
  RingMemory(uint32_t capacity, uint32_t initial_index)
      : capacity_(capacity), bytes_((capacity + 2) * sizeof(Entry), kCanary) {
    tail_.word = initial_index;
    head_.word = initial_index;
  }

  RingPlace place() {
    return {.tail = &tail_.word,
            .head = &head_.word,
            .entries = bytes_.data() + sizeof(Entry),
            .capacity = capacity_};
  }
  uint32_t& tail() { return tail_.word; }
  uint32_t& head() { return head_.word; }

  [[nodiscard]] bool CanariesLive() const {
    for (size_t i = 0; i < sizeof(Entry); i++) {
      if (bytes_[i] != kCanary || bytes_[bytes_.size() - 1 - i] != kCanary) return false;
    }
    return true;
  }

 private:
  static constexpr uint8_t kCanary = 0xc3;
  struct alignas(64) Line {
    uint32_t word = 0;
  };

  Line tail_;
  Line head_;
  uint32_t capacity_;
  std::vector<uint8_t> bytes_;
};

TEST(an_empty_ring_has_nothing_and_publishes_nothing) {
  RingMemory<uint64_t> memory(8, 0);
  RingProducer<uint64_t> producer(memory.place());
  const RingConsumer<uint64_t> consumer(memory.place());
  CHECK_EQ(producer.Room(), 8);
  CHECK_EQ(producer.Unread(), 0);
  CHECK(!producer.Publish());
  CHECK_EQ(consumer.Available(), 0);
  CHECK(!consumer.HasWorkOrdered());
}

TEST(an_entry_is_seen_after_the_publish_and_not_before) {
  RingMemory<uint64_t> memory(8, 0);
  RingProducer<uint64_t> producer(memory.place());
  RingConsumer<uint64_t> consumer(memory.place());
  producer.Push(41);
  producer.Push(42);
  CHECK_EQ(producer.Unread(), 2);
  CHECK_EQ(consumer.Available(), 0);
  CHECK(!consumer.HasWorkOrdered());
  CHECK(producer.Publish());
  CHECK(!producer.Publish());
  CHECK_EQ(consumer.Available(), 2);
  CHECK(consumer.HasWorkOrdered());
  CHECK_EQ(consumer.Take(), 41);
  CHECK_EQ(consumer.Take(), 42);
  CHECK_EQ(consumer.Available(), 0);
  CHECK(!consumer.HasWorkOrdered());
}

TEST(a_full_ring_has_room_again_after_the_release_and_not_before) {
  RingMemory<uint64_t> memory(4, kNearTheWrap);
  RingProducer<uint64_t> producer(memory.place());
  RingConsumer<uint64_t> consumer(memory.place());
  for (uint64_t value = 0; value < 4; value++) producer.Push(value);
  CHECK_EQ(producer.Room(), 0);
  CHECK(producer.Publish());
  CHECK_EQ(consumer.Available(), 4);
  CHECK_EQ(consumer.Take(), 0);
  CHECK_EQ(consumer.Take(), 1);
  CHECK_EQ(producer.Room(), 0);
  consumer.Release();
  CHECK_EQ(producer.Room(), 2);
  CHECK_EQ(producer.Unread(), 2);
  producer.Push(4);
  producer.Push(5);
  CHECK(producer.Publish());
  for (uint64_t value = 2; value < 6; value++) CHECK_EQ(consumer.Take(), value);
  CHECK(memory.CanariesLive());
}

TEST(the_indexes_wrap_at_2_to_the_32) {
  for (const uint32_t capacity : {1u, 2u, 8u}) {
    RingMemory<Message> memory(capacity, kNearTheWrap);
    RingProducer<Message> producer(memory.place());
    RingConsumer<Message> consumer(memory.place());
    Random random(capacity);
    uint64_t next_pushed = 0;
    uint64_t next_taken = 0;
    for (int round = 0; round < 20; round++) {
      const uint32_t count = 1 + random.Below(capacity);
      for (uint32_t i = 0; i < count; i++) producer.Push(Message::Make(next_pushed++, random));
      CHECK_EQ(producer.Room(), capacity - count);
      CHECK(producer.Publish());
      CHECK_EQ(consumer.Available(), count);
      for (uint32_t i = 0; i < count; i++) {
        const Message message = consumer.Take();
        CHECK(message.IsWhole());
        CHECK_EQ(message.sequence, next_taken++);
      }
      consumer.Release();
      CHECK_EQ(producer.Room(), capacity);
    }
    CHECK(memory.tail() < kNearTheWrap);
    CHECK_EQ(memory.head(), memory.tail());
    CHECK(memory.CanariesLive());
  }
}

TEST(the_unread_entries_can_be_looked_at_across_the_wrap) {
  RingMemory<uint64_t> memory(4, UINT32_MAX);
  RingProducer<uint64_t> producer(memory.place());
  RingConsumer<uint64_t> consumer(memory.place());
  for (uint64_t value = 10; value < 14; value++) producer.Push(value);
  CHECK(producer.Publish());
  CHECK_EQ(consumer.Take(), 10);
  CHECK_EQ(producer.Unread(), 4);
  CHECK_EQ(producer.UnreadAt(0), 10);
  consumer.Release();
  CHECK_EQ(producer.Unread(), 3);
  for (uint32_t nth = 0; nth < 3; nth++) CHECK_EQ(producer.UnreadAt(nth), 11 + nth);
}

TEST(new_ends_go_on_where_the_words_in_memory_stand) {
  RingMemory<uint64_t> memory(4, UINT32_MAX);
  RingProducer<uint64_t> before(memory.place());
  before.Push(1);
  before.Push(2);
  CHECK(before.Publish());
  RingConsumer<uint64_t> consumer(memory.place());
  CHECK_EQ(consumer.Available(), 2);
  CHECK_EQ(consumer.Take(), 1);
  consumer.Release();
  RingProducer<uint64_t> after(memory.place());
  CHECK_EQ(after.Unread(), 1);
  after.Push(3);
  CHECK(after.Publish());
  CHECK_EQ(consumer.Take(), 2);
  CHECK_EQ(consumer.Take(), 3);
}

TEST(a_wild_tail_shows_as_more_than_the_ring_holds) {
  RingMemory<uint64_t> memory(4, 100);
  const RingConsumer<uint64_t> consumer(memory.place());
  for (const uint32_t tail : {99u, 105u, 0u, UINT32_MAX, 100u + (1u << 31)}) {
    StoreIndex(memory.tail(), tail);
    CHECK(consumer.Available() > 4);
  }
}

TEST(a_taken_entry_is_a_copy) {
  RingMemory<uint64_t> memory(2, 0);
  RingProducer<uint64_t> producer(memory.place());
  RingConsumer<uint64_t> consumer(memory.place());
  producer.Push(7);
  CHECK(producer.Publish());
  const uint64_t taken = consumer.Take();
  std::memset(memory.place().entries, 0xee, 2 * sizeof(uint64_t));
  CHECK_EQ(taken, 7);
}

struct Transfer {
  uint64_t count;
  uint32_t capacity;
};

// What is taken is released only now and then, as in a pass over many entries.
void TakeAll(RingMemory<Message>& memory, const Transfer& transfer, Random random) {
  RingConsumer<Message> consumer(memory.place());
  for (uint64_t next = 0; next < transfer.count;) {
    const uint32_t available = consumer.Available();
    CHECK(available <= transfer.capacity);
    if (available == 0) {
      std::this_thread::yield();
      continue;
    }
    const uint32_t count = 1 + random.Below(available);
    for (uint32_t i = 0; i < count; i++, next++) {
      const Message message = consumer.Take();
      CHECK(message.IsWhole());
      CHECK_EQ(message.sequence, next);
    }
    consumer.Release();
  }
  CHECK_EQ(consumer.Available(), 0);
}

void PushAll(RingMemory<Message>& memory, const Transfer& transfer, Random random) {
  RingProducer<Message> producer(memory.place());
  for (uint64_t next = 0; next < transfer.count;) {
    const uint32_t room = producer.Room();
    CHECK(room <= transfer.capacity);
    if (room == 0) {
      std::this_thread::yield();
      continue;
    }
    for (uint32_t left = 1 + random.Below(room); left > 0 && next < transfer.count; left--) {
      producer.Push(Message::Make(next++, random));
    }
    CHECK(producer.Publish());
  }
}

// Two threads, one at each end, from just before the wrap on.
TEST(two_threads_pass_every_entry_once_whole_and_in_order) {
  uint64_t stream = 100;
  for (const Transfer& transfer : {Transfer{100'000, 2}, Transfer{400'000, 16},
                                   Transfer{Repetitions(2'000'000, 600'000), 256}}) {
    RingMemory<Message> memory(transfer.capacity, UINT32_MAX - 1000);
    const Random takes(stream++);
    const Random pushes(stream++);
    std::thread consumer([&] { TakeAll(memory, transfer, takes); });
    PushAll(memory, transfer, pushes);
    consumer.join();
    CHECK(memory.CanariesLive());
    CHECK_EQ(memory.head(), memory.tail());
  }
}

}  // namespace
}  // namespace ringpost
