// SPDX-License-Identifier: MIT
// A process that asks other nodes which of two processes keeps a global name, one question after the other,
// and sends the answers to global_name_server, which so need not wait. The answers are one notice, {answered,
// Node, Tag, [Pid | neither | none]}; `none`: no node could answer. There is one deadline for all questions,
// and a node that did not answer once is not asked again. In the process's own turn.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/behaviour.hpp"
#include "runtime/process.hpp"

namespace coppice::services {

class global_questions : public runtime::behaviour {
 public:
  static constexpr std::string_view answered = "$coppice_global_answered";

  struct question {
    std::uint32_t node = 0; // the node whose `rex` is asked
    runtime::message call;
  };

  // `node` and `tag` name the session with a peer that the questions belong to.
  global_questions(const runtime::pid& server, std::string node, std::int64_t tag, std::vector<question> all)
      : server_(server), node_(std::move(node)), tag_(tag), questions_(std::move(all)) {}

  runtime::outcome init(runtime::process& self) override;
  runtime::outcome receive(runtime::process&, runtime::message) override { return runtime::carry_on(); }
  void describe(runtime::description& out) const override { out.behaviour = "global_questions"; }

 private:
  const runtime::pid server_;
  const std::string node_;
  const std::int64_t tag_;
  const std::vector<question> questions_;
};

} // namespace coppice::services
