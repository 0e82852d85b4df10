// SPDX-License-Identifier: MIT
// Which sanitizer this is compiled with, as g++ and clang each say it: COPPICE_ASAN, COPPICE_TSAN. They are
// macros, since what depends on them are headers and calls that are not there without.
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

// Then memory is kept after it is freed, and terabytes of addresses are reserved.
#if defined(COPPICE_ASAN) || defined(COPPICE_TSAN)
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif

} // namespace coppice::base
