// SPDX-License-Identifier: MIT
// What the node shows of its listeners, and their being suspended by hand. Any thread.
#include "behaviours/streams/tcp_listener.hpp"
#include "node/instance/components.hpp"
#include "node/instance/instance.hpp"
#include "node/instance/requester.hpp"

namespace coppice::node {

void instance::listener(const runtime::pid& of, listener_change change, base::nanos timeout,
                        std::function<void(base::result<runtime::message>)> done) {
  const base::nanos deadline = deadline_after(timeout);
  ask_from_outside<base::result<runtime::message>>(
      components_->system,
      [of, change, deadline](runtime::process& self) -> base::result<runtime::message> {
        using behaviours::tcp_listener;
        const auto ask = [&](runtime::message request) {
          return behaviours::gen::call(self, of, std::move(request), deadline);
        };
        const base::error gone{base::errc::closed, "the listener has ended, or did not answer in time"};
        if (change != listener_change::none) {
          const bool stops = change == listener_change::suspend;
          if (!ask(stops ? tcp_listener::suspend_request() : tcp_listener::resume_request()))
            return unexpected(gone);
        }
        auto report = ask(tcp_listener::report_request());
        if (!report) return unexpected(gone);
        return std::move(*report);
      },
      std::move(done), base::fail(base::errc::closed, "the node stops"));
}

} // namespace coppice::node
