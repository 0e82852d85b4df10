// SPDX-License-Identifier: MIT
// All interfaces that the host has for plugins: those for actors of any behaviour, which are listed here, and
// those that behaviours have for their callbacks. Any thread.
#include <coppice/draft/udp.h>

#include <algorithm>
#include <vector>

#include "host/actors/hosted_behaviours.hpp"
#include "host/boundary/host.hpp"

namespace coppice::host {

std::span<const interface_entry> all_interfaces() {
  static const std::vector<interface_entry> all = [] {
    std::vector<interface_entry> out = {{COPPICE_MESSAGE_1, message_interface()},
                                        {COPPICE_ACTOR_1, actor_interface()},
                                        {COPPICE_CALL_1, call_interface()},
                                        {COPPICE_TIMER_1, timer_interface()},
                                        {COPPICE_WORK_1, work_interface()},
                                        {COPPICE_LOG_1, log_interface()},
                                        {COPPICE_ORDER_DRAFT_1, order_interface()},
                                        {COPPICE_POST_DRAFT_1, post_interface()},
                                        {COPPICE_METRIC_DRAFT_1, metric_interface()},
                                        {COPPICE_AWAIT_DRAFT_1, await_interface()},
                                        {COPPICE_CONTEXT_DRAFT_1, context_interface()},
                                        {COPPICE_CHANNEL_DRAFT_2, event_interface()},
                                        {COPPICE_STREAM_HOST_DRAFT_2, stream_interface()},
                                        {COPPICE_UDP_HOST_DRAFT_2, datagram_interface()}};
    for (const hosted_behaviour& one : hosted_behaviours()) {
      if (one.host_interface == nullptr) continue;
      const std::string_view name = one.facts->host_interface;
      if (std::ranges::find(out, name, &interface_entry::name) == out.end())
        out.push_back({name, one.host_interface()});
    }
    return out;
  }();
  return all;
}

} // namespace coppice::host
