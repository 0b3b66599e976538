// All that the C++ tests need of a test framework, main included: every *_test.cc is a program of
// its own. `program NAME` runs only the tests whose name contains NAME.
//
// A failed check is printed with its place, and the test goes on; REQUIRE leaves the test. Checks
// may be made on any thread, the other macros on the test's own.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <type_traits>
#include <utility>

namespace ringpost::check {

struct Test {
  const char* name;
  void (*body)();
  Test* next = nullptr;
};

struct Session {
  Test* first = nullptr;
  Test** last = &first;
  // Of the test that runs now.
  const char* name = "";
  std::atomic<int> failures = 0;
  bool skipped = false;
};

inline Session& TheSession() {
  static Session session;
  return session;
}

// Whether the test that runs now has failed already: no use in more of the same.
inline bool HasFailed() { return TheSession().failures.load(std::memory_order_relaxed) > 0; }

inline bool Register(Test& test) {
  *std::exchange(TheSession().last, &test.next) = &test;
  return true;
}

// A check in a loop may fail a million times; the first few tell the story.
inline constexpr int kMostPrinted = 20;

inline void Fail(const std::string& what, const char* file, int line) {
  const int nth = TheSession().failures.fetch_add(1, std::memory_order_relaxed);
  if (nth >= kMostPrinted) return;
  std::printf("%s:%d: in %s: %s\n", file, line, TheSession().name, what.c_str());
}

inline bool Check(bool holds, const char* text, const char* file, int line) {
  if (!holds) Fail(std::string(text) + " does not hold", file, line);
  return holds;
}

template <typename Value>
std::string Shown(const Value& value) {
  if constexpr (std::is_enum_v<Value>) {
    return Shown(static_cast<std::underlying_type_t<Value>>(value));
  } else if constexpr (std::is_pointer_v<Value>) {
    return Shown(reinterpret_cast<uintptr_t>(value));
  } else if constexpr (std::is_arithmetic_v<Value>) {
    return std::to_string(value);
  } else {
    return std::string(value);
  }
}

template <typename Left, typename Right>
bool IsEqual(const Left& left, const Right& right) {
  // By value, also across signedness: -1 is not 0xffffffff.
  if constexpr (std::is_integral_v<Left> && std::is_integral_v<Right> &&
                !std::is_same_v<Left, Right>) {
    return std::cmp_equal(left, right);
  } else {
    return left == right;
  }
}

template <typename Left, typename Right>
bool CheckEqual(const Left& actual, const Right& expected, const char* text, const char* file,
                int line) {
  if (IsEqual(actual, expected)) return true;
  Fail(std::string(text) + " is " + Shown(actual) + ", not " + Shown(expected), file, line);
  return false;
}

inline void Skip(const std::string& reason) {
  TheSession().skipped = true;
  std::printf("SKIP %s: %s\n", TheSession().name, reason.c_str());
}

inline int RunTests(const char* only) {
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

}  // namespace ringpost::check

#define TEST(test_name)                                                      \
  static void test_name();                                                   \
  static ::ringpost::check::Test test_of_##test_name{#test_name, test_name}; \
  [[maybe_unused]] static const bool registered_##test_name =                \
      ::ringpost::check::Register(test_of_##test_name);                      \
  static void test_name()

// Both return whether the check held.
#define CHECK(condition) ::ringpost::check::Check((condition), #condition, __FILE__, __LINE__)
#define CHECK_EQ(actual, expected) \
  ::ringpost::check::CheckEqual((actual), (expected), #actual, __FILE__, __LINE__)

#define REQUIRE(condition)         \
  do {                             \
    if (!CHECK(condition)) return; \
  } while (false)

#define SKIP(reason)                 \
  do {                               \
    ::ringpost::check::Skip(reason); \
    return;                          \
  } while (false)

int main(int argument_count, char** arguments) {
  // A crash must not take the lines before it along.
  std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
  return ringpost::check::RunTests(argument_count > 1 ? arguments[1] : nullptr);
}
