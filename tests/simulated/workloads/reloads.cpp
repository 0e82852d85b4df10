// SPDX-License-Identifier: MIT
// See reloads.hpp.
// rooms: node
#include "reloads.hpp"

#include <fmt/format.h>

#include <string>
#include <utility>

#include "../machine/story.hpp"
#include "ledger.hpp"
#include "node/instance/operations.hpp"

namespace coppice::simulated {

void reloads::maybe(cluster& all, unsigned host, std::string_view plugin) {
  if (all.at(host) != nullptr && open_[host] == nullptr && one_in(3)) now(all, host, plugin);
}

void reloads::now(cluster& all, unsigned host, std::string_view plugin) {
  if (all.at(host) == nullptr || open_[host] != nullptr) return;
  node::reload_request what;
  what.plugin = std::string(plugin);
  what.by = "the workload";
  note("reload", host);
  tell("the reload of {} of host {} is asked for", plugin, host);
  const auto one = std::make_shared<bool>(false);
  open_[host] = one;
  const on_host here(host);
  all.at(host)->operations().reload(std::move(what),
                                    [this, host, one](const base::result<node::reload_report>& made) {
                                      tell("the reload of host {} {}", host, made ? "is done" : "failed");
                                      if (std::exchange(*one, true))
                                        the_ledger().broken("a reload is answered once");
                                      the_ledger().change_ended(made.has_value());
                                      if (open_[host] == one) open_[host] = nullptr;
                                    });
}

void reloads::check_answered(unsigned hosts) const {
  for (unsigned host = 1; host <= hosts; ++host)
    if (open_[host] != nullptr)
      the_ledger().broken(fmt::format("a reload is answered: not by host {}", host));
}

} // namespace coppice::simulated
