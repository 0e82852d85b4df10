// SPDX-License-Identifier: MIT
// Where a node listens: by a static route, else by its host's EPMD. A look-up under way; destroying it
// silences it. The deadline is its owner's. The loop's thread.
#pragma once

#include <uv.h>

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/socket_address.hpp"
#include "dist/options.hpp"
#include "epmd/client.hpp"
#include "net/stream/resolver.hpp"

namespace coppice::dist {

// The configured route to `node`, or null.
const route* find_route(const options& opts, std::string_view node);

class locator {
 public:
  using done_fn = std::function<void(base::result<base::socket_address>)>;

  locator(uv_loop_t* on, const options& opts, std::string node, net::lookup_cause cause, done_fn done)
      : loop_(on), options_(opts), node_(std::move(node)), cause_(cause), done_(std::move(done)) {}
  locator(const locator&) = delete;
  locator& operator=(const locator&) = delete;

  // An error at once, or `done` later, exactly once; it may destroy the locator.
  base::status start();

 private:
  void resolved(base::result<std::vector<base::socket_address>> found);
  void ask_next();
  void answered(base::result<std::optional<epmd::node_info>> answer);
  void finish(base::result<base::socket_address> found);

  uv_loop_t* loop_;
  const options& options_;
  std::string node_;
  net::lookup_cause cause_;
  done_fn done_;
  std::string alive_;
  std::string host_;
  std::uint16_t port_ = 0; // known from the route
  std::vector<base::socket_address> candidates_;
  base::socket_address asked_;
  base::error last_error_;
  net::resolution resolution_;
  epmd::inquiry inquiry_;
};

} // namespace coppice::dist
