// SPDX-License-Identifier: MIT
// What every user of mbedTLS in this room needs: contexts that free themselves, randomness, and its
// error codes as ours. Any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace coppice::net {

// An mbedTLS context between its init and its free.
template <class Context, void (*Init)(Context*), void (*Free)(Context*)>
class owned {
 public:
  owned() { Init(&context_); }
  ~owned() { Free(&context_); }
  owned(const owned&) = delete;
  owned& operator=(const owned&) = delete;
  Context* get() { return &context_; }
  const Context* get() const { return &context_; }
  Context* operator->() { return &context_; }

 private:
  Context context_;
};

// Straight from the kernel; the form mbedTLS wants.
int kernel_random(void*, unsigned char* out, std::size_t size);

// The library's words for one of its codes.
std::string mbedtls_words(int code);

// errc::invalid with "what: the library's words" unless `code` is 0.
base::status check_mbedtls(int code, std::string_view what);

} // namespace coppice::net
