// The engine: one thread's loop between the mailboxes of its clients and the kernel's ring.
//
//   take_requests.cc        stage 3   requests out of the mailboxes
//   prepare_submission.cc   stage 4   a request becomes a submission
//   ring.cc                 stage 5   submit and wait, one system call
//   reap_completions.cc     stage 7   completions become replies
//   publish_replies.cc      stage 8   replies are handed over, sleepers notified
//   turns.cc                whose turn it is to be taken from, and how much at a time
//   chains.cc               requests that run one after the other
//   drains.cc               chains that wait for all before them
//   cancel_requests.cc      by request, by descriptor, of a client; deadlines
//   iopoll_transfers.cc     the second ring, whose completions are polled for
//   descriptor_users.h      who uses which descriptor, for the closes
//   held_closes.cc          closes that wait for what is still to use their descriptor
//   poll_streams.cc         polls that go on, and tell of events as they come
//   recipes.cc              several submissions as one request
//   offset_lines.cc         transfers at a descriptor's own offset, one after the other
//   fifo_peers.cc           FIFOs whose other end isn't there yet
//   served_files.cc         files on FUSE, which the ring isn't to have
//   file_types.cc           what a descriptor is of, and so whether it may wait for ever
//   plain_calls.cc          system calls in the place of what the kernel's io_uring lacks
//   call_thread.cc          the thread that carries them out
//   stay_awake.cc           whether to go on without sleeping
//   waiting.cc              how to wait for work: looking or asleep, and on which CPU
//   engine.cc               the loop around them: parking, clients that come and go, the end
//
// All of it runs on the thread that made it; the roster alone is shared with other threads, and the
// call thread with one of its own.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "call_thread.h"
#include "chain_step.h"
#include "clock.h"
#include "deadlines.h"
#include "descriptor_users.h"
#include "handed_descriptors.h"
#include "in_flight.h"
#include "iopoll_ring.h"
#include "offset_lines.h"
#include "ring.h"
#include "roster.h"
#include "served_files.h"
#include "shared_memory.h"
#include "waiting.h"

namespace ringpost {

// The engine's side of one client.
struct ClientService {
  uint32_t index = 0;
  Mailbox mailbox{};
  RingConsumer<Request> requests;
  RingProducer<Reply> replies;
  RegionTable* regions = nullptr;
  ClientWaker* waker = nullptr;              // nullptr: it looks for its replies by itself
  std::unique_ptr<InFlight[]> in_flight;     // one per slot
  std::unique_ptr<ChainStep[]> chain_steps;  // one per slot
  HandedDescriptors handed;
  std::vector<int32_t>
      kept_fds;              // open between the requests of one whole-file operation: ours to close
  uint32_t left_behind = 0;  // closes of what it has left behind that are with the kernel
  uint32_t in_flight_count = 0;
  uint32_t credits = 0;  // roster.h
  uint32_t weight = 1;
  // Requests in flight and unread replies together: a place for each credit, and a second one once
  // there has been a stream.
  uint32_t most_replies = 0;
  uint64_t many_ns = 0;                 // when it last had more than a few requests with us
  bool has_few = false;                 // that is long ago
  uint32_t transfers = 0;               // at positions, with the kernel
  uint64_t transferred_ns = 0;          // when one of them last ended, or the first of them began
  std::vector<uint32_t> held;           // drains.cc: the slots of what waits, in order
  uint32_t held_count = 0;              // requests that wait, all steps of chains counted
  uint32_t drainer = ChainStep::kNone;  // slot of the chain that runs, and others wait for
  bool draining = false;                // there is one, or something waits
  bool connected = false;               // its seat is taken
  bool serving = false;                 // its requests are taken
  bool broken = false;                  // it is to be orphaned when nothing of it is in flight
  bool closing = false;  // it is gone: its seat is free when nothing of it is in flight
};

struct EngineOptions {
  RingOptions ring;
  PolledOptions polled;
  // A wait is for so many completions, as far as the kernel has as many requests, and for fewer
  // after the time. 1: for the first one.
  uint32_t min_wait_completions = 1;
  uint32_t min_wait_us = 0;
  uint32_t wait = protocol::wait_mode::kAuto;
  PlacementOptions placement;
  // Requests that are served, others are refused with -EACCES: bit by protocol::opcode. The ring's
  // own list (RingOptions) is the kernel's to enforce.
  uint64_t allowed_requests = ~uint64_t{0};
  uint32_t idle_wait_ms =
      500;  // longest sleep: a thread in a system call can't be terminated, so it must come back
  PlainCall plain_call = CallPlainly;
};

class Engine {
 public:
  static constexpr int kStopped = protocol::run_result::kStopped;

