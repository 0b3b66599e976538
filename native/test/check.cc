// What of check.h need not be compiled anew for every test.
#include "check.h"

#include <atomic>
#include <cstdio>
#include <cstring>
#include <string>
#include <utility>

namespace ringpost::check {

namespace {

struct Session {
  Test* first = nullptr;
  Test** last = &first;
  // Of the test that runs now.
  const char* name = "";
  std::atomic<int> failures = 0;
  bool skipped = false;
};

// Made by the first test that registers itself, before main.
Session& TheSession() {
  static Session session;
  return session;
}

// A check in a loop may fail a million times; the first few tell the story.
constexpr int kMostPrinted = 20;

void Fail(const std::string& what, const char* file, int line) {
  const int nth = TheSession().failures.fetch_add(1, std::memory_order_relaxed);
  if (nth >= kMostPrinted) return;
  std::printf("%s:%d: in %s: %s\n", file, line, TheSession().name, what.c_str());
}

int RunTests(const char* only) {
  Session& session = TheSession();
  int passed = 0;
  int failed = 0;
  int skipped = 0;
  for (Test* test = session.first; test != nullptr; test = test->next) {
    if (only != nullptr && std::strstr(test->name, only) == nullptr) continue;
    session.name = test->name;
    session.failures = 0;
    session.skipped = false;
    test->body();
    if (session.failures > 0) {
      failed++;
      std::printf("FAILED %s: %d checks\n", test->name, session.failures.load());
    } else if (session.skipped) {
      skipped++;
    } else {
      passed++;
      std::printf("ok %s\n", test->name);
    }
  }
  std::printf("%d passed, %d failed, %d skipped\n", passed, failed, skipped);
  return failed == 0 ? 0 : 1;
}

}  // namespace

bool HasFailed() { return FailureCount() > 0; }

int FailureCount() { return TheSession().failures.load(std::memory_order_relaxed); }

bool Register(Test& test) {
  *std::exchange(TheSession().last, &test.next) = &test;
  return true;
}

bool Check(bool holds, const char* text, const char* file, int line) {
  if (!holds) Fail(std::string(text) + " does not hold", file, line);
  return holds;
}

void FailEqual(const char* text, const std::string& actual, const std::string& expected,
               const char* file, int line) {
  Fail(std::string(text) + " is " + actual + ", not " + expected, file, line);
}

void Skip(const std::string& reason) {
  TheSession().skipped = true;
  std::printf("SKIP %s: %s\n", TheSession().name, reason.c_str());
}

std::string ShownNumber(int64_t value) { return std::to_string(value); }
std::string ShownNumber(uint64_t value) { return std::to_string(value); }

}  // namespace ringpost::check

int main(int argument_count, char** arguments) {
  // A crash must not take the lines before it along.
  std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
  return ringpost::check::RunTests(argument_count > 1 ? arguments[1] : nullptr);
}
