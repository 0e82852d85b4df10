// SPDX-License-Identifier: MIT
// The functions that code compiled with -fsanitize=fuzzer-no-link calls (clang's SanitizerCoverage, "Tracing
// data flow"), and replacements of the address sanitizer's copying functions, for programs linked with
// --wrap. Each adds to the counter of its thread. Any thread. This file is compiled without sanitizers:
// otherwise these functions would call themselves.
#include "counted_steps.hpp"

#include <cstddef>

namespace {

constexpr std::size_t bytes_a_step = 8;

thread_local std::uint64_t counted = 0;

} // namespace

std::uint64_t coppice::test::steps() {
  return counted;
}

extern "C" {

void __sanitizer_cov_trace_cmp1(std::uint8_t, std::uint8_t) {
  ++counted;
}
void __sanitizer_cov_trace_cmp2(std::uint16_t, std::uint16_t) {
  ++counted;
}
void __sanitizer_cov_trace_cmp4(std::uint32_t, std::uint32_t) {
  ++counted;
}
void __sanitizer_cov_trace_cmp8(std::uint64_t, std::uint64_t) {
  ++counted;
}
void __sanitizer_cov_trace_const_cmp1(std::uint8_t, std::uint8_t) {
  ++counted;
}
void __sanitizer_cov_trace_const_cmp2(std::uint16_t, std::uint16_t) {
  ++counted;
}
void __sanitizer_cov_trace_const_cmp4(std::uint32_t, std::uint32_t) {
  ++counted;
}
void __sanitizer_cov_trace_const_cmp8(std::uint64_t, std::uint64_t) {
  ++counted;
}
void __sanitizer_cov_trace_switch(std::uint64_t, std::uint64_t*) {
  ++counted;
}
void __sanitizer_weak_hook_memcmp(void*, const void*, const void*, std::size_t size, int) {
  counted += size / bytes_a_step;
}

void* __real___asan_memcpy(void* to, const void* from, std::size_t size);
void* __wrap___asan_memcpy(void* to, const void* from, std::size_t size) {
  counted += size / bytes_a_step;
  return __real___asan_memcpy(to, from, size);
}
void* __real___asan_memmove(void* to, const void* from, std::size_t size);
void* __wrap___asan_memmove(void* to, const void* from, std::size_t size) {
  counted += size / bytes_a_step;
  return __real___asan_memmove(to, from, size);
}

} // extern "C"
