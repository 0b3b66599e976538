// What a request may touch (native/src/regions.h): exactly the memory pinned for it, and EFAULT
// for everything else that a request can name.
#include "regions.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "check.h"
#include "mapped_region.h"

namespace ringpost {
namespace {

constexpr uint32_t kSlots = 4;
constexpr uint32_t kBytes = 100;
constexpr uint32_t kMost = UINT32_MAX;

uint8_t memory[kBytes];

// A refusal leaves the caller's span as it was.
int FindOwn(const RegionTable& regions, uint32_t slot, uint32_t generation, uint32_t offset,
            uint32_t length) {
  Span span = {.base = memory + 99, .length = 12345, .registered_index = 77};
  const int found = regions.FindOwn(slot, generation, offset, length, &span);
  if (found < 0) {
    CHECK_EQ(span.base, memory + 99);
    CHECK_EQ(span.length, 12345);
    CHECK_EQ(span.registered_index, 77);
    return found;
  }
  CHECK_EQ(span.base, memory + offset);
  CHECK_EQ(span.length, length);
  CHECK_EQ(span.registered_index, kNotRegistered);
  return found;
}

int FindSlab(const RegionTable& regions, uint32_t index, uint32_t generation, uint32_t offset,
             uint32_t length, uint16_t registered_index = kNotRegistered) {
  Span span = {.base = memory + 99, .length = 12345, .registered_index = 77};
  const int found = regions.FindSlab(index, generation, offset, length, &span);
  if (found < 0) {
    CHECK_EQ(span.base, memory + 99);
    CHECK_EQ(span.length, 12345);
    return found;
  }
  CHECK_EQ(span.base, memory + offset);
  CHECK_EQ(span.length, length);
  CHECK_EQ(span.registered_index, registered_index);
  return found;
}

int FindVectors(const RegionTable& regions, uint32_t slot, uint32_t generation, uint32_t count) {
  Vectors vectors;
  const int found = regions.FindVectors(slot, generation, count, &vectors);
  CHECK_EQ(vectors.list == nullptr, found < 0);
  CHECK_EQ(vectors.count, found < 0 ? 0 : count);
  return found;
}

TEST(nothing_is_pinned_at_first) {
  const RegionTable regions(kSlots);
  for (const uint32_t generation : {0u, 1u, kMost}) {
    for (uint32_t slot = 0; slot < kSlots; slot++) {
      CHECK_EQ(FindOwn(regions, slot, generation, 0, 0), -EFAULT);
      CHECK_EQ(FindVectors(regions, slot, generation, 0), -EFAULT);
      CHECK_EQ(FindVectors(regions, slot, generation, 1), -EFAULT);
    }
    for (uint32_t slab = 0; slab < protocol::kMaxSlabs; slab++) {
      CHECK_EQ(FindSlab(regions, slab, generation, 0, 0), -EFAULT);
      CHECK(!regions.IsRegistered(slab));
    }
  }
}

TEST(a_pinned_region_is_found_by_its_generation_alone) {
  RegionTable regions(kSlots);
  for (const uint32_t generation : {0u, 1u, kMost - 1, kMost}) {
    CHECK(regions.Pin(2, generation, memory, kBytes));
    CHECK_EQ(FindOwn(regions, 2, generation, 0, kBytes), 0);
    CHECK_EQ(FindOwn(regions, 2, generation + 1, 0, kBytes), -EFAULT);
    CHECK_EQ(FindOwn(regions, 2, generation - 1, 0, kBytes), -EFAULT);
    CHECK_EQ(FindOwn(regions, 2, generation ^ 0x8000'0000, 0, kBytes), -EFAULT);
  }
}

TEST(a_region_belongs_to_its_slot) {
  RegionTable regions(kSlots);
  CHECK(regions.Pin(2, 9, memory, kBytes));
  for (const uint32_t slot : {0u, 1u, 3u, kSlots, kSlots + 2, 0x8000'0002u, kMost}) {
    CHECK_EQ(FindOwn(regions, slot, 9, 0, 1), -EFAULT);
    CHECK_EQ(FindVectors(regions, slot, 9, 1), -EFAULT);
  }
}

TEST(a_slot_that_is_not_there_can_not_be_pinned) {
  RegionTable regions(kSlots);
  for (const uint32_t slot : {kSlots, kSlots + 1, kMost}) {
    CHECK(!regions.Pin(slot, 1, memory, kBytes));
    CHECK(regions.VectorRoom(slot, 1) == nullptr);
  }
  for (const uint32_t slab : {protocol::kMaxSlabs, kMost}) {
    CHECK(!regions.PinSlab(slab, 1, memory, kBytes));
  }
}

TEST(a_region_is_gone_with_its_reply) {
  RegionTable regions(kSlots);
  for (const uint32_t generation : {0u, 5u, kMost}) {
    CHECK(regions.Pin(1, generation, memory, kBytes));
    CHECK_EQ(FindOwn(regions, 1, generation, 0, 1), 0);
    regions.Spend(1);
    for (const uint32_t named : {0u, generation, kMost}) {
      CHECK_EQ(FindOwn(regions, 1, named, 0, 0), -EFAULT);
    }
  }
}

TEST(only_the_part_within_a_region_is_found) {
  RegionTable regions(kSlots);
  CHECK(regions.Pin(0, 1, memory, kBytes));
  CHECK(regions.PinSlab(7, 7, memory, kBytes));
  const auto both = [&](uint32_t offset, uint32_t length) {
    const int own = FindOwn(regions, 0, 1, offset, length);
    CHECK_EQ(FindSlab(regions, 7, 7, offset, length), own);
    return own;
  };
  CHECK_EQ(both(0, 0), 0);
  CHECK_EQ(both(0, kBytes), 0);
  CHECK_EQ(both(kBytes - 1, 1), 0);
  CHECK_EQ(both(kBytes, 0), 0);
  CHECK_EQ(both(0, kBytes + 1), -EFAULT);
  CHECK_EQ(both(1, kBytes), -EFAULT);
  CHECK_EQ(both(kBytes, 1), -EFAULT);
  CHECK_EQ(both(kBytes + 1, 0), -EFAULT);
  // Sums that wrap around 2^32.
  CHECK_EQ(both(kMost, 1), -EFAULT);
  CHECK_EQ(both(kMost, 2), -EFAULT);
  CHECK_EQ(both(1, kMost), -EFAULT);
  CHECK_EQ(both(2, kMost - 1), -EFAULT);
  CHECK_EQ(both(kMost, kMost), -EFAULT);
  CHECK_EQ(both(kBytes, kMost - kBytes + 1), -EFAULT);
  CHECK_EQ(both(0x8000'0000, 0x8000'0000), -EFAULT);
}

TEST(an_empty_region_holds_nothing) {
  RegionTable regions(kSlots);
  CHECK(regions.Pin(0, 1, memory, 0));
  CHECK_EQ(FindOwn(regions, 0, 1, 0, 0), 0);
  CHECK_EQ(FindOwn(regions, 0, 1, 0, 1), -EFAULT);
  CHECK_EQ(FindOwn(regions, 0, 1, 1, 0), -EFAULT);
}

TEST(vectors_are_found_by_their_exact_count) {
  RegionTable regions(kSlots);
  iovec* room = regions.VectorRoom(1, 3);
  REQUIRE(room != nullptr);
  for (uint32_t i = 0; i < 3; i++) room[i] = {memory + i, i + 1};
  regions.PinVectors(1, 4, 3);
  Vectors vectors;
  CHECK_EQ(regions.FindVectors(1, 4, 3, &vectors), 0);
  CHECK_EQ(vectors.count, 3);
  CHECK_EQ(vectors.list[2].iov_base, static_cast<void*>(memory + 2));
  CHECK_EQ(vectors.list[2].iov_len, 3);
  for (const uint32_t count : {0u, 1u, 2u, 4u, protocol::kMaxVectors, kMost}) {
    CHECK_EQ(FindVectors(regions, 1, 4, count), -EFAULT);
  }
  CHECK_EQ(FindVectors(regions, 1, 5, 3), -EFAULT);
  regions.Spend(1);
  CHECK_EQ(FindVectors(regions, 1, 4, 3), -EFAULT);
}

TEST(vectors_and_a_plain_buffer_are_not_taken_for_each_other) {
  RegionTable regions(kSlots);
  REQUIRE(regions.VectorRoom(0, 1) != nullptr);
  *regions.VectorRoom(0, 1) = {memory, kBytes};
  regions.PinVectors(0, 1, 1);
  CHECK_EQ(FindOwn(regions, 0, 1, 0, 0), -EFAULT);
  CHECK_EQ(FindOwn(regions, 0, 1, 0, 1), -EFAULT);
  CHECK(regions.Pin(0, 2, memory, kBytes));
  CHECK_EQ(FindVectors(regions, 0, 2, 1), -EFAULT);
  CHECK_EQ(FindVectors(regions, 0, 1, 1), -EFAULT);
  CHECK_EQ(FindOwn(regions, 0, 2, 0, kBytes), 0);
}

TEST(room_for_vectors_grows_up_to_the_kernels_limit) {
  RegionTable regions(kSlots);
  for (const uint32_t count : {1u, 8u, 4u, protocol::kMaxVectors}) {
    iovec* room = regions.VectorRoom(3, count);
    REQUIRE(room != nullptr);
    for (uint32_t i = 0; i < count; i++) room[i] = {memory, 1};
    regions.PinVectors(3, count, count);
    CHECK_EQ(FindVectors(regions, 3, count, count), 0);
  }
  CHECK(regions.VectorRoom(3, protocol::kMaxVectors + 1) == nullptr);
  CHECK(regions.VectorRoom(3, kMost) == nullptr);
}

TEST(a_slab_is_found_by_its_index_and_generation) {
  RegionTable regions(kSlots);
  const uint32_t last = protocol::kMaxSlabs - 1;
  CHECK(regions.PinSlab(0, 0, memory, kBytes));
  CHECK(regions.PinSlab(last, kMost, memory, kBytes));
  CHECK_EQ(FindSlab(regions, 0, 0, 0, kBytes), 0);
  CHECK_EQ(FindSlab(regions, last, kMost, 0, kBytes), 0);
  CHECK_EQ(FindSlab(regions, 0, kMost, 0, kBytes), -EFAULT);
  CHECK_EQ(FindSlab(regions, last, 0, 0, kBytes), -EFAULT);
  for (const uint32_t index :
       {1u, protocol::kMaxSlabs, protocol::region::kOwn, protocol::region::kNone}) {
    for (const uint32_t generation : {0u, index, kMost}) {
      CHECK_EQ(FindSlab(regions, index, generation, 0, 0), -EFAULT);
    }
  }
}

TEST(a_slab_outlives_the_requests_and_knows_its_registered_buffer) {
  RegionTable regions(kSlots);
  CHECK(regions.PinSlab(3, 3, memory, kBytes));
  regions.Spend(3);  // of a slot, and no business of slab 3
  CHECK_EQ(FindSlab(regions, 3, 3, 10, 10), 0);
  regions.SetRegistered(3, 67);
  CHECK(regions.IsRegistered(3));
  CHECK(!regions.IsRegistered(2));
  CHECK_EQ(FindSlab(regions, 3, 3, 10, 10, 67), 0);
  CHECK_EQ(FindSlab(regions, 3, 3, 10, kBytes, 67), -EFAULT);
}

TEST(clearing_forgets_everything) {
  RegionTable regions(kSlots);
  CHECK(regions.Pin(0, kMost, memory, kBytes));
  REQUIRE(regions.VectorRoom(1, 2) != nullptr);
  regions.PinVectors(1, 0, 2);
  CHECK(regions.PinSlab(5, 5, memory, kBytes));
  regions.SetRegistered(5, 5);
  regions.Clear();
  CHECK_EQ(FindOwn(regions, 0, kMost, 0, 0), -EFAULT);
  CHECK_EQ(FindVectors(regions, 1, 0, 2), -EFAULT);
  CHECK_EQ(FindSlab(regions, 5, 5, 0, 0), -EFAULT);
  CHECK(!regions.IsRegistered(5));
  CHECK(regions.PinSlab(5, 6, memory, kBytes));
  CHECK_EQ(FindSlab(regions, 5, 6, 0, kBytes), 0);
}

// Whether madvise has asked for huge pages where this address lies (proc(5), smaps: "hg").
bool WantsHugePages(const void* address) {
  std::ifstream smaps("/proc/self/smaps");
  bool here = false;
  for (std::string line; std::getline(smaps, line);) {
    uintptr_t begin = 0;
    uintptr_t end = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx ", &begin, &end) == 2) {
      const auto at = reinterpret_cast<uintptr_t>(address);
      here = at >= begin && at < end;
    }
    if (here && line.starts_with("VmFlags:")) return (line + " ").find(" hg ") != line.npos;
  }
  return false;
}

TEST(slabs_ask_for_huge_pages) {
  if (::access("/sys/kernel/mm/transparent_hugepage", F_OK) < 0) SKIP("a kernel without them");
  MappedRegion mapping;
  CHECK_EQ(MappedRegion::Zeroed(2 * protocol::kHugePageBytes, &mapping), 0);
  auto* base = static_cast<uint8_t*>(mapping.base());
  CHECK(!WantsHugePages(base));
  RegionTable regions(kSlots);
  CHECK(regions.PinSlab(0, 0, base, protocol::kHugePageBytes));
  CHECK(WantsHugePages(base));
  CHECK(!WantsHugePages(base + protocol::kHugePageBytes));
}

int64_t ResidentPages(void* base, size_t bytes) {
  std::vector<unsigned char> resident(bytes / protocol::kPageBytes);
  CHECK_EQ(::mincore(base, bytes, resident.data()), 0);
  return std::count_if(resident.begin(), resident.end(), [](auto page) { return (page & 1) != 0; });
}

TEST(slabs_have_their_pages_before_they_are_registered) {
  constexpr size_t kSlabBytes = 3 * protocol::kHugePageBytes + 5 * protocol::kPageBytes;
  MappedRegion mapping;
  CHECK_EQ(MappedRegion::Zeroed(kSlabBytes + 2 * protocol::kHugePageBytes, &mapping), 0);
  auto* slab = static_cast<uint8_t*>(mapping.base()) + protocol::kPageBytes;
  CHECK_EQ(ResidentPages(slab, kSlabBytes), 0);
  RegionTable regions(kSlots);
  CHECK(regions.PinSlab(0, 0, slab, kSlabBytes));
  CHECK_EQ(ResidentPages(slab, kSlabBytes),
           0);  // what is never registered takes what is used of it
  regions.MakePages(1);
  regions.MakePages(protocol::kMaxSlabs);
  CHECK_EQ(ResidentPages(slab, kSlabBytes), 0);
  regions.MakePages(0);
  const int64_t resident = ResidentPages(slab, kSlabBytes);
  if (::madvise(slab, protocol::kPageBytes, protocol::memory_advice::kPopulateWrite) < 0) {
    SKIP("MADV_POPULATE_WRITE: Linux 5.14");
  }
  CHECK_EQ(resident, kSlabBytes / protocol::kPageBytes);
  CHECK(std::all_of(slab, slab + kSlabBytes, [](uint8_t byte) { return byte == 0; }));
}

}  // namespace
}  // namespace ringpost
