// The addon's face to JavaScript: the only file that knows Node-API, with its two parts,
// addon_options.h and event_loop_waker.h. ../loader has the types.
//
// Two kinds of objects cross it. An EngineHandle lives in the engine's worker and drives the loop;
// a ClientHandle lives in each client's thread and pins memory, rings the doorbell, keeps the event
// loop alive. Both end by themselves with their environment: its cleanup hook runs before V8 frees
// the memory that the kernel may still write to.
#include <napi.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>

#include "addon_options.h"
#include "engine.h"
#include "event_loop_waker.h"
#include "hot_read.h"
#include "registry.h"
#include "roster.h"

namespace ringpost {

namespace {

// --- The engine's thread ---

class EngineHandle {
 public:
  // startEngine(memory: Uint8Array, options) → { id, setupFlags, …, run() } or { errno, option }
  static Napi::Value Start(const Napi::CallbackInfo& info);

  ~EngineHandle() { End(); }

 private:
  explicit EngineHandle(napi_env env) : env_(env) {}

  static Napi::Value Run(const Napi::CallbackInfo& info) {
    auto* self = static_cast<EngineHandle*>(info.Data());
    return Napi::Number::New(info.Env(), self->engine_->Run());
  }

  // Environment cleanup, or the end of a stopped engine. Drains the kernel; runs on the engine's
  // thread.
  void End() {
    if (engine_ == nullptr) return;
    registry::Remove(id_);
    engine_->Shutdown();
    engine_.reset();
    napi_remove_env_cleanup_hook(env_, OnCleanup, this);
  }

  static void OnCleanup(void* self) { static_cast<EngineHandle*>(self)->End(); }

  napi_env env_;
  uint32_t id_ = 0;
  std::unique_ptr<Engine> engine_;
};

// By name, as options.ts has them; "" where it is the ring itself.
const char* NameOf(RefusedOption option) {
  switch (option) {
    case RefusedOption::kKernelWorkers:
      return "kernelWorkers";
    case RefusedOption::kSqpoll:
      return "sqpoll";
    case RefusedOption::kOperations:
      return "operations";
    case RefusedOption::kPlacement:
      return "placement";
    default:
      return "";
  }
}

Napi::Value Refusal(Napi::Env env, int error, RefusedOption option) {
  auto refusal = Napi::Object::New(env);
  refusal.Set("errno", error);
  refusal.Set("option", NameOf(option));
  return refusal;
}

Napi::Value EngineHandle::Start(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto memory_view = info[0].As<Napi::Uint8Array>();
  const auto options = info[1].As<Napi::Object>();
  SharedMemory memory;
  if (const int opened = SharedMemory::Open(memory_view.Data(), memory_view.ByteLength(), &memory);
      opened < 0) {
    return Refusal(env, opened, RefusedOption::kNone);
  }
  const EngineOptions engine_options = ReadOptions(options);

  std::shared_ptr<Roster> roster = Roster::Create(memory.max_clients(), memory.slot_count());
  if (roster == nullptr) return Refusal(env, -errno, RefusedOption::kNone);
  std::unique_ptr<EngineHandle> handle(new EngineHandle(env));
  RefusedOption refused = RefusedOption::kNone;
  if (const int started = Engine::Start(memory, roster, engine_options, &handle->engine_, &refused);
      started < 0) {
    return Refusal(env, started, refused);
  }
  roster->SetMemory(memory_view.Data());
  handle->id_ = registry::Add(std::move(roster), OptionOr(options, "group", 0));
  napi_add_env_cleanup_hook(env, OnCleanup, handle.get());

  const RingReport& report = handle->engine_->report();
  auto object = Napi::Object::New(env);
  object.Set("id", handle->id_);
  object.Set("setupFlags", report.setup_flags);
  object.Set("features", report.features);
  object.Set("entries", report.entries);
  object.Set("completionEntries", report.completion_entries);
  auto operations = Napi::Array::New(env);
  for (uint8_t operation = 0; operation < 64; operation++) {
    if ((report.operations >> operation & 1) != 0) {
      operations.Set(operations.Length(), Napi::Number::New(env, operation));
    }
  }
  object.Set("operations", operations);
  object.Set("registeredRingFd", report.registered_ring_fd);
  object.Set("extendedWait", report.extended_wait);
  object.Set("minWait", report.min_wait);
  auto workers = Napi::Object::New(env);
  workers.Set("bounded", report.workers.bounded);
  workers.Set("unbounded", report.workers.unbounded);
  object.Set("kernelWorkers", workers);
  object.Set("registeredBuffers", handle->engine_->has_buffer_table());
  object.Set("polledRing", handle->engine_->polls());
  object.Set("run", Napi::Function::New<Run>(env, "run", handle.get()));
  object.AddFinalizer([](Napi::Env, EngineHandle* done) { delete done; }, handle.release());
  return object;
}

// --- A client's thread ---

class ClientHandle {
 public:
  // connect(group, memories: SharedArrayBuffer[], onWake, credits, weight) → { engine, index,
  // pin(), … } or a negative errno
  static Napi::Value Connect(const Napi::CallbackInfo& info);

