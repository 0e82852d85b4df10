// SPDX-License-Identifier: MIT
// Addresses are compared as they are written: a wildcard beside one of its addresses is left to the kernel.
#include "spec/conflict_check.hpp"

#include <cstddef>
#include <optional>
#include <vector>

#include "base/path_pattern.hpp"
#include "spec/web_options.hpp"

namespace coppice::spec {
namespace {

const node* value_of(const node* map, std::string_view key) {
  return map != nullptr && map->is_map() ? map->find(key) : nullptr;
}

const node* element(const node* list, std::size_t index) {
  return list != nullptr && list->is_sequence() && index < list->items.size() ? list->items[index] : nullptr;
}

std::string print_socket(const std::string& address, std::uint16_t port) {
  const bool is_v6 = address.find(':') != address.npos;
  return (is_v6 ? "[" + address + "]" : address) + ":" + std::to_string(port);
}

// Whether each request that `later` could answer is answered by `first`, which stands before it.
bool hides(const web_route& first, const web_route& later) {
  if (!first.method.empty() && first.method != later.method) return false;
  const auto wide = base::path_pattern::parse(first.path), narrow = base::path_pattern::parse(later.path);
  return wide && narrow && wide->covers(*narrow);
}

void check_routes(const web_options& web, const node* written, report& to) {
  for (std::size_t later = 1; later < web.routes.size(); ++later) {
    const node* const at = value_of(element(written, later), "path");
    if (at == nullptr) continue;
    for (std::size_t first = 0; first < later; ++first) {
      if (!hides(web.routes[first], web.routes[later])) continue;
      const node* const before = element(written, first);
      to.warning(at->at,
                 "no request comes to this route: the route " + web.routes[first].path +
                     " before it takes all of them",
                 before == nullptr ? "put it before that route"
                                   : "put it before that route, on line " + std::to_string(before->at.line));
      break;
    }
  }
}

} // namespace

void conflict_check::listens(socket at, const node* where, bool is_shared, report& to) {
  if (where == nullptr) return;
  const auto [first, is_new] = sockets_.try_emplace(at, listener{where->at, is_shared});
  if (is_new || (is_shared && first->second.is_shared)) return;
  const place& before = first->second.where;
  std::string hint = "the first one is on line " + std::to_string(before.line);
  if (before.file != where->at.file) hint += " of another file";
  to.warning(where->at,
             "a second listener at " + at.second + " (" + std::string(at.first) +
                 "): it fails to start while the first one is there",
             hint);
}

void conflict_check::look(const child_spec& spec, const node& child, report& to) {
  const auto streams = [&](const std::vector<tcp_listen_options>& all, const char* key) {
    const node* const list = value_of(child.find(key), "listen");
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (all[i].port != 0 && !all[i].address.empty())
        listens({"tcp", print_socket(all[i].address, all[i].port)}, element(list, i), false, to);
    }
  };
  if (spec.tcp) streams(spec.tcp->listen, "tcp");
  if (spec.web != nullptr) {
    streams(spec.web->listen, "web");
    check_routes(*spec.web, value_of(child.find("web"), "routes"), to);
  }
  if (spec.udp) {
    const node* const list = value_of(child.find("udp"), "listen");
    for (std::size_t i = 0; i < spec.udp->listen.size(); ++i) {
      const udp_listen_options& one = spec.udp->listen[i];
      if (one.port != 0 && !one.address.empty())
        listens({"udp", print_socket(one.address, one.port)}, element(list, i), spec.udp->handlers > 1, to);
    }
  }
}

} // namespace coppice::spec
