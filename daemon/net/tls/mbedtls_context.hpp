// SPDX-License-Identifier: MIT
// What every user of mbedTLS in this room needs: contexts that free themselves, random bytes, and mbedTLS's
// error codes as errors of ours. Used by the files of this room that make, read or check certificates, and by
// its TLS sessions. Any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace coppice::net {

// An mbedTLS context that is initialised and freed with the object.
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

// Random bytes from the kernel; has the signature that mbedTLS expects.
int kernel_random(void*, unsigned char* out, std::size_t size);

// mbedTLS's text for one of its error codes.
std::string mbedtls_words(int code);

// errc::invalid with "what: mbedTLS's text" unless `code` is 0.
base::status check_mbedtls(int code, std::string_view what);

} // namespace coppice::net
