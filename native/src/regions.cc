#include "regions.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>

namespace ringpost {

namespace {

bool Within(uint32_t offset, uint32_t length, uint32_t region_length) {
  return offset <= region_length && length <= region_length - offset;
}

}  // namespace

// Asks for huge pages, before anybody touches the memory: scattered pages are as many pieces to a
// device, and past 254 pieces (a virtual disk's, say) a transfer is cut in two, which takes a
// kernel worker. A kernel without them (-EINVAL) gives ordinary pages.
bool RegionTable::PinSlab(uint32_t index, uint32_t generation, uint8_t* base, uint32_t length) {
  if (index >= protocol::kMaxSlabs) return false;
  (void)::madvise(base, length, MADV_HUGEPAGE);
  Slab& slab = slabs_[index];
  slab.base = base;
  slab.length = length;
  slab.generation.store(Valid(generation), std::memory_order_release);  // pairs with FindSlab
  return true;
}

// To register a slab means to hold its pages, and those that aren't there yet are made and cleared
// for it: on the engine's thread, while all clients wait (docs/measurements.md, "Huge pages"). So
// they are made here, a huge page at a time: the kernel locks the process's mappings for each. What
// stays undone the engine does. A kernel that doesn't know how (-EINVAL, before Linux 5.14)
// registers no slab either.
void RegionTable::MakePages(uint32_t index) {
  if (index >= protocol::kMaxSlabs) return;
  const Slab& slab = slabs_[index];
  for (uint32_t at = 0; at < slab.length;) {
    const uint32_t bytes = std::min(slab.length - at, protocol::kHugePageBytes);
    if (::madvise(slab.base + at, bytes, protocol::memory_advice::kPopulateWrite) < 0) return;
    at += bytes;
  }
}

// The acquire loads pair with the release stores of Pin, PinVectors and PinSlab; they make the
// address visible. The publish of the request does so too for an honest client: the loads here are
// for requests that name what they please.

int RegionTable::FindOwn(uint32_t slot, uint32_t generation, uint32_t offset, uint32_t length,
                         Span* out) const {
  if (slot >= slot_count_) return -EFAULT;
  const OwnRegion& own = own_[slot];
  if (own.generation.load(std::memory_order_acquire) != Valid(generation)) return -EFAULT;
  if (own.vector_count != 0 || !Within(offset, length, own.length)) return -EFAULT;
  *out = {own.base + offset, length, kNotRegistered};
  return 0;
}

int RegionTable::FindVectors(uint32_t slot, uint32_t generation, uint32_t count,
                             Vectors* out) const {
  if (slot >= slot_count_) return -EFAULT;
  const OwnRegion& own = own_[slot];
  if (own.generation.load(std::memory_order_acquire) != Valid(generation)) return -EFAULT;
  if (count == 0 || count != own.vector_count) return -EFAULT;
  *out = {own.vectors.get(), count};
  return 0;
}

int RegionTable::FindSlab(uint32_t index, uint32_t generation, uint32_t offset, uint32_t length,
                          Span* out) const {
  if (index >= protocol::kMaxSlabs) return -EFAULT;
  const Slab& slab = slabs_[index];
  if (slab.generation.load(std::memory_order_acquire) != Valid(generation)) return -EFAULT;
  if (!Within(offset, length, slab.length)) return -EFAULT;
  *out = {slab.base + offset, length, slab.registered_index};
  return 0;
}

// Relaxed: called with the roster's mutex held, as the next client's Connect is; the engine hears
// of that client by it, too.
void RegionTable::Clear() {
  for (uint32_t slot = 0; slot < slot_count_; slot++) Spend(slot);
  for (Slab& slab : slabs_) {
    slab.generation.store(kSpent, std::memory_order_relaxed);
    slab.registered_index = kNotRegistered;
  }
}

}  // namespace ringpost
