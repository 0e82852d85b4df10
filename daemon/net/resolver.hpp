// SPDX-License-Identifier: MIT
// Host names to addresses, without blocking: getaddrinfo on libuv's pool, where a name server that does not
// answer can hold up the names behind it, but no numeric address: those are not looked up. The loop's thread.
#pragma once

#include <uv.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/socket_address.hpp"

namespace coppice::net {

// A look-up under way. Destroying it silences the callback; a look-up that hangs in the system's resolver
// ends on its own later. Callers that need a deadline keep a timer of their own.
class resolution {
 public:
  // At least one address, in the order the system prefers.
  using done_fn = std::function<void(base::result<std::vector<base::socket_address>>)>;

  // Empty.
  resolution();
  resolution(resolution&& other) noexcept;
  resolution& operator=(resolution&& other) noexcept;
  ~resolution();

  // `done` is never called before this returns; it may destroy the resolution.
  static base::result<resolution> start(uv_loop_t* on, const std::string& host, std::uint16_t port,
                                        done_fn done);

  // Under way, or finished with the wrapper still there.
  explicit operator bool() const { return interest_ != nullptr; }

 private:
  struct request;
  struct interest;
  explicit resolution(std::unique_ptr<interest> in);
  static void finished(uv_getaddrinfo_t* raw, int code, addrinfo* found);

  std::unique_ptr<interest> interest_;
};

} // namespace coppice::net
