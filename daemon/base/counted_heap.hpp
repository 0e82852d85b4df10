// SPDX-License-Identifier: MIT
// The heap of the C library, with each block charged to a plugin (heap_account.hpp). Allocations are sampled
// by bytes, as heap profilers do: each thread counts down to a number drawn from an exponential distribution,
// and an allocation at which the count runs out is charged to its owner with the number of bytes that it
// stands for, its size divided by the probability with which an allocation of that size is taken. So the sum
// is right on average for every mix of sizes, and about sampling_bytes / 2 * sqrt(number of samples) off.
//
// A block that is charged is in a table until it is freed, by whatever thread and plugin. It has an address
// by which release() knows without a look at memory that it may be one: it begins at a page, or, if the
// system mapped it for itself, 16 bytes behind the beginning of a page. All other blocks of the C library
// seldom do.
//
// The rules of heap_account.hpp hold here too. Only where `counts_heap` of meson.build holds. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>

// Functions of the GNU C library. Its malloc and free are aliases of the first and the last one.
extern "C" {
void* __libc_malloc(std::size_t) noexcept;
void* __libc_calloc(std::size_t, std::size_t) noexcept;
void* __libc_realloc(void*, std::size_t) noexcept;
void* __libc_memalign(std::size_t, std::size_t) noexcept;
void __libc_free(void*) noexcept;
}

namespace coppice::base::heap {

constexpr std::size_t most_blocks = 512 * 1024;   // in the table
constexpr std::int64_t sampling_bytes = 64 << 10; // mean distance of two samples

namespace detail {

// Bytes that this thread may still allocate before the next sample.
extern constinit thread_local std::int64_t left;

inline bool runs_out(std::size_t bytes) {
  left = static_cast<std::int64_t>(static_cast<std::uint64_t>(left) - bytes); // of any size
  return left < 0;
}

// Whether a charged block may have this address.
inline bool may_be_charged(const void* block) {
  return (reinterpret_cast<std::uintptr_t>(block) & 0xfef) == 0;
}

// The bytes that the C library gives for a request of so many bytes, and the bytes of one of its blocks. Its
// header, a word before the block, has the size, and in its second bit whether the system has mapped it for
// itself.
inline std::size_t given_for(std::size_t bytes) {
  constexpr std::size_t word = sizeof(std::size_t), least = 3 * word;
  return bytes <= least ? least : ((bytes + word + 15) & ~std::size_t{15}) - word;
}
inline std::size_t bytes_in(const void* block) {
  const std::size_t head = static_cast<const std::size_t*>(block)[-1];
  return (head & ~std::size_t{7}) - ((head & 2) != 0 ? 2 : 1) * sizeof(std::size_t);
}

[[gnu::cold]] void* allocate(std::size_t bytes);
[[gnu::cold]] void* allocate_zeroed(std::size_t count, std::size_t bytes);
[[gnu::cold]] void* allocate_aligned(std::size_t alignment, std::size_t bytes);
[[gnu::cold]] void* resize_due(void* block, std::size_t bytes, std::size_t grown);
[[gnu::cold]] void* resize_charged(void* block, std::size_t bytes);
[[gnu::cold]] void forget(const void* block);

} // namespace detail

// As malloc(), calloc(), memalign(), realloc(), free() and malloc_usable_size(), which are made of them.
inline void* allocate(std::size_t bytes) {
  if (detail::runs_out(bytes)) [[unlikely]]
    return detail::allocate(bytes);
  return __libc_malloc(bytes);
}

inline void* allocate_zeroed(std::size_t count, std::size_t bytes) {
  std::size_t all = 0;
  if (!__builtin_mul_overflow(count, bytes, &all) && detail::runs_out(all)) [[unlikely]]
    return detail::allocate_zeroed(count, bytes);
  return __libc_calloc(count, bytes);
}

inline void* allocate_aligned(std::size_t alignment, std::size_t bytes) {
  if (detail::runs_out(bytes)) [[unlikely]]
    return detail::allocate_aligned(alignment, bytes);
  return __libc_memalign(alignment, bytes);
}

inline void* resize(void* block, std::size_t bytes) {
  if (block == nullptr) return allocate(bytes);
  if (detail::may_be_charged(block)) [[unlikely]]
    return detail::resize_charged(block, bytes);
  const std::size_t before = detail::bytes_in(block), after = detail::given_for(bytes);
  if (after > before && detail::runs_out(after - before)) [[unlikely]]
    return detail::resize_due(block, bytes, after - before);
  return __libc_realloc(block, bytes);
}

inline void release(void* block) {
  if (block != nullptr && detail::may_be_charged(block)) [[unlikely]]
    detail::forget(block);
  __libc_free(block);
}

inline std::size_t usable_bytes(const void* block) {
  return block == nullptr ? 0 : detail::bytes_in(block);
}

} // namespace coppice::base::heap
