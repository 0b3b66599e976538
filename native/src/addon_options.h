// The options of an engine as JavaScript hands them over: checked and complete by then
// (packages/engine/src/options.ts). Part of addon.cc.
#pragma once

#include <napi.h>
#include <sched.h>

#include <cstdint>

#include "engine.h"

namespace ringpost {

inline uint32_t OptionOr(const Napi::Object& options, const char* name, uint32_t otherwise) {
  const Napi::Value value = options.Get(name);
  return value.IsNumber() ? value.As<Napi::Number>().Uint32Value() : otherwise;
}

inline bool FlagOr(const Napi::Object& options, const char* name, bool otherwise) {
  const Napi::Value value = options.Get(name);
  return value.IsBoolean() ? value.As<Napi::Boolean>().Value() : otherwise;
}

// A list of numbers below 64, as bits.
inline uint64_t BitsOr(const Napi::Object& options, const char* name, uint64_t otherwise) {
  const Napi::Value value = options.Get(name);
  if (!value.IsArray()) return otherwise;
  const auto numbers = value.As<Napi::Array>();
  uint64_t bits = 0;
  for (uint32_t nth = 0; nth < numbers.Length(); nth++) {
    const uint32_t number = numbers.Get(nth).ToNumber().Uint32Value();
    if (number < 64) bits |= uint64_t{1} << number;
  }
  return bits;
}

// A list of CPUs.
inline cpu_set_t CpusOf(const Napi::Array& numbers) {
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  for (uint32_t nth = 0; nth < numbers.Length(); nth++) {
    const uint32_t cpu = numbers.Get(nth).ToNumber().Uint32Value();
    if (cpu < CPU_SETSIZE) CPU_SET(cpu, &cpus);
  }
  return cpus;
}

inline EngineOptions ReadOptions(const Napi::Object& options) {
  EngineOptions read;
  read.ring.entries = OptionOr(options, "entries", read.ring.entries);
  read.ring.completion_entries =
      OptionOr(options, "completionEntries", read.ring.completion_entries);
  read.ring.without_setup_flags = OptionOr(options, "withoutSetupFlags", 0);
  if (!FlagOr(options, "deferTaskrun", true)) {
    read.ring.without_setup_flags |= abi::kSetupDeferTaskrun;
  }
  read.ring.without_features = OptionOr(options, "withoutFeatures", 0);
  read.ring.workers = {OptionOr(options, "boundedWorkers", 0),
                       OptionOr(options, "unboundedWorkers", 0)};
  read.min_wait_completions = OptionOr(options, "minWaitCompletions", 1);
  read.min_wait_us = OptionOr(options, "minWaitUs", 0);
  read.placement.mode = static_cast<PlacementOptions::Mode>(OptionOr(options, "placement", 0));
  if (const Napi::Value cpus = options.Get("cpus"); cpus.IsArray()) {
    read.placement.list = CpusOf(cpus.As<Napi::Array>());
  }
  read.wait = OptionOr(options, "wait", read.wait);
  read.polled.enabled = FlagOr(options, "iopoll", false);
  read.polled.asks_sysfs = !FlagOr(options, "assumePollQueues", false);
  read.ring.submission_thread = {.wanted = FlagOr(options, "sqpoll", false),
                                 .idle_ms = OptionOr(options, "sqpollIdleMs", 0),
                                 .cpu = static_cast<int32_t>(OptionOr(options, "sqpollCpu", ~0u))};
  read.ring.without_operations = BitsOr(options, "withoutOperations", 0);
  read.ring.allowed_operations = BitsOr(options, "allowedOperations", kAllOperations);
  read.allowed_requests = BitsOr(options, "allowedRequests", ~uint64_t{0});
  return read;
}

}  // namespace ringpost
