// SPDX-License-Identifier: MIT
// Turns host names into addresses without blocking: getaddrinfo on libuv's pool. A numeric address needs no
// look-up. A name server that does not answer can delay other names; so names that other nodes may have made
// up get only three threads of the pool, and one node's names only one of them. A host that was not found is
// not looked up again for `failed_for`. The loop's thread.
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

// The cause of a look-up, which decides how many run at once.
enum class lookup_cause : std::uint8_t {
  own,     // the configuration or an operator names the host, or a node of that name was connected: no bound
  dialled, // an actor connects to it, perhaps because a client named it: four at a time
  actor,   // a process here sends to an unknown node, perhaps because another node named it: one at a time
  others,  // another node or an unauthenticated client named it: two at a time, and one of those that one
           // node has named
};
constexpr std::size_t lookup_causes = 4;

// Sets the size of libuv's thread pool. Look-ups take at most half of its threads, and each look-up of a
// bounded cause may hold a thread for as long as a name server does not answer. The size leaves threads for
// the node's own names even then. Called before libuv is used; a number in the environment is kept.
void size_lookup_pool();

// How long a host counts as not found, and how many such hosts are remembered.
constexpr std::chrono::seconds failed_for{5};
constexpr std::size_t failed_hosts_remembered = 1024;

// A look-up under way. Destroying it silences the callback; a look-up that hangs in the system's resolver
// ends later by itself. There is no deadline here: callers that need one run a timer.
class resolution {
 public:
  // At least one address, in the order the system prefers.
  using done_fn = std::function<void(base::result<std::vector<base::socket_address>>)>;

  // Empty: no look-up.
  resolution();
  resolution(resolution&& other) noexcept;
  resolution& operator=(resolution&& other) noexcept;
  ~resolution();

  // `done` is never called before this returns; it may destroy the resolution. `by`: the node that named the
  // host, as a number of the caller's; 0: none is known.
  static base::result<resolution> start(uv_loop_t* on, const std::string& host, std::uint16_t port,
                                        lookup_cause cause, done_fn done, std::uint32_t by = 0);

  // A look-up is under way, or has finished and the resolution was not destroyed.
  explicit operator bool() const { return interest_ != nullptr; }

 private:
  struct request;
  struct interest;
  class line;
  static line& line_of(lookup_cause cause); // not for cause `own`
  explicit resolution(std::unique_ptr<interest> in);
  static void finished(uv_getaddrinfo_t* raw, int code, addrinfo* found);

  std::unique_ptr<interest> interest_;
};

} // namespace coppice::net
