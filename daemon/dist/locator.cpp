// SPDX-License-Identifier: MIT
// Looks the host name up, then asks the EPMD at each address until one knows the node. The loop's thread.
#include "dist/locator.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "dist/node_name.hpp"

namespace coppice::dist {

const route* find_route(const options& opts, std::string_view node) {
  const auto at =
      std::find_if(opts.routes.begin(), opts.routes.end(), [&](const route& r) { return r.node == node; });
  return at == opts.routes.end() ? nullptr : &*at;
}

base::status locator::start() {
  const auto name = parse_node_name(node_);
  if (!name) return unexpected(name.error());
  alive_ = name->alive;
  host_ = name->host;
  if (const auto* known = find_route(options_, node_)) {
    if (!known->address.empty()) host_ = known->address;
    port_ = known->port;
  }
  auto looking = net::resolution::start(
      loop_, host_, port_ != 0 ? port_ : options_.epmd_port, cause_,
      [this](auto found) { resolved(std::move(found)); }, by_);
  if (!looking) return unexpected(std::move(looking.error()));
  resolution_ = std::move(*looking);
  return {};
}

void locator::resolved(base::result<std::vector<base::socket_address>> found) {
  if (!found) {
    return finish(unexpected(std::move(found.error()).context(fmt::format("host of '{}'", node_))));
  }
  candidates_ = std::move(*found);
  std::stable_partition(candidates_.begin(), candidates_.end(),
                        [](const auto& address) { return !address.is_ipv6(); });
  std::reverse(candidates_.begin(), candidates_.end());
  ask_next();
}

void locator::go_on(base::error refused) {
  if (!refused_) refused_ = std::move(refused);
  ask_next();
}

void locator::ask_next() {
  if (candidates_.empty()) return finish(unexpected(refused_.value_or(last_error_)));
  asked_ = candidates_.back();
  candidates_.pop_back();
  if (port_ != 0) return finish(asked_);
  auto asking = epmd::inquiry::lookup(loop_, asked_, alive_, options_.connect_timeout,
                                      [this](auto answer) { answered(std::move(answer)); });
  if (!asking) return finish(unexpected(std::move(asking.error())));
  inquiry_ = std::move(*asking);
}

void locator::answered(base::result<std::optional<epmd::node_info>> answer) {
  if (answer && *answer) {
    auto found = asked_;
    found.set_port((*answer)->port);
    return finish(found);
  }
  if (answer) {
    last_error_ = {
        base::errc::not_found,
        fmt::format("EPMD at {} knows no node '{}': it is not running there, or registered with another EPMD",
                    asked_.to_string(), alive_)};
  } else {
    last_error_ = std::move(answer.error());
  }
  ask_next();
}

void locator::finish(base::result<base::socket_address> found) {
  const auto done = done_;
  done(std::move(found)); // may destroy this object, or call go_on()
}

} // namespace coppice::dist
