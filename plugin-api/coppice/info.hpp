// SPDX-License-Identifier: MIT
// Messages that a node sends by itself to handle_info: list them in `infos`. They are borrowed until the
// callback returns; copy what you keep into an owned_reference, owned_pid or owned_term. Header-only.
#pragma once

#include <coppice/detail/host.hpp>

namespace coppice {

/// A monitored process has ended: {'DOWN', Reference, process, PidOrName, Reason}. A monitor with its own tag
/// needs its own message type.
struct down {
  static constexpr std::string_view etf_tag = "DOWN";
  etf::reference reference;
  etf::constant<"process"> kind = {};
  term whom;
  term reason;
};

/// An exit signal of a linked process, or of one that sent it, while exits are trapped: {'EXIT', Pid,
/// Reason}.
struct exited {
  static constexpr std::string_view etf_tag = "EXIT";
  etf::pid who;
  term reason;
};

/// A monitored node was lost, or cannot be reached: {nodedown, Node}.
struct nodedown {
  etf::atom node;
};

/// The atom `timeout`, for a timer: send_after(5s, coppice::timeout{}).
using timeout = etf::constant<"timeout">;

} // namespace coppice
