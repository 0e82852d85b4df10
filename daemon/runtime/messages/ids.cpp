// SPDX-License-Identifier: MIT
// Pids, references and destinations to and from ETF and text. See ids.hpp.
#include "runtime/messages/ids.hpp"

#include <fmt/format.h>

namespace coppice::runtime {

void write(etf::writer& out, const pid& value, const node_names& names) {
  if (value.here()) return out.pid({names.own(), value.id, value.serial, value.creation});
  names.with_name(value.node, [&](std::string_view node) {
    out.pid({node, value.id, value.serial, value.creation});
  });
}

void write(etf::writer& out, const reference& value, const node_names& names) {
  if (value.here()) return out.reference({names.own(), value.creation, value.count, value.words});
  names.with_name(value.node, [&](std::string_view node) {
    out.reference({node, value.creation, value.count, value.words});
  });
}

std::optional<pid> read_pid(etf::cursor& in, node_names& names) {
  if (pid own; names.forms().get_pid(in.rest(), own)) [[likely]] {
    in.advance(names.forms().pid_size());
    return own;
  }
  etf::cursor ahead = in;
  etf::pid found;
  if (!ahead.read_pid(found)) return std::nullopt;
  const auto node = names.intern(found.node);
  if (!node) return std::nullopt;
  in = ahead;
  return pid{*node, found.creation, found.id, found.serial};
}

std::optional<reference> read_reference(etf::cursor& in, node_names& names) {
  if (reference own; names.forms().get_reference(in.rest(), own)) [[likely]] {
    in.advance(names.forms().reference_size());
    return own;
  }
  etf::cursor ahead = in;
  etf::reference found;
  if (!ahead.read_reference(found)) return std::nullopt;
  const auto node = names.intern(found.node);
  if (!node) return std::nullopt;
  in = ahead;
  return reference{*node, found.creation, found.count, found.words};
}

std::string to_text(const pid& value, const node_names& names) {
  if (value.here()) return fmt::format("<0.{}.{}>", value.id, value.serial);
  return fmt::format("#Pid<'{}'.{}.{}.{}>", names.name(value.node), value.creation, value.id, value.serial);
}

std::string to_text(const reference& value, const node_names& names) {
  std::string text = fmt::format("#Ref<'{}'.{}", names.name(value.node), value.creation);
  for (std::uint32_t i = 0; i < value.count && i < value.words.size(); ++i)
    text += fmt::format(".{}", value.words[i]);
  return text + ">";
}

std::string to_text(const destination& value, const node_names& names) {
  switch (value.what()) {
    case destination::kind::process:
      return to_text(value.process(), names);
    case destination::kind::name:
      return value.name();
    case destination::kind::remote_name:
      return value.name() + "@" + std::string(names.name(value.node()));
    case destination::kind::alias:
      return to_text(value.alias_ref(), names);
    case destination::kind::node:
      return std::string(names.name(value.node()));
    case destination::kind::none:
      break;
  }
  return {};
}

} // namespace coppice::runtime
