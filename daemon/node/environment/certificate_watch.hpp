// SPDX-License-Identifier: MIT
// Watches when the node's certificates end, including those of its tcp and web listeners and of children that
// stay connected. Logs once when an end is less than two weeks away, and once when it has come, and reports
// all ends for the status. Checks once an hour, on the loop that it was started on.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/uv.hpp"
#include "net/tls/tls_sources.hpp"
#include "node/shown/snapshot.hpp"

namespace coppice::node {

class certificate_watch {
 public:
  // `of` outlives it, and may grow.
  explicit certificate_watch(const net::tls_sources& of) : of_(of) {}

  // Checks at once. start() and stop() are called on the loop's thread.
  void start(uv_loop_t* on);
  void stop();

  // Ordered by file. Reads files from time to time. Any thread.
  std::vector<certificate_status> all() const;

 private:
  enum class said : std::uint8_t { nothing, ends_soon, ended };
  void look();

  const net::tls_sources& of_;
  std::map<std::string, said> said_; // by file; used on the loop's thread
  base::uv::timer hourly_;
};

} // namespace coppice::node
