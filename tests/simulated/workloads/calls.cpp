// SPDX-License-Identifier: MIT
// See calls.hpp.
// rooms: node
#include "calls.hpp"

#include <coppice/etf/text.hpp>
#include <utility>

#include "../machine/story.hpp"
#include "base/clock.hpp"
#include "behaviours/gen/gen.hpp"
#include "ledger.hpp"
#include "runtime/system.hpp"

namespace coppice::simulated {

std::string call_of(runtime::process& self, const cluster& all, unsigned host, std::string_view name,
                    std::string_view request, nanos timeout) {
  const auto term = etf::parse(request);
  if (!term) give_up("a workload's request is no term: " + std::string(request));
  auto to = runtime::destination::named(std::string(name));
  if (all.name(host) != self.host().node_name()) {
    const auto index = self.host().nodes().intern(all.name(host));
    if (!index) return {};
    to = runtime::destination::remote(std::string(name), *index);
  }
  tell("{} calls {} of host {}: {}", self.name(), name, host, request);
  const auto result =
      behaviours::gen::call(self, to, runtime::message::copy_of(*term), base::mono_now() + timeout);
  the_ledger().call_ended(result.has_value());
  std::string answer = result ? etf::print(result->bytes()) : std::string();
  tell("{} has the answer of {} of host {}: {}", self.name(), name, host,
       answer.empty() ? "none in time, or an error" : answer);
  return answer;
}

void add_process(cluster& to, unsigned host, const std::string& name,
                 std::unique_ptr<runtime::behaviour> does, const runtime::mailbox_bounds& mailbox) {
  const on_host here(host);
  const auto made =
      to.at(host)->runtime().spawn({.name = name, .label = name, .mailbox = mailbox}, std::move(does));
  if (!made) give_up("a workload's process does not start: " + made.error().text);
}

} // namespace coppice::simulated
