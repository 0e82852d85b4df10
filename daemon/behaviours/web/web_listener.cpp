// SPDX-License-Identifier: MIT
// See web_listener.hpp.
#include "behaviours/web/web_listener.hpp"

#include <utility>

#include "behaviours/streams/given_stream.hpp"
#include "behaviours/web/sites.hpp"
#include "behaviours/web/web_connection.hpp"
#include "behaviours/web/web_counters.hpp"
#include "runtime/messages/exit_reason.hpp"

namespace coppice::behaviours {

using runtime::message;
using runtime::outcome;
using runtime::process;

namespace {

constexpr std::string_view restart_tag = "$coppice_web_restart";

} // namespace

message web_listener::restart_notice() {
  return message::atom(restart_tag);
}

web_listener::web_listener(web_order by, std::shared_ptr<const supervision> shared, message env,
                           std::string label)
    : tcp_listener(std::move(by.listening), shared, env, label, shown_as_web),
      sites_(std::make_shared<web_sites>(std::move(by.site), std::move(env), std::move(label))) {}

web_listener::~web_listener() = default;

outcome web_listener::init(process& self) {
  outcome begun = tcp_listener::init(self);
  if (begun.stops()) return begun;
  if (auto* const board = shared().resources.find<metrics::board>())
    site_on_board_ = board->enter({{"site", label()}}, std::make_shared<web_counters>(sites_));
  return begun;
}

outcome web_listener::take_info(process& self, const message& m) {
  restarts_ = restarts_ || (self.origin().notice && runtime::is_atom(m, restart_tag));
  return tcp_listener::take_info(self, m);
}

base::result<std::unique_ptr<runtime::behaviour>> web_listener::make_actor(process&,
                                                                           accepted_stream stream) const {
  return std::make_unique<web_connection>(std::move(stream), sites_);
}

std::shared_ptr<const tcp_spec> web_listener::adopted(const std::any& order) {
  const auto* const mine = std::any_cast<web_order>(&order);
  if (mine == nullptr) return nullptr;
  sites_->set(mine->site);
  return mine->listening;
}

std::string_view web_listener::draining_notice() const {
  return restarts_ ? drain_for_restart_notice : tcp_listener::draining_notice();
}

std::uint32_t web_listener::own_pairs() const {
  return web_sites::report_pairs;
}

void web_listener::write_own_pairs(runtime::message_writer& out) const {
  sites_->write_report(out);
}

} // namespace coppice::behaviours
