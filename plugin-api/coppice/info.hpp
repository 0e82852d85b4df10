// SPDX-License-Identifier: MIT
// What a node itself sends, as messages for handle_info: list them in `infos`. Borrowed, as all that a
// message is read into: what is to be kept goes into an owned_reference, owned_pid or owned_term.
// Header-only.
#pragma once

#include <coppice/host.hpp>

namespace coppice {

/// The end of what was monitored: {'DOWN', Reference, process, PidOrName, Reason}. A monitor with a tag of
/// its own has a message of its own.
struct down {
  static constexpr std::string_view etf_tag = "DOWN";
  etf::reference reference;
  etf::constant<"process"> kind = {};
  term whom;
  term reason;
};

/// The exit signal of a linked process, or of one that sent it, while exits are trapped: {'EXIT', Pid,
/// Reason}.
struct exited {
  static constexpr std::string_view etf_tag = "EXIT";
  etf::pid who;
  term reason;
};

/// A node that is monitored was lost, or cannot be reached: {nodedown, Node}.
struct nodedown {
  etf::atom node;
};

/// The atom, for a timer: send_after(5s, coppice::timeout{}).
using timeout = etf::constant<"timeout">;

} // namespace coppice
