// SPDX-License-Identifier: MIT
// Host names to addresses, without blocking: getaddrinfo on libuv's pool, where a name server that does not
// answer can hold up the names behind it, but no numeric address: those are not looked up. Names that other
// nodes may have made up have two threads of the pool, so that they never take all of them. A host that was
// not found is not looked up again for `failed_for`. The loop's thread.
#pragma once

#include <uv.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/socket_address.hpp"

namespace coppice::net {

// Why a host is looked up.
enum class lookup_cause : std::uint8_t {
  own,     // the configuration or an operator names it, or a node of that name was connected
  dialled, // an actor connects to it, perhaps since a client named it: four at a time
  actor,   // a process here sends to a node that is not known, perhaps since another node named it: one at a
           // time
  others,  // another node, or a stranger: one at a time
};
constexpr std::size_t lookup_causes = 4;

// Look-ups of a libuv pool take half of its threads at most, and each place of a line may hold one for as
// long as a name server does not answer. With so many threads there are some for the node's own names
// whatever the lines do. Before libuv is used first; a number in the environment stays.
void size_lookup_pool();

// How long a host counts as not found, and of how many that is remembered.
constexpr std::chrono::seconds failed_for{5};
constexpr std::size_t failed_hosts_remembered = 1024;

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
                                        lookup_cause cause, done_fn done);

  // Under way, or finished with the wrapper still there.
  explicit operator bool() const { return interest_ != nullptr; }

 private:
  struct request;
  struct interest;
  class line;
  static line& line_of(lookup_cause cause); // not own
  explicit resolution(std::unique_ptr<interest> in);
  static void finished(uv_getaddrinfo_t* raw, int code, addrinfo* found);

  std::unique_ptr<interest> interest_;
};

} // namespace coppice::net
