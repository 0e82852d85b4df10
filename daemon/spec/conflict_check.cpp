// SPDX-License-Identifier: MIT
// Addresses are compared as they are written. A conflict of a wildcard with one of its addresses is left to
// the kernel.
#include "spec/conflict_check.hpp"

#include <cstddef>
#include <vector>

#include "spec/kinds/kinds.hpp"
#include "spec/schema/kind.hpp"

namespace coppice::spec {
namespace {

std::string print_socket(std::string_view address, std::uint16_t port) {
  const bool is_v6 = address.find(':') != address.npos;
  const std::string host(address);
  return (is_v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

} // namespace

void conflict_check::listens(socket at, const node* where, bool is_shared, report& to) {
  if (where == nullptr) return;
  const auto [first, is_new] = sockets_.try_emplace(at, known_listener{where->at, is_shared});
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
  for (const kind* const one : kinds()) {
    const std::vector<listener> all = one->listeners(spec);
    if (all.empty()) continue;
    const node* const list = value_of(child.find(one->key), "listen");
    for (std::size_t i = 0; i < all.size(); ++i)
      if (all[i].port != 0 && !all[i].address.empty())
        listens({all[i].protocol, print_socket(all[i].address, all[i].port)}, element(list, i),
                all[i].is_shared, to);
  }
}

} // namespace coppice::spec
