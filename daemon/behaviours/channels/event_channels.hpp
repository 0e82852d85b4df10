// SPDX-License-Identifier: MIT
// The named events of a node: it lists them, checks who may publish, and passes subscribers to channels. An
// event is declared by the configuration and outlives its producers, or is registered by a producer and ends
// with it. A producer has a token, which it may pass on: any process with the token may publish. An event of
// another node is mirrored while a process here has subscribed to it. Any thread; waits only for locks that
// are held for a short time.
#pragma once

#include <atomic>
#include <coppice/etf/types.hpp>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "behaviours/channels/event_channel.hpp"
#include "behaviours/channels/event_outlet.hpp"
#include "runtime/system.hpp"

namespace coppice::behaviours {

struct declared_event {
  std::string name;
  std::string producer; // registered name of the process that may register. Empty: any process here
  channel_options options;
  bool operator==(const declared_event&) const = default;
};

// An event as operators see it.
struct event_report {
  std::string name;
  std::string node;        // node of a mirrored event. Empty: this node
  runtime::pid producer{}; // none: no producer at present, or it is on another node
  bool declared = false;
  channel_options options;
  channel_counts counts;
};

class event_channels {
 public:
  static constexpr std::size_t most_events = 65'536;  // most events that producers may have registered
  static constexpr std::ptrdiff_t longest_name = 255; // characters
  // Prefix of the node's own events, which no process may register.
  static constexpr std::string_view own_prefix = "coppice.";
  // Name of the process that is woken to send notices and watch producers.
  static constexpr const char* service_name = "coppice_events";

  // `host` outlives this object, and is not started yet.
  explicit event_channels(runtime::system& host);
  ~event_channels();
  event_channels(const event_channels&) = delete;
  event_channels& operator=(const event_channels&) = delete;

  // Replaces the declared events. Subscribers of an event that is gone are told of its end.
  void declare(std::vector<declared_event> all);

  // Lets `producer`, a process of this node with the registered name `its_name`, publish by the returned
  // token. A declared event has the options of its declaration. The same process gets the same token again.
  // errc::exists: another process has the event; errc::refused: its declaration names another process;
  // errc::invalid: not a valid name; errc::limit: too many events.
  base::result<std::uint64_t> enroll(std::string_view name, const channel_options& options,
                                     const runtime::pid& producer, std::string_view its_name);
  // Ends an event that is not declared. For a declared event only the token ends. False: there is no such
  // token.
  bool withdraw(std::uint64_t token);

  // Null: there is no such token, or no longer.
  std::shared_ptr<event_channel> find(std::uint64_t token) const;
  // An open event, for a publisher without a token. errc::not_found: no such event; errc::refused: it is not
  // open.
  base::result<std::shared_ptr<event_channel>> find_open(std::string_view name) const;
  // Publishes an event of the node itself; `name` has own_prefix. The event is lost if it is not declared.
  void tell(std::string_view name, etf::bytes payload);

  // `who` is a process of any node. errc::not_found, errc::exists, errc::limit: see
  // event_channel::subscribe().
  base::result<subscription_begin> subscribe(std::string_view name, const runtime::pid& who,
                                             const event_subscribe_options& how);
  // Subscribes to an event of another node. Errors of that node arrive as the end of the event.
  base::result<subscription_begin> subscribe_to(std::string_view name, std::string_view node,
                                                const runtime::pid& who, const event_subscribe_options& how);
  // `node`: empty: this node. False: `who` has not subscribed.
  bool unsubscribe(std::string_view name, std::string_view node, const runtime::pid& who);

  // Whether `who` has subscribed to an event of this node.
  bool has(std::string_view name, const runtime::pid& who) const;
  // Number of events of this node that have ended so far. A change means that subscriptions may have ended.
  std::uint64_t ends() const { return ends_.load(std::memory_order_acquire); }

  // Ordered by name, events of this node first.
  std::vector<event_report> report() const;
  // At most `most` subscribers of an event, in no order. `node`: empty: an event of this node. Empty: there
  // are none, or no such event.
  std::vector<runtime::pid> some_subscribers(std::string_view name, std::string_view node,
                                             std::size_t most) const;
  // At most `most` events of this node, ordered by name, beginning after the name `behind`. Empty: no more.
  std::vector<event_report> some_reports(std::string_view behind, std::size_t most) const;

  // For the processes that run the outlets, one on each worker.
  std::size_t outlets() const { return outlets_.size(); }
  event_outlet& outlet(std::size_t index) { return *outlets_[index]; }
  void runs(std::size_t outlet, const runtime::pid& process);
  // Called when a mirror ends.
  void forget(const event_channel& mirror);

  // The producers, for the service process, which watches them and reports their ends.
  std::vector<runtime::pid> producers() const;
  // The producers that have come since the last call.
  std::vector<runtime::pid> take_new_producers();
  void producer_ended(const runtime::pid& who, const runtime::message& reason);
  // A notice for a producer about its subscribers.
  struct notice {
    std::string name;
    runtime::pid producer;
    std::size_t subscribers = 0; // 0: the last one has left. Otherwise: the number of them
  };
  std::vector<notice> take_notices();
  // The notice could not be sent: take_notices() will return it again.
  void not_told(const notice& what);

 private:
  struct entry {
    std::shared_ptr<event_channel> channel;
    std::optional<declared_event> declared;
    runtime::pid producer{};
    std::uint64_t token = 0;
    bool told_of_subscribers = false; // the producer was told that it has subscribers
  };
  using entries = std::map<std::string, entry, std::less<>>;

  std::shared_ptr<event_channel> make(std::string_view name, const channel_options& options);
  std::vector<event_outlet*> every_outlet() const;
  std::uint64_t last_of(std::string_view name) const;
  void remember_last(std::string_view name, std::uint64_t last);
  void count_changed(const std::string& name);
  void wake_service();
  static event_report report_of(const std::string& name, const entry& one);
  void release(entry& of);
  void end(entries::iterator which, runtime::message reason);
  std::size_t outlet_for(const runtime::pid& who) const;

  runtime::system& host_;
  std::vector<std::unique_ptr<event_outlet>> outlets_;

  mutable std::mutex processes_lock_;
  std::vector<runtime::pid> processes_; // the processes that run the outlets

  mutable std::shared_mutex lock_; // guards the members below, except for the notices
  entries events_;
  std::unordered_map<std::uint64_t, std::shared_ptr<event_channel>> by_token_;
  // Number of events of each producer.
  std::unordered_map<runtime::pid, std::size_t, runtime::pid_hash> producing_;
  std::vector<runtime::pid> new_producers_;
  std::map<std::pair<std::string, std::string>, std::shared_ptr<event_channel>, std::less<>> mirrors_;
  std::map<std::string, std::uint64_t, std::less<>> ended_; // last numbers of events that have ended
  std::deque<std::string> ended_in_order_;
  std::uint64_t forgotten_last_ = 0; // the highest last number that was dropped from ended_
  std::atomic<std::uint64_t> ends_{0};

  std::mutex notices_lock_;
  std::vector<std::string> changed_; // names of events whose subscribers have come or left
};

} // namespace coppice::behaviours
