// SPDX-License-Identifier: MIT
// The node's own certificates and when they end: in the log once when that is within two weeks, and once when
// it has come; and for the status. Looks once an hour on the loop it was started on.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/uv.hpp"
#include "net/tls_source.hpp"
#include "node/snapshot.hpp"

namespace coppice::node {

class certificate_watch {
 public:
  // Any of them may be null, or be there twice.
  explicit certificate_watch(const std::vector<std::shared_ptr<net::tls_source>>& sources);

  // The loop's thread, as stop(); says at once what there is to say.
  void start(uv_loop_t* on);
  void stop();

  // By file. Reads files now and then. Any thread.
  std::vector<certificate_status> all() const;

 private:
  enum class said : std::uint8_t { nothing, ends_soon, ended };
  struct watched {
    std::shared_ptr<net::tls_source> source;
    said last = said::nothing;
  };
  void look();

  std::vector<watched> all_; // `last` is the loop's
  base::uv::timer hourly_;
};

} // namespace coppice::node
