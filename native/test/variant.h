// Which of the three variants of the Makefile this is: ThreadSanitizer makes everything some ten
// times slower, so counts of repetitions go by it.
#pragma once

#include <cstdint>

namespace ringpost {

#ifdef __SANITIZE_THREAD__
inline constexpr bool kUnderThreadSanitizer = true;
#else
inline constexpr bool kUnderThreadSanitizer = false;
#endif
#ifdef __SANITIZE_ADDRESS__
inline constexpr bool kUnderAddressSanitizer = true;
#else
inline constexpr bool kUnderAddressSanitizer = false;
#endif

inline constexpr uint32_t Repetitions(uint32_t plain, uint32_t sanitized) {
  return kUnderThreadSanitizer || kUnderAddressSanitizer ? sanitized : plain;
}

}  // namespace ringpost
