// SPDX-License-Identifier: MIT
// See allocations.hpp. Sizes are the ones that malloc really gave.
#include "allocations.hpp"

#include <malloc.h>
#include <cstdlib>
#include <new>

namespace {

thread_local allocations::tally now;
thread_local std::ptrdiff_t held;

// Null: there is no memory.
void* try_to_take(std::size_t size) noexcept {
  void* const block = std::malloc(size != 0 ? size : 1);
  if (block == nullptr) return nullptr;
  ++now.count;
  held += static_cast<std::ptrdiff_t>(malloc_usable_size(block));
  if (held > 0 && static_cast<std::size_t>(held) > now.peak) now.peak = static_cast<std::size_t>(held);
  return block;
}

void* take(std::size_t size) {
  if (void* const block = try_to_take(size)) return block;
  throw std::bad_alloc();
}

void give(void* block) noexcept {
  if (block == nullptr) return;
  held -= static_cast<std::ptrdiff_t>(malloc_usable_size(block));
  std::free(block);
}

} // namespace

allocations::tally& allocations::current() {
  return now;
}
void allocations::begin() {
  now = {};
  held = 0;
}

void* operator new(std::size_t size) {
  return take(size);
}
void* operator new[](std::size_t size) {
  return take(size);
}
// Used by algorithms for temporary buffers.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return try_to_take(size);
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return try_to_take(size);
}
void operator delete(void* block) noexcept {
  give(block);
}
void operator delete[](void* block) noexcept {
  give(block);
}
void operator delete(void* block, std::size_t) noexcept {
  give(block);
}
void operator delete[](void* block, std::size_t) noexcept {
  give(block);
}
