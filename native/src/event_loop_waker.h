// How the engine's thread reaches a client's JavaScript: through the event loop of its thread. Part
// of addon.cc.
//
// Atomics.notify would do it, too, from the engine's JavaScript. But V8 has one mutex for all
// waiters of the process, and holds it while it wakes the event loop: whoever wakes up on the
// engine's CPU runs at once, and at once waits for that mutex. Four context switches more for each
// notify, and the engine had to leave native code for it. Node's thread-safe functions have a mutex
// of their own, with the same effect.
//
// libuv's calls are stable within its version 1, which all releases of Node have had.
#pragma once

#include <node_api.h>
#include <uv.h>

#include <atomic>
#include <memory>
#include <mutex>

#include "roster.h"

namespace ringpost {

class EventLoopWaker final : public ClientWaker {
 public:
  // On the client's thread, with what its event loop is to call after a Wake, with true after an
  // Orphan. Held weakly, but for KeepAlive. Returns nullptr where the environment is ending.
  static std::shared_ptr<EventLoopWaker> Open(napi_env env, napi_value callback) {
    uv_loop_t* loop = nullptr;
    if (napi_get_uv_event_loop(env, &loop) != napi_ok) return nullptr;
    std::shared_ptr<EventLoopWaker> waker(new EventLoopWaker(env));
    if (napi_create_reference(env, callback, 0, &waker->callback_) != napi_ok) return nullptr;
    if (napi_add_async_cleanup_hook(env, OnCleanup, waker.get(), &waker->hook_) != napi_ok ||
        uv_async_init(loop, &waker->async_, OnWake) < 0) {
      waker->Abandon();
      return nullptr;
    }
    waker->async_.data = waker.get();
    waker->self_ = waker;
    uv_unref(reinterpret_cast<uv_handle_t*>(&waker->async_));
    return waker;
  }

  // --- The engine's thread ---

  void Wake() override {
    const std::lock_guard lock(mutex_);
    if (!closed_) uv_async_send(&async_);
  }
  void Orphan() override {
    orphaned_.store(true, std::memory_order_release);  // pairs with OnWake
    Wake();
  }

  // --- The client's thread ---

  // Whether the event loop, and what is called, stay alive for this client. In turn: on, off.
  void KeepAlive(bool alive) {
    auto* handle = reinterpret_cast<uv_handle_t*>(&async_);
    if (alive) {
      uv_ref(handle);
      napi_reference_ref(env_, callback_, nullptr);
    } else {
      uv_unref(handle);
      napi_reference_unref(env_, callback_, nullptr);
    }
  }

  // Nothing is called any more.
  void Close() {
    {
      const std::lock_guard lock(mutex_);
      if (closed_) return;
      closed_ = true;
    }
    napi_delete_reference(env_, callback_);
    uv_close(reinterpret_cast<uv_handle_t*>(&async_), OnClosed);
  }

 private:
  explicit EventLoopWaker(napi_env env) : env_(env) {}

  void Abandon() {
    napi_delete_reference(env_, callback_);
    if (hook_ != nullptr) napi_remove_async_cleanup_hook(hook_);
  }

  static void OnWake(uv_async_t* async) {
    const auto* self = static_cast<EventLoopWaker*>(async->data);
    const napi_env env = self->env_;
    const bool orphaned = self->orphaned_.load(std::memory_order_acquire);  // pairs with Orphan
    napi_handle_scope scope = nullptr;
    napi_value global = nullptr;
    napi_value callback = nullptr;
    napi_value argument = nullptr;
    if (napi_open_handle_scope(env, &scope) != napi_ok) return;
    napi_get_global(env, &global);
    napi_get_reference_value(env, self->callback_, &callback);  // nullptr where it was collected
    napi_get_boolean(env, orphaned, &argument);
    // With the microtasks and ticks that come of it. In a thread that is being terminated it fails,
    // without an exception.
    napi_make_callback(env, nullptr, global, callback, 1, &argument, nullptr);
    bool threw = false;
    napi_value error = nullptr;
    if (napi_is_exception_pending(env, &threw) == napi_ok && threw &&
        napi_get_and_clear_last_exception(env, &error) == napi_ok) {
      napi_fatal_exception(env, error);
    }
    napi_close_handle_scope(env, scope);
  }

  // The environment ends. Node lets the event loop run until all such hooks are removed: libuv
  // needs a turn of it to let go of its handle.
  static void OnCleanup(napi_async_cleanup_hook_handle, void* self) {
    static_cast<EventLoopWaker*>(self)->Close();
  }
  static void OnClosed(uv_handle_t* handle) {
    auto* self = static_cast<EventLoopWaker*>(handle->data);
    napi_remove_async_cleanup_hook(self->hook_);
    self->self_.reset();  // may be the last one
  }

  const napi_env env_;
  napi_ref callback_ = nullptr;
  napi_async_cleanup_hook_handle hook_ = nullptr;
  uv_async_t async_ = {};
  std::shared_ptr<EventLoopWaker> self_;  // libuv's hold on it, from Open until OnClosed
  std::atomic<bool> orphaned_ = false;

  // Against Close alone: who wakes up needs it for nothing else.
  std::mutex mutex_;
  bool closed_ = false;
};

}  // namespace ringpost
