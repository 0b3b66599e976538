#include "engine.h"

#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "handoff.h"
#include "registered_memory.h"

namespace ringpost {

namespace counter = protocol::engine_counter;

namespace {

constexpr uint64_t kNsPerUs = 1'000;
constexpr uint64_t kNsPerMs = 1'000'000;

// Files that chains can have open in the ring's own table; more are opened as the process's. No
// more than the usual limit of open files, which is this one's, too.
constexpr uint32_t kFileTableSize = 1024;

// Longest wait while stopping: how soon the lack of progress is noticed.
constexpr uint32_t kStoppingWaitMs = 20;

// How long posts may lie unseen while the doorbell isn't polled, and when it is tried again.
constexpr uint64_t kDeafNs = 10 * kNsPerMs;

// How long the engine sleeps at most while it takes nothing from a client for the sake of another.
constexpr uint64_t kLookAtHeldBackNs = 5 * kNsPerMs;

// Makes naps as short as they are said to be: by default the kernel adds up to 50 µs.
void NapExactly() { (void)::prctl(PR_SET_TIMERSLACK, 1); }

// Keeps this thread off the CPU that the submission thread is bound to, where there is another one:
// on the same, each would wait for the end of the other's time slice.
void StayOff(int32_t cpu) {
  cpu_set_t cpus;
  if (::sched_getaffinity(0, sizeof(cpus), &cpus) < 0) return;
  CPU_CLR(static_cast<size_t>(cpu), &cpus);
  if (CPU_COUNT(&cpus) > 0) (void)::sched_setaffinity(0, sizeof(cpus), &cpus);
}

}  // namespace

int Engine::Start(const SharedMemory& memory, std::shared_ptr<Roster> roster,
                  const EngineOptions& options, std::unique_ptr<Engine>* out,
                  RefusedOption* refused) {
  std::unique_ptr<Engine> engine(new Engine(memory, std::move(roster), options));
  RingOptions ring = options.ring;
  ring.counters = &memory.counter(0);
  const int opened = engine->ring_.Open(ring);
  if (refused != nullptr) *refused = engine->ring_.refused();
  if (opened < 0) return opened;
  if (ring.submission_thread.wanted) NapExactly();
  if (const int32_t cpu = ring.submission_thread.cpu; cpu >= 0) StayOff(cpu);
  PlacementOptions placement = options.placement;
  placement.always_looks = ring.submission_thread.wanted || options.polled.enabled;
  if (const int placed = engine->waiting_.Begin(options.wait, placement, &memory.wait_mode());
      placed < 0) {
    if (refused != nullptr) *refused = RefusedOption::kPlacement;
    return placed;
  }
  if (const int polled = engine->OpenPolledRing(ring); polled < 0) return polled;
  engine->RegisterBufferTables();
  if (engine->ring_.RegisterFileTable(kFileTableSize) == 0)
    engine->file_table_size_ = kFileTableSize;
  memory.BeginMailboxes();
  engine->ListenForDoorbell();
  *out = std::move(engine);
  return 0;
}

Engine::Engine(const SharedMemory& memory, std::shared_ptr<Roster> roster,
               const EngineOptions& options)
    : memory_(memory),
      roster_(std::move(roster)),
      options_(options),
      services_(memory.max_clients()),
      calls_(*roster_, memory_.parked(), options_.plain_call) {
  active_.reserve(memory.max_clients());
  to_notify_.reserve(memory.max_clients());
  changes_.reserve(memory.max_clients());
}

int Engine::Run() {
  run_began_ = Clock::now();
  for (;;) {
    if (roster_->has_changes()) ServeRoster();
    if (stopping_) {
      StopByProgress();
      if (in_flight_count_ == 0 && !AwaitsContinuation()) {
        Shutdown();
        return kStopped;
      }
    }
    const bool took = TakeRequests();
    if (took) waiting_.EndRound(now_ns_);
    if (!deadlines_.empty()) CancelOverdue();
    if (draining_count_ > 0) StartHeldOfAll();
    while (!begun_doomed_.empty() || !taken_out_.empty()) {
      CancelDoomed();
      EndTakenOut();
      if (draining_count_ > 0) StartHeldOfAll();  // what waited for those alone
    }
    // While transfers are polled for, nothing sleeps; what else is in flight is asked for as often.
    const bool polls = polled_.in_flight() > 0;
    if (ring_.Pending() > 0 || ring_.HasUnposted() ||
        (polls && in_flight_count_ > polled_.in_flight())) {
      ring_.Submit(PieceForKernel());
      CountOverflow();
    }
    if (polls) polled_.Poll();
    const bool reaped = ReapCompletions();
    if (!held_closes_.empty()) ServeHeldCloses();
    if (!taken_out_.empty()) EndTakenOut();
    if (io_count_ > 0) {
      waited_ns_ = now_ns_;
      LeaveOutWaits();
    }
    PublishReplies();
    if (RanForLong()) return 0;
    const bool worked = took || reaped || ring_.Pending() > 0 || polled_.in_flight() > 0;
    if (StaysAwake(worked)) continue;
    if (!WaitForWork()) return 0;
  }
}

// Whether the engine has been in native code for as long as an idle wait: JavaScript gets its turn,
// so that the thread can be terminated.
bool Engine::RanForLong() const {
  return Clock::now() - run_began_ >= std::chrono::milliseconds(options_.idle_wait_ms);
}

// Parks, looks once more, and sleeps until a completion, the doorbell, or the end of the idle wait.
// Returns false after an idle wait: JavaScript gets its turn, so that the thread can be terminated.
bool Engine::WaitForWork() {
  if (deaf_since_ns_ != 0 && MonotonicNs() - deaf_since_ns_ >= kDeafNs) ListenForDoorbell();
  Park(memory_.parked());
  if (roster_->HasChangesOrdered() || HasRequestsOrdered() || calls_.HasDoneOrdered()) {
    Unpark(memory_.parked());
    return true;
  }
  const uint64_t idle_ns = (stopping_ ? kStoppingWaitMs : options_.idle_wait_ms) * kNsPerMs;
  const uint64_t wait_ns = LongestSleepNs(idle_ns);
  const int waited = ring_.SubmitAndWait(NextWait(wait_ns));
  Unpark(memory_.parked());
  waiting_.Woken(roster_->rung_on());
  CountOverflow();
  Count(memory_.counter(counter::kWakeups));
  if (waited != -ETIME || wait_ns < idle_ns) return true;
  Count(memory_.counter(counter::kIdleWakeups));
  now_ns_ = MonotonicNs();  // nothing else has told the time
  return stopping_;
}

// Until the idle wait ends, or something is due that no completion tells of.
uint64_t Engine::LongestSleepNs(uint64_t idle_ns) const {
  uint64_t longest = deaf_since_ns_ == 0 ? idle_ns : std::min(idle_ns, kDeafNs);
  if (!deadlines_.empty()) {
    const uint64_t now = MonotonicNs();
    const uint64_t next = deadlines_.next().ns;
    longest = std::min(longest, next > now ? next - now : 1);
  }
  if (!held_closes_.empty()) longest = std::min(longest, kLookAtHeldClosesNs);
  return HoldsBack() ? std::min(longest, kLookAtHeldBackNs) : longest;
}

void Engine::CountOverflow() const {
  if (ring_.Overflowed()) Count(memory_.counter(counter::kOverflows));
}

// The doorbell is one completion, too: with fewer than two requests in the ring nothing may hold it
// up. Those that wait for events and the like may take for ever: nobody is to wait for them. Nor
// for those that wait for others here, as the steps of a chain do.
WaitFor Engine::NextWait(uint64_t timeout_ns) const {
  const uint32_t completions = std::min(options_.min_wait_completions, io_count_);
  // Nothing but the doorbell's poll and the like is in the kernel: the engine would make an idle
  // machine look as if it waited for its disks.
  const bool for_io = io_count_ > 0;
  if (completions < 2 || stopping_) return {.timeout_ns = timeout_ns, .for_io = for_io};
  // The kernel lets this time pass even where it is longer than the other.
  const auto timeout_us =
      static_cast<uint32_t>(std::min<uint64_t>(timeout_ns / kNsPerUs, options_.min_wait_us));
  return {
      .timeout_ns = timeout_ns, .completions = completions, .min_us = timeout_us, .for_io = for_io};
}

bool Engine::HasRequestsOrdered() const {
  return std::any_of(active_.begin(), active_.end(), [this](uint32_t client) {
    const ClientService& service = services_[client];
    return service.serving && service.requests.HasWorkOrdered() && !IsHeldBack(service);
  });
}

// A poll that stays (multishot, since Linux 5.13) posts a completion for every ring of the
// doorbell; an older kernel refuses that, is asked for one answer, and CompleteDoorbell asks again.
void Engine::ListenForDoorbell() {
  deaf_since_ns_ = 0;
  abi::Sqe sqe = {};
  sqe.opcode = abi::kOpPollAdd;
  sqe.fd = roster_->doorbell();
  sqe.op_flags = POLLIN;
  if (doorbell_poll_stays_) sqe.length = abi::kPollAddMulti;
  sqe.user_data = UserData(Origin::kDoorbell, 0, 0);
  Push(sqe);
}

void Engine::ServeRoster() {
  bool stopping = false;
  uint32_t grace_ms = 0;
  roster_->TakeChanges(&changes_, &stopping, &grace_ms);
  if (stopping) {
    if (!stopping_) last_progress_ = Clock::now();
    stopping_ = true;
    stop_grace_ = std::chrono::milliseconds(grace_ms);
  }
  if (roster_->has_siblings()) CancelForSiblings();
  for (const SeatChange& change : changes_) {
    ClientService& service = services_[change.client];
    // A client may have connected and closed since the last look.
    if (change.state != SeatState::kFree && !service.connected) BeginService(change);
    if (change.cancel_all) CancelInFlight(service);
    if (change.state != SeatState::kClosing) continue;
    service.serving = false;
    service.closing = true;
    CancelInFlight(service);
    if (service.in_flight_count == 0) FinishClosing(service);
  }
}

void Engine::BeginService(const SeatChange& change) {
  const uint32_t client = change.client;
  ClientService& service = services_[client];
  if (service.in_flight == nullptr) {
    service.in_flight = std::make_unique<InFlight[]>(memory_.slot_count());
    service.chain_steps = std::make_unique<ChainStep[]>(memory_.slot_count());
    service.held.reserve(memory_.slot_count());
    service.handed = HandedDescriptors(memory_.slot_count());
    service.index = client;
    service.mailbox = memory_.mailbox(client);
  }
  service.regions = &roster_->regions(client);
  service.requests = RingConsumer<Request>(service.mailbox.requests);
  service.replies = RingProducer<Reply>(service.mailbox.replies);
  service.waker = change.waker;
  service.credits = std::min(change.share.credits, memory_.slot_count());
  service.weight = change.share.weight;
  service.most_replies = service.credits;
  service.many_ns = 0;
  service.connected = true;
  service.serving = true;
  service.broken = false;
  service.closing = false;
  active_.push_back(client);
  Count(service.mailbox.counters[protocol::service_counter::kConnected]);
  Count(memory_.counter(counter::kClientsOpened));
}

// The kernel holds nothing of this closed client any more: what it has left behind is tidied up,
// and the seat is free.
void Engine::FinishClosing(ClientService& service) {
  if (service.draining) StartHeld(service);  // nothing is left: it drains no more
  if (service.left_behind > 0) return;       // comes again when they are closed
  for (UniqueFd& fd : service.handed.TakeUnread(service.replies))
    CloseLeftBehind(service, fd.Release());
  CloseKept(service);
  if (service.left_behind > 0) return;
  deadlines_.Forget(service.index);
  for (uint32_t slab = 0; slab < protocol::kMaxSlabs; slab++) {
    if (service.regions->IsRegistered(slab)) {
      (void)UpdateBuffer(service.index * protocol::kMaxSlabs + slab, {});
    }
  }
  memory_.ResetMailbox(service.index);
  service.connected = false;
  Count(service.mailbox.counters[protocol::service_counter::kConnected], ~uint64_t{0});  // to 0
  service.closing = false;
  std::erase(active_, service.index);
  Count(memory_.counter(counter::kClientsDrained));
  roster_->Drained(service.index);
}

// A whole-file operation that is cut off between two of its requests leaves its file open.
void Engine::CloseKept(ClientService& service) {
  for (const int32_t fd : service.kept_fds) CloseLeftBehind(service, fd);
  service.kept_fds.clear();
}

// By the ring: where a close has something to say to whoever serves the file, a worker of the
// kernel's waits for the answer. An engine that stops waits itself.
void Engine::CloseLeftBehind(ClientService& service, int32_t fd) {
  if (stopping_) {
    UniqueFd(fd).Reset();
    return;
  }
  abi::Sqe sqe = {};
  sqe.opcode = abi::kOpClose;
  sqe.fd = fd;
  sqe.user_data = UserData(Origin::kLeftBehind, service.index, static_cast<uint32_t>(fd));
  Push(sqe);
  service.left_behind++;
  left_behind_++;
}

// While stopping: what is in flight may finish as long as something does; after the grace without
// progress (a read of a pipe that nobody writes to, say), the rest is cancelled.
void Engine::StopByProgress() {
  if (stop_cancelled_ || Clock::now() - last_progress_ < stop_grace_) return;
  stop_cancelled_ = true;
  for (const uint32_t client : active_) CancelInFlight(services_[client]);
}

// While stopping: whether a client is between two requests of a whole-file operation, which has its
// file open here. It gets the same grace.
bool Engine::AwaitsContinuation() const {
  return !stop_cancelled_ && std::any_of(active_.begin(), active_.end(), [this](uint32_t client) {
    return !services_[client].kept_fds.empty();
  });
}

void Engine::Shutdown() {
  if (!ring_.is_open()) return;
  stopping_ = true;
  for (const uint32_t client : active_) CancelInFlight(services_[client]);
  while (in_flight_count_ > 0 || left_behind_ > 0) {
    if (polled_.in_flight() > 0) {
      ring_.Submit();
      polled_.Poll();
    } else {
      ring_.SubmitAndWait({.timeout_ns = kStoppingWaitMs * kNsPerMs});
    }
    ReapCompletions();
    if (!held_closes_.empty()) ServeHeldCloses();
    EndTakenOut();
    if (draining_count_ > 0) StartHeldOfAll();  // cancelled, they end as their turn comes
  }
  calls_.Stop();
  ServeRoster();  // clients that closed meanwhile: what they left behind is tidied up while there
                  // is a ring
  PublishReplies();
  for (ClientService& service : services_) CloseKept(service);
  for (const uint32_t client : active_) {
    ClientService& service = services_[client];
    uint64_t* connected = &service.mailbox.counters[protocol::service_counter::kConnected];
    roster_->Bequeath(client, {service.replies, std::move(service.handed), connected,
                               &memory_.counter(counter::kClientsDrained)});
  }
  // No SubmitAndWait from here on: the ring goes first, then the memory that the kernel wrote to.
  polled_.Close();
  ring_.Close();
  registered_memory::Forget(this);
  roster_->EngineGone();
}

}  // namespace ringpost