  ~ClientHandle() { Leave(); }

 private:
  explicit ClientHandle(napi_env env) : env_(env) {}

  static ClientHandle* Of(const Napi::CallbackInfo& info) {
    return static_cast<ClientHandle*>(info.Data());
  }
  static uint32_t Uint32(const Napi::Value& value) {
    return value.As<Napi::Number>().Uint32Value();
  }
  // Takes the address of a view's memory, on whatever kind of buffer. Returns false where it isn't
  // a typed array.
  static bool MemoryOf(const Napi::Value& view, uint8_t** base, size_t* bytes);

  static void Pin(const Napi::CallbackInfo& info);
  static void PinVectors(const Napi::CallbackInfo& info);
  static Napi::Value PinSlab(const Napi::CallbackInfo& info);
  static void MakePages(const Napi::CallbackInfo& info) {
    const ClientHandle& self = *Of(info);
    const uint32_t slab = Uint32(info[0]);
    if (self.left_ || self.client_ * protocol::kMaxSlabs + slab >= self.roster_->slab_places()) {
      return;  // it won't be registered
    }
    self.roster_->regions(self.client_).MakePages(slab);
  }
  static Napi::Value PageOffsetOf(const Napi::CallbackInfo& info);
  static Napi::Value ReadHot(const Napi::CallbackInfo& info);
  static Napi::Value ReadHotFile(const Napi::CallbackInfo& info);
  static void RingDoorbell(const Napi::CallbackInfo& info) {
    if (!Of(info)->left_) Of(info)->roster_->RingForRequests();
  }
  static void KeepAlive(const Napi::CallbackInfo& info);
  static void CancelAll(const Napi::CallbackInfo& info);
  static void Close(const Napi::CallbackInfo& info) { Of(info)->Leave(); }

  // The client posts no more, and has nothing in flight.
  void Leave() {
    if (left_) return;
    left_ = true;
    roster_->Close(client_);
    memory_.Reset();
    waker_->Close();
    napi_remove_env_cleanup_hook(env_, OnCleanup, this);
    roster_.reset();  // and with the last of its holders the doorbell, long before a garbage
                      // collection
  }

  // The thread ends (return, terminate, process.exit): V8 is about to free the memory that requests
  // in flight use. Blocks until the kernel has let go.
  static void OnCleanup(void* data) {
    auto* self = static_cast<ClientHandle*>(data);
    if (std::exchange(self->left_, true)) return;
    self->roster_->Close(self->client_);
    self->roster_->WaitUntilDrained(self->client_);
    self->waker_->Close();
  }