  // Returns 0 or -errno, as Ring::Open; and which option it is that the kernel refuses, if it is
  // one.
  [[nodiscard]] static int Start(const SharedMemory& memory, std::shared_ptr<Roster> roster,
                                 const EngineOptions& options, std::unique_ptr<Engine>* out,
                                 RefusedOption* refused = nullptr);
  ~Engine() { Shutdown(); }
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Serves the clients. Returns now and then, so that JavaScript can end this thread: 0 (call it
  // again) or kStopped.
  int Run();

  // Stops intake, cancels, drains the completions, closes the ring, and only then lets go of the
  // clients' memory. Blocks until the kernel has let go. Idempotent.
  void Shutdown();

  [[nodiscard]] const RingReport& report() const { return ring_.report(); }
  // Whether leases are registered with the ring.
  [[nodiscard]] bool has_buffer_table() const { return buffer_table_size_ > 0; }
  // Whether there is a second ring, for polled transfers.
  [[nodiscard]] bool polls() const { return polled_.is_open(); }

 private:
  using Clock = std::chrono::steady_clock;

  // What a completion belongs to; the upper half of its user_data.
  enum class Origin : uint8_t { kRequest = 1, kCancel = 2, kDoorbell = 3, kLeftBehind = 4 };

  Engine(const SharedMemory& memory, std::shared_ptr<Roster> roster, const EngineOptions& options);

  static uint64_t UserData(Origin origin, uint32_t client, uint32_t slot) {
    return uint64_t{static_cast<uint8_t>(origin)} << 56 | uint64_t{client} << 32 | slot;
  }
  static uint32_t ClientOf(uint64_t user_data) {
    return static_cast<uint32_t>(user_data >> 32) & 0xff'ffff;
  }
  static uint32_t SlotOf(uint64_t user_data) { return static_cast<uint32_t>(user_data); }
  // Calls with the service and slot of each request in flight that uses the descriptor. What it
  // does to one may end others.
  template <typename Use>
  void ForEachUser(int32_t fd, Use use) {
    for (const InFlight* user : descriptor_users_.Of(fd)) {
      const uint64_t user_data = user->submission.user_data;
      if (user->Uses(fd)) use(services_[ClientOf(user_data)], SlotOf(user_data));
    }
  }
  InFlight& FlightOf(uint64_t user_data) {
    return services_[ClientOf(user_data)].in_flight[SlotOf(user_data)];
  }

  // engine.cc
  void ServeRoster();
  void BeginService(const SeatChange& change);
  void FinishClosing(ClientService& service);
  void CloseKept(ClientService& service);
  void CloseLeftBehind(ClientService& service, int32_t fd);
  void StopByProgress();
  [[nodiscard]] bool AwaitsContinuation() const;
  bool WaitForWork();
  [[nodiscard]] uint64_t LongestSleepNs(uint64_t idle_ns) const;
  [[nodiscard]] bool RanForLong() const;
  [[nodiscard]] bool HasRequestsOrdered() const;
  void CountOverflow() const;
  [[nodiscard]] WaitFor NextWait(uint64_t timeout_ns) const;
  void ListenForDoorbell();

  [[nodiscard]] bool Allows(uint32_t opcode) const {
    return opcode >= 64 || (options_.allowed_requests >> opcode & 1) != 0;
  }
  // Whether the kernel works on something that ends by itself, be it by the polled ring or a call.
  [[nodiscard]] bool has_io() const {
    return io_count_ > 0 || polled_.in_flight() > 0 || by_call_count_ > 0;
  }
  [[nodiscard]] bool IsForCall(const abi::Sqe& sqe);
  [[nodiscard]] bool OpensServed(const abi::Sqe& sqe);
  [[nodiscard]] bool HasPlace(uint8_t operation) const {
    return ring_.Supports(operation) || HasPlainCall(operation);
  }

  // stay_awake.cc
  [[nodiscard]] bool StaysAwake(bool worked);
  [[nodiscard]] bool StaysAwakeAsLongAsItsThread(bool worked);
  [[nodiscard]] bool HasWork() const;
  [[nodiscard]] bool HasRequests() const;

  // cancel_requests.cc
  void Cancel(ClientService& service, const Request& request);
  void CancelInFlight(ClientService& service);
  bool MakeWayForClose(int32_t fd);
  void CancelWaitsOn(int32_t fd);
  void CancelWaitsOn(int32_t fd, bool may_wait, uint64_t taken_until_ns);
  void TellSiblingsAgain(const InFlight& close);
  void CancelSplicesInLineOf(int32_t fd);
  void CancelAllOn(ClientService& service, int32_t fd);
  void DoomUsersOf(ClientService& service, int32_t fd, uint32_t closing_chain = ChainStep::kNone);
  void CancelDoomed();
  [[nodiscard]] static bool IsToUse(const ClientService& service, uint32_t slot, int32_t fd);
  void CancelForSiblings();
  [[nodiscard]] static bool Runs(const ClientService& service, uint32_t slot);
  void CancelSlot(ClientService& service, uint32_t slot);
  void CancelInKernel(const ClientService& service, uint32_t slot);
  void CompleteCancel(const abi::Cqe& cqe);
  void SetDeadline(const ClientService& service, uint32_t slot);
  void CancelOverdue();
  void CancelRunning(ClientService& service, uint32_t slot);
  void TakeOutOfLine(const InFlight& flight);
  void EndTakenOut();

  // turns.cc
  bool TakeRequests();
  [[nodiscard]] uint32_t Quantum() const;
  [[nodiscard]] uint32_t PieceForKernel() const;
  [[nodiscard]] bool in_company() const;
  void NoteWhetherFew(ClientService& service, uint64_t requests);
  void IoBegins(const abi::Sqe& sqe);
  void IoEnds(ClientService& service, InFlight* flight);
  void TransferBegins(ClientService& service, InFlight* flight);
  void TransferEnds(ClientService& service, InFlight* flight);
  void LeaveOutWaits();
  [[nodiscard]] bool IsDeviceOfFew() const;
  uint32_t TakeRound(uint32_t quantum);
  uint32_t TakeTurn(ClientService& service);
  [[nodiscard]] uint32_t Allowance(const ClientService& service) const;
  [[nodiscard]] bool IsHeldBack(const ClientService& service) const;
  [[nodiscard]] bool HoldsBack() const;

  // take_requests.cc
  uint32_t TakeFrom(ClientService& service, uint32_t most);
  void Accept(ClientService& service, Request& request);
  int Admit(ClientService& service, Request& request);  // clears the opcode's flags
  [[nodiscard]] bool IsTooLate(const ClientService& service, const Request& request) const;
  void StartRequest(ClientService& service, uint32_t slot);
  void CountUsed(InFlight* flight);
  void CountInput(InFlight* flight);
  void Dispatch(const abi::Sqe& sqe);
  void ToMainRing(const abi::Sqe& sqe);
  void Push(const abi::Sqe& sqe);
  [[nodiscard]] bool RefusesAtStop(const Request& request) const;
  [[nodiscard]] bool IsFreeSlot(const ClientService& service, uint32_t slot) const;
  void RefuseEntry(ClientService& service, const Request& request, int32_t result,
                   uint32_t reply_note);
  void TellThatStopping(ClientService& service, const Request& request);
  int32_t RegisterSlab(ClientService& service, const Request& request);
  void BreakOff(ClientService& service);

  // chains.cc
  uint32_t AcceptChain(ClientService& service, Request& request, uint32_t available,
                       uint32_t slots_left);
  void AdmitStep(ClientService& service, Request& request, uint32_t head);
  void RunChain(ClientService& service, uint32_t slot);
  int StartStep(ClientService& service, uint32_t slot);
  int UseOpened(ClientService& service, uint32_t slot);
  static ChainStep* OpenerOf(ClientService& service, uint32_t slot, uint32_t nth);
  void CompleteStep(ClientService& service, uint32_t slot, int32_t result, uint32_t note);
  uint32_t EndStep(ClientService& service, uint32_t slot, int32_t result, uint32_t note);
  void ForgetOpened(ChainStep* opener);
  void CloseOpened(ClientService& service, uint32_t head);
  bool CompletesClosing(ClientService& service, uint32_t slot);
  void ReplyToChain(ClientService& service, uint32_t head);

  // drains.cc
  void StartInOrder(ClientService& service, uint32_t slot);
  void StartNow(ClientService& service, uint32_t slot);
  void EndUsersOfHeldCloses(ClientService& service, uint32_t head);
  static uint32_t CountOf(const ClientService& service, uint32_t slot);
  static uint32_t NextOf(const ClientService& service, uint32_t slot);
  void StartHeld(ClientService& service);
  void StartHeldOfAll();
  void CancelHeld(ClientService& service, uint32_t slot);
  static void TakeOutOfHeld(ClientService& service, uint32_t slot);

  // iopoll_transfers.cc
  [[nodiscard]] int OpenPolledRing(const RingOptions& main);
  [[nodiscard]] bool SubmitPolled(const abi::Sqe& sqe);
  uint32_t ReapPolled();
  void CompletePolled(const abi::Cqe& cqe);
  void RegisterBufferTables();
  [[nodiscard]] int UpdateBuffer(uint32_t index, const Span& memory);

  // held_closes.cc
  struct HeldClose {
    uint64_t user_data;
    uint64_t since_ns;
  };
  // How often it is looked whether one may go, or waits for too long, besides when something
  // happens to a request that uses its descriptor.
  static constexpr uint64_t kLookAtHeldClosesNs = 20'000'000;
  [[nodiscard]] static bool IsToCome(const ClientService& service, uint32_t slot);
  [[nodiscard]] static bool NeedsDescriptor(const ClientService& service, uint32_t slot);
  [[nodiscard]] bool IsOnItsWay(const ClientService& service, uint32_t slot, bool is_long);
  [[nodiscard]] bool HasEarlierUsers(const InFlight& close);
  [[nodiscard]] bool HoldsClose(const InFlight& close);
  void NoteForHeldCloses(const InFlight& changed);
  void ServeHeldCloses();
  void EndWhatHolds(const InFlight& close, uint64_t since_ns);
  [[nodiscard]] const InFlight* BlockerOfLine(int32_t fd);
  void StartClose(InFlight& close);
  void LetGoOf(int32_t fd);

  // poll_streams.cc
  void BeginStream(ClientService& service, uint32_t slot);
  bool AskForEvents(ClientService& service, const Request& request);
  void TakeEvents(ClientService& service, uint32_t slot, int32_t result);
  [[nodiscard]] bool StreamGoesOn(ClientService& service, uint32_t slot, int32_t* result);
  bool ServeStream(ClientService& service, uint32_t slot);

  // reap_completions.cc
  bool ReapCompletions();
  bool ReapRequest(const abi::Cqe& cqe);
  bool ReapCalls();
  void CompleteRecipe(ClientService& service, uint32_t slot, int32_t result);
  void CompleteRequest(ClientService& service, uint32_t slot, int32_t result);
  void Finish(ClientService& service, uint32_t slot, int32_t result, uint32_t note);
  void ReplyTo(ClientService& service, uint32_t slot, int32_t result, uint32_t note);
  void CountReply(const ClientService& service, uint64_t taken_ns) const;
  void CompleteDoorbell(const abi::Cqe& cqe);

  // publish_replies.cc
  void PublishReplies();

  const SharedMemory memory_;
  const std::shared_ptr<Roster> roster_;
  const EngineOptions options_;
  Ring ring_;
  PolledRing polled_;
  std::vector<HeldClose> held_closes_;
  bool held_closes_due_ = false;  // something has happened to who uses a descriptor of theirs
  uint64_t held_closes_looked_ns_ = 0;
  uint64_t take_count_ = 0;     // requests that were taken
  uint32_t by_call_count_ = 0;  // requests that are with the call thread
  Clock::time_point run_began_;
  Clock::time_point last_work_;     // only kept beside a submission thread
  uint32_t buffer_table_size_ = 0;  // how many slabs of all clients the kernel registers
  uint32_t file_table_size_ = 0;  // files of chains that may be open at a time in the ring's table
  uint32_t direct_count_ = 0;     // those that are, and that are being opened there
  bool doorbell_poll_stays_ = true;
  uint64_t deaf_since_ns_ = 0;  // when the doorbell's poll has failed; 0: it is in the kernel
  OffsetLines offset_lines_;
  DescriptorUsers descriptor_users_;
  ServedFiles served_files_;
  std::vector<uint64_t> taken_out_;     // user_data of those that a cancellation found in a line
  std::vector<uint64_t> begun_doomed_;  // user_data of those that a close has doomed (in_flight.h),
                                        // and that have begun
  Deadlines deadlines_;

  std::vector<ClientService>
      services_;  // by client; only those that ever connected have an in-flight table
  std::vector<uint32_t> active_;  // clients connected now
  std::vector<SeatChange> changes_;
  std::vector<ClosingElsewhere> closing_elsewhere_;
  uint32_t turn_ = 0;       // whose turn it is to be taken from first
  uint32_t turn_left_ = 0;  // of a turn that a full submission queue has cut short
  // Whom the latest requests were taken from, and when they last came from another client.
  uint32_t latest_client_ = UINT32_MAX;
  uint64_t company_ns_ = 0;
  // turns.cc: when requests were last taken of a client that has few; its transfers with the
  // kernel, and when one of them last ended that a device had.
  uint64_t few_ns_ = 0;
  uint32_t few_transfers_ = 0;
  uint64_t few_transferred_ns_ = 0;
  uint32_t in_flight_count_ = 0;
  uint32_t left_behind_ = 0;  // descriptors of clients that are gone, which are being closed
  // Of those in flight: what the ring has, and what ends by itself (prepare_waits.h).
  uint32_t io_count_ = 0;
  uint64_t waited_ns_ = 0;      // when there were last some that the kernel hadn't done at once
  uint64_t asked_long_ns_ = 0;  // when those that take long were last asked what they work on
  // CLOCK_MONOTONIC, read once for the requests that are taken together and once for the
  // completions that are reaped together: what each request's latency is made of.
  uint64_t now_ns_ = 0;
  std::vector<uint32_t> to_notify_;  // of this round; empty between two
  uint32_t draining_count_ = 0;      // clients with something that waits for a drain
  Waiting waiting_;

  bool stopping_ = false;
  bool stop_cancelled_ = false;
  std::chrono::milliseconds stop_grace_{0};
  Clock::time_point last_progress_;

  CallThread calls_;  // ends before what it works on
};

}  // namespace ringpost
