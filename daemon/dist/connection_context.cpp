// SPDX-License-Identifier: MIT
// Maps pids, names and aliases in a peer's control messages to local destinations. One thread, the
// connection's.
#include "dist/connection_context.hpp"

#include <string>

namespace coppice::dist {

runtime::destination connection_context::receiver(const address& of) const {
  using runtime::destination;
  switch (of.what) {
    case address::form::pid:
      if (const auto who = at_home(of)) return *who;
      break;
    case address::form::name:
      return destination::named(std::string(of.name));
    case address::form::reference:
      if (const auto alias = ids.in(of.reference); alias && alias->here())
        return destination::alias(alias->is_cut() ? system.whole(*alias) : *alias);
      break;
    case address::form::none:
      break;
  }
  return {};
}

} // namespace coppice::dist
