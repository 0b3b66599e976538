// Reads of cached data by the client's own thread (packages/client/src/hot-reads.ts): what needs no
// device needs no engine.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ringpost {

// Reads what the page cache has, and never waits for a device: preadv2 with RWF_NOWAIT (Linux 4.14
// where the file system can do that). Returns `bytes`, or fewer at the end of the file. A negative
// errno where it can't be had this way: -EAGAIN of what isn't cached, or is open with O_DIRECT.
// What is read of it until then may lie in the memory.
int ReadHot(int fd, uint8_t* base, size_t bytes, int64_t offset);

}  // namespace ringpost
