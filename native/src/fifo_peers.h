// FIFOs whose other end nobody has opened yet, engine thread.
//
// open(2) of a FIFO waits for the other end; io_uring's first try is a nonblocking one, which fails
// for a writer (ENXIO), and for a reader succeeds: the first read then says end of file before
// anything was written. So a writer's open is given to a kernel thread that may wait, and a
// reader's first read waits for the writer.
#pragma once

#include <cstdint>

#include "in_flight.h"
#include "kernel_abi.h"

namespace ringpost {

// The request's submission, or its poll for a writer, has completed with `result`. Returns whether
// the request isn't done, as the other end is still missing: then `next` is what to submit for it,
// all but its user_data. Otherwise, `result` is the request's own.
[[nodiscard]] bool AwaitsPeer(InFlight* flight, int32_t* result, abi::Sqe* next);

}  // namespace ringpost
