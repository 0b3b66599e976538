// All that the C++ tests need of a test framework. Every *_test.cc is a program of its own, with
// the main of check.cc. `program NAME` runs only the tests whose name contains NAME.
//
// A failed check is printed with its place, and the test goes on; REQUIRE leaves the test. Checks
// may be made on any thread, the other macros on the test's own.
#pragma once

#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>

namespace ringpost::check {

struct Test {
  const char* name;
  void (*body)();
  Test* next = nullptr;
};

// Whether the test that runs now has failed already: no use in more of the same.
[[nodiscard]] bool HasFailed();
// How many checks of this test have failed.
[[nodiscard]] int FailureCount();
bool Register(Test& test);
bool Check(bool holds, const char* text, const char* file, int line);
void FailEqual(const char* text, const std::string& actual, const std::string& expected,
               const char* file, int line);
void Skip(const std::string& reason);

std::string ShownNumber(int64_t value);
std::string ShownNumber(uint64_t value);

template <typename Value>
std::string Shown(const Value& value) {
  if constexpr (std::is_enum_v<Value>) {
    return Shown(static_cast<std::underlying_type_t<Value>>(value));
  } else if constexpr (std::is_pointer_v<Value>) {
    return ShownNumber(static_cast<uint64_t>(reinterpret_cast<uintptr_t>(value)));
  } else if constexpr (std::is_unsigned_v<Value>) {
    return ShownNumber(static_cast<uint64_t>(value));
  } else if constexpr (std::is_integral_v<Value>) {
    return ShownNumber(static_cast<int64_t>(value));
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
  FailEqual(text, Shown(actual), Shown(expected), file, line);
  return false;
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
