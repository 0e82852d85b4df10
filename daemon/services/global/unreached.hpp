// SPDX-License-Identifier: MIT
// A process that asks another node which processes have some global names, one name after the other, and
// tells global_name_server of each answer: so that process need not wait. Each answer is a notice, {answered,
// Name, Pid | undefined}. It ends at the first question without an answer. In the process's own turn.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/behaviour.hpp"
#include "runtime/process.hpp"

namespace coppice::services {

class unreached_names : public runtime::behaviour {
 public:
  static constexpr std::string_view answered = "$coppice_global_unreached";

  // `node`: index of the node that is asked. `names`: as terms.
  unreached_names(const runtime::pid& server, std::uint32_t node, std::vector<std::string> names)
      : server_(server), node_(node), names_(std::move(names)) {}

  runtime::outcome init(runtime::process& self) override;
  runtime::outcome receive(runtime::process&, runtime::message) override { return runtime::carry_on(); }
  void describe(runtime::description& out) const override { out.behaviour = "unreached_names"; }

 private:
  const runtime::pid server_;
  const std::uint32_t node_;
  const std::vector<std::string> names_;
};

} // namespace coppice::services
