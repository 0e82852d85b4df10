// SPDX-License-Identifier: MIT
// The node's own certificates, also those of its tcp and web listeners, and when they end: in the log once
// when that is within two weeks, and once when it has come; and for the status. Looks once an hour on the
// loop it was started on.
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
  // They outlive it, and may become more.
  explicit certificate_watch(const net::tls_sources& of) : of_(of) {}

  // The loop's thread, as stop(); says at once what there is to say.
  void start(uv_loop_t* on);
  void stop();

  // By file. Reads files now and then. Any thread.
  std::vector<certificate_status> all() const;

 private:
  enum class said : std::uint8_t { nothing, ends_soon, ended };
  void look();

  const net::tls_sources& of_;
  std::map<std::string, said> said_; // of each file; the loop's
  base::uv::timer hourly_;
};

} // namespace coppice::node
