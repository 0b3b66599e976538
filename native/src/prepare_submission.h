// Stage 4 of 9, engine thread: one request becomes one submission.
//
// Nothing in a request is believed: an unknown opcode gets EINVAL, memory that isn't the request's
// EFAULT, before the kernel hears of it. What is wrong in the kernel's eyes only (a bad descriptor,
// say), the kernel answers.
#pragma once

#include "in_flight.h"
#include "kernel_abi.h"
#include "regions.h"
#include "shared_memory.h"

namespace ringpost {

// Fills a zeroed submission, all but its user_data, and remembers in `flight` what the reply will
// need. Returns 0, or the -errno to reply with at once; then there is nothing to
// submit.
[[nodiscard]] int PrepareSubmission(const Request& request, const Mailbox& mailbox,
                                    const RegionTable& regions, InFlight* flight, abi::Sqe* sqe);

}  // namespace ringpost
