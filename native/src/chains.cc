// Chains, engine thread: requests that run one after the other, with no way back to JavaScript
// between them.
//
// The engine hands one step at a time to the kernel, and not all of them at once as IOSQE_IO_LINK
// would: that costs no more (docs/measurements.md has the figures), and a step may be whatever a
// request may be: a transfer at a descriptor's own offset, a recipe, an operation that another ring
// or a plain system call carries out.
//
// Each step has its slot, and holds it to the end of the chain; the replies of all steps go out
// together. What a chain opens is its own: the later steps use it, and it is closed with the chain.
#include <fcntl.h>
#include <sys/uio.h>

#include <cerrno>
#include <utility>

#include "engine.h"
#include "transfer.h"

namespace ringpost {

namespace {

namespace opcode = protocol::opcode;
namespace flag = protocol::opcode_flag;

using State = ChainStep::State;

constexpr uint32_t kLinks = flag::kLink | flag::kHardLink;

// Those whose descriptor is where a path begins, and no file to work on: the kernel looks for it in
// the process's table alone.
bool NeedsProcessFd(const Request& request) {
  return request.opcode == opcode::kStat || request.opcode == opcode::kOpenat2;
}

// A pipe has two descriptors and a step one; a stream has no end; a slab is nothing that is done.
bool IsNoStep(uint32_t op) {
  return op == opcode::kPipe || op == opcode::kPollEvents || op == opcode::kRegisterSlab;
}

uint64_t OpenFlags(const InFlight& flight) {
  return flight.submission.opcode == abi::kOpOpenat ? flight.submission.op_flags
                                                    : flight.open_how.flags;
}

// A direct descriptor is never inherited, and the kernel refuses to be told so.
void MakeDirect(InFlight* flight) {
  flight->submission.file_index = abi::kFileIndexAlloc;
  flight->submission.op_flags &= ~uint32_t{O_CLOEXEC};
  flight->open_how.flags &= ~uint64_t{O_CLOEXEC};
}

bool Moves(const InFlight& flight) {
  return flight.opcode == opcode::kSplice || flight.opcode == opcode::kTee;
}

// Where the request has the number of a step, there is no descriptor before its turn.
void HideStepNumbers(const ChainStep& step, InFlight* flight) {
  if (step.second_fd_of != ChainStep::kNone) flight->submission.fd = ChainStep::kNotOpen;
  if (step.fd_of == ChainStep::kNone) return;
  (Moves(*flight) ? flight->submission.file_index : flight->submission.fd) = ChainStep::kNotOpen;
}

// Whether it goes where an opened file stands, and that isn't known here, where the offsets of
// direct descriptors are kept: the kernel alone knows where it goes (RWF_APPEND), or takes the
// file's own offset (a splice).
bool NeedsOffsetOfFile(const ChainStep& step, const InFlight& flight) {
  const abi::Sqe& sqe = flight.submission;
  const bool uses = step.fd_of != ChainStep::kNone;
  if (IsAtOwnOffset(sqe)) return uses && (sqe.op_flags & RWF_APPEND) != 0;
  const bool gives = step.second_fd_of != ChainStep::kNone;
  return flight.opcode == opcode::kSplice &&
         ((uses && sqe.address == kOwnOffset) || (gives && sqe.offset == kOwnOffset));
}

void PrepareClose(const ChainStep& opener, abi::Sqe* sqe) {
  sqe->opcode = abi::kOpClose;
  if (opener.direct) {
    sqe->fd = 0;
    sqe->file_index = opener.opened + 1;
  } else {
    sqe->fd = opener.opened;
  }
}

// Entries that are no requests, and so no steps.
bool HasNoSlot(uint32_t opcode) {
  return opcode == opcode::kCancel || opcode == opcode::kNextEvents;
}

// Whether it moved fewer bytes than it was to: the kernel breaks a link for it, too.
bool IsShort(const InFlight& flight, int32_t result) {
  switch (flight.opcode) {
    case opcode::kRead:
    case opcode::kWrite:
    case opcode::kReadv:
    case opcode::kWritev:
    case opcode::kSplice:
    case opcode::kTee:
      return static_cast<uint64_t>(result) < BytesOf(flight.submission);
    default:
      return false;
  }
}

}  // namespace

// Takes the rest of a chain, of which the first step has just been taken, out of the request ring.
// An honest client publishes chains whole, with nothing in between. Returns how many entries those
// were.
uint32_t Engine::AcceptChain(ClientService& service, Request& request, uint32_t available,
                             uint32_t slots_left) {
  uint32_t head = ChainStep::kNone;
  uint32_t last = ChainStep::kNone;
  uint32_t taken = 0;
  for (;;) {
    const uint32_t flags = request.opcode;
    // A slot whose request has no operation would look free while its reply is held.
    if (!IsFreeSlot(service, request.slot) || (flags & protocol::kOpcodeMask) == InFlight::kIdle) {
      RefuseEntry(service, request, -EINVAL, 0);
    } else {
      AdmitStep(service, request, head);
      if (last == ChainStep::kNone) {
        head = request.slot;
      } else {
        service.chain_steps[last].next = request.slot;
        service.chain_steps[head].count++;
      }
      last = request.slot;
    }
    slots_left--;
    if ((flags & kLinks) == 0 || taken == available) break;
    if (slots_left == 0) {
      BreakOff(service);
      break;
    }
    request = service.requests.Take();
    taken++;
    if (HasNoSlot(request.opcode)) {
      BreakOff(service);
      break;
    }
  }
  if (head != ChainStep::kNone) StartInOrder(service, head);
  return taken;
}

// `head` is kNone for the first step.
void Engine::AdmitStep(ClientService& service, Request& request, uint32_t head) {
  const uint32_t flags = request.opcode;
  request.opcode &= protocol::kOpcodeMask | flag::kDeadline;
  const uint32_t slot = request.slot;
  ChainStep& step = service.chain_steps[slot];
  step = {};
  step.head = head == ChainStep::kNone ? slot : head;
  ChainStep& first = service.chain_steps[step.head];
  step.nth = head == ChainStep::kNone ? 0 : first.count;
  step.linked_hard = (flags & flag::kHardLink) != 0;
  step.drains = (flags & flag::kDrain) != 0;
  if ((flags & flag::kFdOfStep) != 0) step.fd_of = static_cast<uint32_t>(request.fd);
  if ((flags & flag::kSecondFdOfStep) != 0)
    step.second_fd_of = static_cast<uint32_t>(request.second_fd);
  step.refused = Admit(service, request);
  HideStepNumbers(step, &service.in_flight[slot]);
  if (IsNoStep(request.opcode)) step.refused = -EINVAL;
  if (step.refused == 0 && request.opcode != opcode::kClose) CountUsed(&service.in_flight[slot]);
  service.in_flight[slot].chained = true;
  // A plain system call has no use for the ring's descriptors either.
  const bool by_ring = step.refused < 0 || ring_.Takes(service.in_flight[slot].submission);
  if (step.fd_of != ChainStep::kNone && (NeedsProcessFd(request) || !by_ring))
    first.needs_process_fds = true;
  if (NeedsOffsetOfFile(step, service.in_flight[slot])) first.needs_process_fds = true;
}

// Runs the chain from this step on, as far as it goes without the kernel's answer.
void Engine::RunChain(ClientService& service, uint32_t slot) {
  while (slot != ChainStep::kNone) {
    const int refused = StartStep(service, slot);
    if (refused == 0) return;
    slot = EndStep(service, slot, refused, 0);
  }
}

// Returns 0 where the step is on its way, or -errno where it can't be.
int Engine::StartStep(ClientService& service, uint32_t slot) {
  InFlight& flight = service.in_flight[slot];
  ChainStep& step = service.chain_steps[slot];
  step.state = State::kRunning;
  if (step.refused < 0) return step.refused;
  if (flight.cancelled && flight.opcode != opcode::kClose)
    return flight.overdue ? -ETIMEDOUT : -ECANCELED;
  if (const int unusable = UseOpened(service, slot); unusable < 0) return unusable;
  if (flight.opens()) {
    step.appends = (OpenFlags(flight) & O_APPEND) != 0;
    step.direct = direct_count_ < file_table_size_ &&
                  !service.chain_steps[step.head].needs_process_fds &&
                  ring_.Supports(flight.submission.opcode);
    if (step.direct) {
      MakeDirect(&flight);
      direct_count_++;
    }
  }
  // A number in the ring's own table says nothing of the process's descriptors.
  const bool direct = (flight.submission.flags & abi::kSqeFixedFile) != 0 ||
                      (flight.opcode == opcode::kClose && flight.submission.file_index != 0);
  if (!direct) {
    StartRequest(service, slot);
    if (!held_closes_.empty()) [[unlikely]]
      NoteForHeldCloses(flight);
    return 0;
  }
  CountInput(&flight);
  if (flight.doomed) begun_doomed_.push_back(flight.submission.user_data);
  Dispatch(flight.submission);
  return 0;
}

ChainStep* Engine::OpenerOf(ClientService& service, uint32_t slot, uint32_t nth) {
  const ChainStep& step = service.chain_steps[slot];
  if (nth >= step.nth) return nullptr;
  ChainStep* opener = &service.chain_steps[step.head];
  while (opener->nth < nth) opener = &service.chain_steps[opener->next];
  return opener->opened == ChainStep::kNotOpen ? nullptr : opener;
}

// Puts the descriptors of earlier steps into the submission. Returns 0, or -EBADF where there is
// none: that step failed, is no open, or its file has been closed.
int Engine::UseOpened(ClientService& service, uint32_t slot) {
  InFlight& flight = service.in_flight[slot];
  ChainStep& step = service.chain_steps[slot];
  if (step.second_fd_of != ChainStep::kNone) {
    const ChainStep* opener = OpenerOf(service, slot, step.second_fd_of);
    if (opener == nullptr) return -EBADF;
    flight.submission.fd = opener->opened;
    if (opener->direct) flight.submission.flags |= abi::kSqeFixedFile;
  }
  if (step.fd_of == ChainStep::kNone) return 0;
  const ChainStep* opener = OpenerOf(service, slot, step.fd_of);
  if (opener == nullptr) return -EBADF;
  if (flight.opcode == opcode::kClose) {
    PrepareClose(*opener, &flight.submission);
    flight.fd = opener->direct ? ChainStep::kNotOpen : opener->opened;
  } else if (Moves(flight)) {
    flight.submission.file_index = opener->opened;
    if (opener->direct) flight.submission.op_flags |= abi::kSpliceFdInFixed;
  } else {
    flight.submission.fd = opener->opened;
    if (!opener->direct) return 0;
    flight.submission.flags |= abi::kSqeFixedFile;
    // offset_lines.h keeps the offsets of ordinary descriptors; here is nobody else to use it.
    step.at_own_offset = IsAtOwnOffset(flight.submission) && !opener->appends;
    if (step.at_own_offset) flight.submission.offset = opener->offset;
  }
  return 0;
}

// The kernel is done with the step that runs.
void Engine::CompleteStep(ClientService& service, uint32_t slot, int32_t result, uint32_t note) {
  RunChain(service, EndStep(service, slot, result, note));
}

// Keeps what came of a step. Returns the next one that is to run; or kNone, when the chain is over,
// which it then ends.
uint32_t Engine::EndStep(ClientService& service, uint32_t slot, int32_t result, uint32_t note) {
  const InFlight& flight = service.in_flight[slot];
  ChainStep& step = service.chain_steps[slot];
  step.state = State::kDone;
  step.result = result;
  step.note = note;
  if (!held_closes_.empty()) [[unlikely]]
    NoteForHeldCloses(flight);
  if (flight.opens()) {
    if (result >= 0) {
      step.opened = result;
      step.result = 0;
    } else {
      ForgetOpened(&step);
    }
  }
  if (step.fd_of != ChainStep::kNone) {
    ChainStep* opener = OpenerOf(service, slot, step.fd_of);
    if (opener != nullptr && step.at_own_offset && result > 0)
      opener->offset += static_cast<uint32_t>(result);
    // Whatever a close says, the descriptor is gone.
    if (opener != nullptr && flight.opcode == opcode::kClose && step.refused == 0)
      ForgetOpened(opener);
  }
  const bool broken = !step.linked_hard && (result < 0 || IsShort(flight, result));
  if (!broken && step.next != ChainStep::kNone) return step.next;
  for (uint32_t rest = step.next; rest != ChainStep::kNone; rest = service.chain_steps[rest].next) {
    service.chain_steps[rest].state = State::kDone;
    service.chain_steps[rest].result = -ECANCELED;
  }
  CloseOpened(service, step.head);
  return ChainStep::kNone;
}

// The descriptor that the step has opened, or was to open, isn't there: nor is its place taken.
void Engine::ForgetOpened(ChainStep* opener) {
  opener->opened = ChainStep::kNotOpen;
  if (std::exchange(opener->direct, false)) direct_count_--;
}

// The chain is over: closes what it has opened and not closed, and replies when that is done.
void Engine::CloseOpened(ClientService& service, uint32_t head) {
  ChainStep& first = service.chain_steps[head];
  for (uint32_t slot = head; slot != ChainStep::kNone; slot = service.chain_steps[slot].next) {
    ChainStep& step = service.chain_steps[slot];
    if (step.opened == ChainStep::kNotOpen) continue;
    step.state = State::kClosing;
    first.closing++;
    abi::Sqe sqe = {};
    PrepareClose(step, &sqe);
    sqe.user_data = UserData(Origin::kRequest, service.index, slot);
    Dispatch(sqe);
  }
  if (first.closing == 0) ReplyToChain(service, head);
}

bool Engine::CompletesClosing(ClientService& service, uint32_t slot) {
  if (service.chain_steps[slot].state != State::kClosing) return false;
  ChainStep& step = service.chain_steps[slot];
  ForgetOpened(&step);
  step.state = State::kDone;
  const uint32_t head = step.head;
  if (--service.chain_steps[head].closing == 0) ReplyToChain(service, head);
  return true;
}

void Engine::ReplyToChain(ClientService& service, uint32_t head) {
  if (service.drainer == head) service.drainer = ChainStep::kNone;
  for (uint32_t slot = head; slot != ChainStep::kNone;) {
    const ChainStep& step = service.chain_steps[slot];
    const uint32_t next = step.next;
    ReplyTo(service, slot, step.result, step.note);
    slot = next;
  }
}

}  // namespace ringpost