  napi_env env_;
  std::shared_ptr<Roster> roster_;
  uint32_t client_ = 0;
  bool left_ = true;
  // The mailbox, which is read once more when the client leaves.
  Napi::ObjectReference memory_;
  std::shared_ptr<EventLoopWaker> waker_;
};

// Where the memories of a handle's rings begin.
std::vector<const void*> AddressesOf(const Napi::Array& memories) {
  std::vector<const void*> addresses;
  for (uint32_t nth = 0; nth < memories.Length(); nth++) {
    addresses.push_back(memories.Get(nth).As<Napi::Uint8Array>().Data());
  }
  return addresses;
}

Napi::Value ClientHandle::Connect(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  std::unique_ptr<ClientHandle> handle(new ClientHandle(env));
  handle->waker_ = EventLoopWaker::Open(env, info[2]);
  if (handle->waker_ == nullptr) return Napi::Number::New(env, -ENOMEM);
  const ClientShare share = {.credits = Uint32(info[3]), .weight = Uint32(info[4])};
  uint32_t ring = 0;
  const int seat = registry::Connect(Uint32(info[0]), AddressesOf(info[1].As<Napi::Array>()),
                                     handle->waker_, share, &ring, &handle->roster_);
  if (seat < 0) {
    handle->waker_->Close();
    return Napi::Number::New(env, seat);
  }
  handle->client_ = static_cast<uint32_t>(seat);
  handle->left_ = false;
  handle->memory_ = Napi::Persistent(info[1].As<Napi::Object>());
  // After the waker, so that this hook runs before its own (last in, first out).
  napi_add_env_cleanup_hook(env, OnCleanup, handle.get());

  auto object = Napi::Object::New(env);
  object.Set("engine", ring);
  object.Set("index", handle->client_);
  object.Set("onWake", info[2]);  // kept as long as this object is, and this as long as the client
  object.Set("pin", Napi::Function::New<Pin>(env, "pin", handle.get()));
  object.Set("pinVectors", Napi::Function::New<PinVectors>(env, "pinVectors", handle.get()));
  object.Set("pinSlab", Napi::Function::New<PinSlab>(env, "pinSlab", handle.get()));
  object.Set("makePages", Napi::Function::New<MakePages>(env, "makePages", handle.get()));
  object.Set("pageOffsetOf", Napi::Function::New<PageOffsetOf>(env, "pageOffsetOf", handle.get()));
  object.Set("readHot", Napi::Function::New<ReadHot>(env, "readHot", handle.get()));
  object.Set("readHotFile", Napi::Function::New<ReadHotFile>(env, "readHotFile", handle.get()));
  object.Set("ringDoorbell", Napi::Function::New<RingDoorbell>(env, "ringDoorbell", handle.get()));
  object.Set("keepAlive", Napi::Function::New<KeepAlive>(env, "keepAlive", handle.get()));
  object.Set("cancelAll", Napi::Function::New<CancelAll>(env, "cancelAll", handle.get()));
  object.Set("close", Napi::Function::New<Close>(env, "close", handle.get()));
  object.AddFinalizer([](Napi::Env, ClientHandle* done) { delete done; }, handle.release());
  return object;
}

bool ClientHandle::MemoryOf(const Napi::Value& view, uint8_t** base, size_t* bytes) {
  // By napi_typedarray_type; the last one is the Float16Array of Node 24 and newer.
  static constexpr uint8_t kElementBytes[] = {1, 1, 1, 2, 2, 4, 4, 4, 8, 8, 8, 2};
  napi_typedarray_type type = napi_uint8_array;
  size_t elements = 0;
  void* data = nullptr;
  // Not napi_get_arraybuffer_info: Node 20 refuses a SharedArrayBuffer there, but takes views on
  // one here.
  if (napi_get_typedarray_info(view.Env(), view, &type, &elements, &data, nullptr, nullptr) !=
      napi_ok)
    return false;
  if (static_cast<size_t>(type) >= std::size(kElementBytes)) return false;
  *base = static_cast<uint8_t*>(data);
  *bytes = elements * kElementBytes[type];
  return true;
}

// pin(slot, generation, view): the request's own region is the view's memory until its reply. Where
// it can't be, as in pinVectors, the request gets EFAULT.
void ClientHandle::Pin(const Napi::CallbackInfo& info) {
  uint8_t* base = nullptr;
  size_t bytes = 0;
  if (Of(info)->left_ || !MemoryOf(info[2], &base, &bytes)) return;
  const auto length = static_cast<uint32_t>(std::min<size_t>(bytes, protocol::kMaxTransferBytes));
  Of(info)->roster_->regions(Of(info)->client_).Pin(Uint32(info[0]), Uint32(info[1]), base, length);
}

// pinVectors(slot, generation, views)
void ClientHandle::PinVectors(const Napi::CallbackInfo& info) {
  if (Of(info)->left_) return;
  const auto views = info[2].As<Napi::Array>();
  const uint32_t slot = Uint32(info[0]);
  const uint32_t count = views.Length();
  RegionTable& regions = Of(info)->roster_->regions(Of(info)->client_);
  iovec* list = regions.VectorRoom(slot, count);
  if (list == nullptr) return;
  for (uint32_t i = 0; i < count; i++) {
    uint8_t* base = nullptr;
    size_t bytes = 0;
    // The one call here that could run JavaScript, so the one that fails in a thread that is being
    // terminated: with its status, then, not with an exception that nobody can catch.
    napi_value view = nullptr;
    if (napi_get_element(info.Env(), views, i, &view) != napi_ok ||
        !MemoryOf({info.Env(), view}, &base, &bytes)) {
      return;
    }
    list[i] = {base, bytes};
  }
  regions.PinVectors(slot, Uint32(info[1]), count);
}

// pinSlab(slab, generation, view) → whether it could: the slab stays valid until the client closes
Napi::Value ClientHandle::PinSlab(const Napi::CallbackInfo& info) {
  uint8_t* base = nullptr;
  size_t bytes = 0;
  const bool pinned =
      !Of(info)->left_ && MemoryOf(info[2], &base, &bytes) &&
      bytes <= protocol::kMaxTransferBytes &&
      Of(info)
          ->roster_->regions(Of(info)->client_)
          .PinSlab(Uint32(info[0]), Uint32(info[1]), base, static_cast<uint32_t>(bytes));
  return Napi::Boolean::New(info.Env(), pinned);
}

// pageOffsetOf(view) → where it lies within a huge page. Never the address itself.
Napi::Value ClientHandle::PageOffsetOf(const Napi::CallbackInfo& info) {
  uint8_t* base = nullptr;
  size_t bytes = 0;
  MemoryOf(info[0], &base, &bytes);
  return Napi::Number::New(info.Env(), static_cast<double>(reinterpret_cast<uintptr_t>(base) %
                                                           protocol::kHugePageBytes));
}

// readHot(fd, view, bytes, positionLow, positionHigh) → bytes read, or a negative errno
Napi::Value ClientHandle::ReadHot(const Napi::CallbackInfo& info) {
  uint8_t* base = nullptr;
  size_t room = 0;
  const size_t bytes = Uint32(info[2]);
  int read = -EFAULT;  // of a view whose buffer is gone
  if (MemoryOf(info[1], &base, &room) && bytes <= room) {
    const uint64_t position = uint64_t{Uint32(info[4])} << 32 | Uint32(info[3]);
    read = ringpost::ReadHot(info[0].As<Napi::Number>().Int32Value(), base, bytes,
                             static_cast<int64_t>(position));
  }
  return Napi::Number::New(info.Env(), read);
}

// readHotFile(path, view) → the size of the file, or a negative errno
Napi::Value ClientHandle::ReadHotFile(const Napi::CallbackInfo& info) {
  uint8_t* base = nullptr;
  size_t room = 0;
  // Where it is cut off, it is between two characters, of 4 bytes at most.
  char path[protocol::payload::kPathCapacity + 4];
  size_t length = 0;
  int read = -EAGAIN;  // of what the engine is to find fault with
  if (MemoryOf(info[1], &base, &room) &&
      napi_get_value_string_utf8(info.Env(), info[0], path, sizeof(path), &length) == napi_ok &&
      length < protocol::payload::kPathCapacity) {
    read = ringpost::ReadHotFile(path, base, room);
  }
  return Napi::Number::New(info.Env(), read);
}

void ClientHandle::KeepAlive(const Napi::CallbackInfo& info) {
  if (Of(info)->left_) return;
  Of(info)->waker_->KeepAlive(info[0].As<Napi::Boolean>().Value());
}

void ClientHandle::CancelAll(const Napi::CallbackInfo& info) {
  if (!Of(info)->left_) Of(info)->roster_->CancelAll(Of(info)->client_);
}

// --- Any thread ---

// stopEngine(engineId, graceMs) → whether it was there
Napi::Value StopEngine(const Napi::CallbackInfo& info) {
  const std::shared_ptr<Roster> roster = registry::Find(info[0].As<Napi::Number>().Uint32Value());
  if (roster != nullptr) roster->Stop(info[1].As<Napi::Number>().Uint32Value());
  return Napi::Boolean::New(info.Env(), roster != nullptr);
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  exports.Set("layoutHash", protocol::kLayoutHash);
  exports.Set("startEngine", Napi::Function::New<EngineHandle::Start>(env, "startEngine"));
  exports.Set("stopEngine", Napi::Function::New<StopEngine>(env, "stopEngine"));
  exports.Set("connect", Napi::Function::New<ClientHandle::Connect>(env, "connect"));
  return exports;
}

}  // namespace

NODE_API_MODULE(ringpost, Init)

}  // namespace ringpost
