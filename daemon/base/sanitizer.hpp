// SPDX-License-Identifier: MIT
// Which sanitizer this is compiled with, for g++ and clang: COPPICE_ASAN, COPPICE_TSAN. These are macros,
// since headers and calls depend on them that do not exist without a sanitizer.
#pragma once

#if defined(__SANITIZE_ADDRESS__)
#define COPPICE_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define COPPICE_ASAN 1
#endif
#endif

#if defined(__SANITIZE_THREAD__)
#define COPPICE_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define COPPICE_TSAN 1
#endif
#endif

namespace coppice::base {

// Sanitizers keep freed memory for a while and reserve terabytes of addresses.
#if defined(COPPICE_ASAN) || defined(COPPICE_TSAN)
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif

} // namespace coppice::base
