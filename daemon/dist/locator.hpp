// SPDX-License-Identifier: MIT
// Finds the address at which a node listens: by a configured route, or by asking the EPMD at each address of
// its host in turn. IPv4 addresses come first, because Erlang nodes listen on IPv4 alone by default, while
// their EPMD listens on both. An object does one look-up; destroying it silences it. The deadline is kept by
// its owner. The loop's thread.
#pragma once

#include <uv.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/socket_address.hpp"
#include "dist/options.hpp"
#include "epmd/client.hpp"
#include "net/stream/resolver.hpp"

namespace coppice::dist {

// The configured route to `node`. Null: none.
const route* find_route(const options& opts, std::string_view node);

class locator {
 public:
  using done_fn = std::function<void(base::result<base::socket_address>)>;

  // `by`: see net::resolution::start().
  locator(uv_loop_t* on, const options& opts, std::string node, net::lookup_cause cause, std::uint32_t by,
          done_fn done)
      : loop_(on), options_(opts), node_(std::move(node)), cause_(cause), by_(by), done_(std::move(done)) {}
  locator(const locator&) = delete;
  locator& operator=(const locator&) = delete;

  // Returns an error at once, or calls `done` later, once; `done` may destroy the locator.
  base::status start();
  // Nothing listens at the address that `done` got, for this reason. Calls `done` again, now or later: with
  // the node's address at the next address of its host, or if there is none, with the first such reason.
  void go_on(base::error refused);

 private:
  void resolved(base::result<std::vector<base::socket_address>> found);
  void ask_next();
  void answered(base::result<std::optional<epmd::node_info>> answer);
  void finish(base::result<base::socket_address> found);

  uv_loop_t* loop_;
  const options& options_;
  std::string node_;
  net::lookup_cause cause_;
  std::uint32_t by_;
  done_fn done_;
  std::string alive_;
  std::string host_;
  std::uint16_t port_ = 0; // the route's; 0: ask EPMD
  std::vector<base::socket_address> candidates_;
  base::socket_address asked_;
  base::error last_error_;
  std::optional<base::error> refused_; // of the first call of go_on()
  net::resolution resolution_;
  epmd::inquiry inquiry_;
};

} // namespace coppice::dist
