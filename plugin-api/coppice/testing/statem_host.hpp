// SPDX-License-Identifier: MIT
// "coppice.statem_host/draft-2" for tests, and the effects of a transition: timers on the actor's clock,
// replies to the test's calls. In the actor's callbacks.
#pragma once

#include <coppice/testing/calls.hpp>
#include <coppice/testing/statem.hpp>

namespace coppice::testing::detail {

const coppice_statem_api* statem_interface();

class machine_effects final : public statem_effects<value> {
 public:
  explicit machine_effects(world& of) : world_(of) {}

  bool reply(const value& from, value answer) override;
  std::uint64_t arm(const statem_action<value>& timeout, std::uint64_t serial) override;
  void disarm(std::uint32_t, std::uint64_t handle) override;

 private:
  world& world_;
};

} // namespace coppice::testing::detail
