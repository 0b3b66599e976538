// Reads of cached data by the client's own thread (packages/client/src/hot-reads.ts): what needs no
// device needs no engine.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ringpost {

// Reads what the page cache has, all of it (cachestat: Linux 6.5), and waits for nothing (preadv2
// with RWF_NOWAIT). Returns `bytes`, or fewer at the end of the file. A negative errno where it
// isn't to be had this way: -EAGAIN of what isn't cached, or is open with O_DIRECT; any other means
// that the next read of this file won't be had either. Nothing was read then, or a part of what the
// file has there.
int ReadHot(int fd, uint8_t* base, size_t bytes, int64_t offset);

// The same of a whole file of fewer than `room` bytes, whose path is known, too (openat2 with
// RESOLVE_CACHED: Linux 5.12). Returns its size.
int ReadHotFile(const char* path, uint8_t* base, size_t room);

}  // namespace ringpost
