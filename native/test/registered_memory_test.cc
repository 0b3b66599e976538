// Which memory a ring of this process holds, by address.
#include "registered_memory.h"

#include "check.h"

namespace ringpost {
namespace {

uint8_t memory[16];
const int rings[2] = {};

TEST(registered_memory_is_known_by_its_address) {
  CHECK(!registered_memory::Overlaps(memory, sizeof(memory)));
  registered_memory::Set(&rings[0], 3, {memory + 4, 4});
  CHECK(registered_memory::Overlaps(memory, sizeof(memory)));
  CHECK(registered_memory::Overlaps(memory, 5));
  CHECK(registered_memory::Overlaps(memory + 7, 1));
  CHECK(!registered_memory::Overlaps(memory, 4));
  CHECK(!registered_memory::Overlaps(memory + 8, 1));
  registered_memory::Set(&rings[0], 3, {});
  CHECK(!registered_memory::Overlaps(memory, sizeof(memory)));
}

TEST(a_ring_takes_its_own_memory_along) {
  for (const int& ring : rings) {
    registered_memory::Set(&ring, 0, {memory, 4});
    registered_memory::Set(&ring, 1, {memory + 8, 4});
  }
  registered_memory::Forget(&rings[0]);
  CHECK(registered_memory::Overlaps(memory, 4));
  registered_memory::Forget(&rings[1]);
  CHECK(!registered_memory::Overlaps(memory, sizeof(memory)));
}

}  // namespace
}  // namespace ringpost
