// SPDX-License-Identifier: MIT
// The process `coppice_events`: named events (behaviours/channels) for callers without a plugin, on any node.
// It is a gen_server; the caller of subscribe is the subscriber:
//
//   {subscribe, Name}            {ok, #{creation, first, last, buffer, queue}}, then the messages of
//                                event_terms.hpp, first the events that are kept
//   {subscribe, Name, Since}     Since: the last number received, {Creation, Number}, or `now`
//   {unsubscribe, Name}          ok
//   {publish, Name, Payload}     {ok, Number}; for events that are open
//   list                         a list of maps
//   {http_feed, Name, LastId, Form}    from a web server of this node: see event_feed.hpp
//   any failure, other requests  {error, no_such_event | already | not_subscribed | not_owner | too_large |
//                                overloaded | limit | bad_request}
//
// It also starts the processes that deliver events to subscribers, watches producers, and tells producers
// about their subscribers. In the process's own turn.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "behaviours/channels/event_channels.hpp"
#include "behaviours/gen/native_server.hpp"
#include "runtime/messages/kept_memory.hpp"
#include "services/answers/portions.hpp"
#include "services/peers/peer_bounds.hpp"

namespace coppice::services {

class event_service final : public behaviours::native_server {
 public:
  // `events` must outlive the process.
  event_service(behaviours::event_channels& events, const peer_bounds& bounds)
      : native_server("events"), events_(events), bounds_(bounds) {}
  std::optional<behaviours::peer_requests> from_peers() const override;

 protected:
  runtime::outcome on_start(runtime::process& self) override;
  call_answer handle_call(runtime::process& self, const runtime::message& from,
                          const runtime::message& request) override;
  runtime::outcome handle_info(runtime::process& self, const runtime::message& m) override;

 private:
  using event_names = std::set<std::string, std::less<>>;
  // A subscriber on another node.
  struct remote_subscriber {
    runtime::reference watch;
    event_names events; // empty: the subscriber is removed
  };
  using remote_subscribers = std::unordered_map<runtime::pid, remote_subscriber, runtime::pid_hash>;

  // Empty: not one of these requests.
  std::optional<call_answer> take(runtime::process& self, const runtime::pid& caller,
                                  const runtime::message& from, const runtime::message& request);
  std::optional<call_answer> subscribe(runtime::process& self, const runtime::pid& who, etf::cursor at,
                                       bool with_since);
  std::optional<call_answer> publish(runtime::process& self, etf::cursor at);
  std::optional<call_answer> feed(runtime::process& self, const runtime::message& from,
                                  const runtime::message& request);
  runtime::message list(runtime::process& self) const;
  static void write_report(runtime::process& self, etf::writer& to, const behaviours::event_report& one);
  bool unsubscribe(runtime::process& self, const runtime::pid& who, std::string_view name);
  bool may_subscribe(runtime::process& self, const runtime::pid& who);
  void note_subscribed(runtime::process& self, const runtime::pid& who, std::string_view name);
  void forget(runtime::process& self, const runtime::pid& who, std::string_view name);
  void lose(const runtime::pid& who, remote_subscriber& its, event_names::iterator event);
  remote_subscribers::iterator stop_watching(runtime::process& self, remote_subscribers::iterator one);
  void watch(runtime::process& self, const runtime::pid& producer);
  void ended(runtime::process& self, const runtime::message& down, etf::cursor at);
  void work(runtime::process& self);

  behaviours::event_channels& events_;
  const peer_bounds bounds_;
  std::unordered_map<runtime::pid, runtime::reference, runtime::pid_hash> producers_; // their monitors
  remote_subscribers remote_;
  std::unordered_map<std::uint32_t, std::size_t> by_node_; // number of subscriptions of each other node
  runtime::kept_memory memory_;                            // memory of the entries above
  std::uint64_t ends_seen_ = 0; // events that had ended at the last search for their subscriptions
  bool reminded_ = false;       // a reminder to tell producers again is pending
};

} // namespace coppice::services
