// SPDX-License-Identifier: MIT
// Reads a From and compares it with the origin of the message. gen.hpp lists the forms of tags. In the
// process's own turn.
#include "behaviours/gen/askers.hpp"

#include <coppice/etf/cursor.hpp>
#include <optional>

#include "runtime/system.hpp"

namespace coppice::behaviours::gen {
namespace {

struct asker {
  runtime::pid who;
  std::optional<runtime::reference> alias;
};

// Reads [alias|Reference] at the cursor.
std::optional<runtime::reference> read_alias(etf::cursor& at, runtime::node_names& names) {
  etf::cursor ahead = at;
  std::uint32_t length = 0;
  if (!ahead.read_list(length) || length != 1 || !ahead.read_atom_is("alias")) return std::nullopt;
  return runtime::read_reference(ahead, names);
}

// Reads {Pid, Tag}.
std::optional<asker> read_asker(runtime::node_names& names, etf::bytes from) {
  etf::cursor at(from);
  if (!at.read_tuple_of(2)) return std::nullopt;
  const auto who = runtime::read_pid(at, names);
  if (!who) return std::nullopt;
  asker made{*who, read_alias(at, names)};
  std::uint32_t length = 0;
  if (!made.alias && at.read_list(length) && length >= 1) made.alias = read_alias(at, names);
  return made;
}

} // namespace

bool is_of_origin(runtime::process& self, etf::bytes from) {
  const std::uint32_t node = self.origin().node;
  const auto found = read_asker(self.host().nodes(), from);
  return found && found->who.node == node && (!found->alias || found->alias->node == node);
}

bool may_answer(runtime::process& self, etf::bytes from) {
  if (self.origin().here()) return true;
  const auto found = read_asker(self.host().nodes(), from);
  return found && (!found->who.here() || found->alias);
}

} // namespace coppice::behaviours::gen
