// System calls in the place of operations that the kernel's io_uring lacks: the same arguments, the
// same results. Of those alone that end by themselves: a thread that waits in read(2) or poll(2)
// can't be called back, so what may wait for ever has no such place. And transfers of files that
// are none of the ring's business (served_files.h).
//
// Pure functions of a submission; call_thread.h is where they run.
#pragma once

#include <cstdint>

#include "kernel_abi.h"

namespace ringpost {

// What carries out a submission on the calling thread, and returns what its completion would say. A
// test puts a call that takes its time in its place.
using PlainCall = int32_t (*)(const abi::Sqe& sqe);

// Whether there is a system call for this operation of the ring.
[[nodiscard]] bool HasPlainCall(uint8_t operation);

// Carries out a submission of such an operation, or a transfer.
[[nodiscard]] int32_t CallPlainly(const abi::Sqe& sqe);

}  // namespace ringpost
