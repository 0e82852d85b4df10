// SPDX-License-Identifier: MIT
// The named events of a node: which there are, who may publish, where subscribers go. An event is declared by
// the configuration and outlives its producers, or registered by a producer and ends with it. A producer has
// a token, which it may give to others: whoever has it publishes. Events of other nodes are mirrored while
// somebody here has subscribed to them. Any thread; nothing waits but for locks that are held shortly.
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
  std::string producer; // the registered name of who may register; empty: anybody here
  channel_options options;
  bool operator==(const declared_event&) const = default;
};

// An event as operators see it.
struct event_report {
  std::string name;
  std::string node;        // of one of another node; empty: here
  runtime::pid producer{}; // none: there is none just now, or it is elsewhere
  bool declared = false;
  channel_options options;
  channel_counts counts;
};

class event_channels {
 public:
  static constexpr std::size_t most_events = 65'536;  // that producers have registered
  static constexpr std::ptrdiff_t longest_name = 255; // characters
  // Of the node's own events, which nobody else may register.
  static constexpr std::string_view own_prefix = "coppice.";
  // The process that is woken when there is something to do for it.
  static constexpr const char* service_name = "coppice_events";

  // The system outlives it, and is not started yet.
  explicit event_channels(runtime::system& host);
  ~event_channels();
  event_channels(const event_channels&) = delete;
  event_channels& operator=(const event_channels&) = delete;

  // From now on these are declared. Who has subscribed to one that is gone hears of its end.
  void declare(std::vector<declared_event> all);

  // `producer`, a process here with the registered name `its_name`, may publish by the token. For an event
  // that is declared the options are those of the configuration. Again by the same process: the same token.
  // errc::exists: another process has it; errc::refused: it is another's by its declaration; errc::invalid:
  // no name for an event; errc::limit.
  base::result<std::uint64_t> enroll(std::string_view name, const channel_options& options,
                                     const runtime::pid& producer, std::string_view its_name);
  // Ends an event that is not declared; of one that is the token is nobody's. False: there is no such token.
  bool withdraw(std::uint64_t token);

  // Null: there is no such token (any more).
  std::shared_ptr<event_channel> find(std::uint64_t token) const;
  // One that is open, for who has no token. errc::not_found; errc::refused: it is not open.
  base::result<std::shared_ptr<event_channel>> find_open(std::string_view name) const;
  // The node's own, with the prefix; lost if nobody has subscribed and nothing is kept.
  void tell(std::string_view name, etf::bytes payload);

  // `who` is here or elsewhere. errc::not_found, errc::exists, errc::limit.
  base::result<subscription_begin> subscribe(std::string_view name, const runtime::pid& who,
                                             const event_subscribe_options& how);
  // To an event of another node. What is wrong there is told by its end.
  base::result<subscription_begin> subscribe_to(std::string_view name, std::string_view node,
                                                const runtime::pid& who, const event_subscribe_options& how);
  // `node`: empty: here. False: `who` has not subscribed.
  bool unsubscribe(std::string_view name, std::string_view node, const runtime::pid& who);

  // Whether `who` has subscribed to an event of this node.
  bool has(std::string_view name, const runtime::pid& who) const;
  // How many events of this node have ended so far: what has subscribed to them has lost that.
  std::uint64_t ends() const { return ends_.load(std::memory_order_acquire); }

  // By their names, those of this node first.
  std::vector<event_report> report() const;
  // Of the events of this node so many, from the first one behind that name on. Empty: that was all.
  std::vector<event_report> some_reports(std::string_view behind, std::size_t most) const;

  // For the processes that run the outlets, one for each worker.
  std::size_t outlets() const { return outlets_.size(); }
  event_outlet& outlet(std::size_t index) { return *outlets_[index]; }
  void runs(std::size_t outlet, const runtime::pid& process);
  // Of a mirror that ends.
  void forget(const event_channel& mirror);

  // For the service: the producers that there are, of whose ends it is to tell.
  std::vector<runtime::pid> producers() const;
  // Those that have come since the last time.
  std::vector<runtime::pid> take_new_producers();
  void producer_ended(const runtime::pid& who, const runtime::message& reason);
  // What producers are to hear of their subscribers.
  struct notice {
    std::string name;
    runtime::pid producer;
    std::size_t subscribers = 0; // 0, or how many
  };
  std::vector<notice> take_notices();
  // It could not be told: it comes again.
  void not_told(const notice& what);

 private:
  struct entry {
    std::shared_ptr<event_channel> channel;
    std::optional<declared_event> declared;
    runtime::pid producer{};
    std::uint64_t token = 0;
    bool told_of_subscribers = false; // the producer was
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
  std::vector<runtime::pid> processes_; // of the outlets

  mutable std::shared_mutex lock_; // of all that follows but the notices
  entries events_;
  std::unordered_map<std::uint64_t, std::shared_ptr<event_channel>> by_token_;
  std::unordered_map<runtime::pid, std::size_t, runtime::pid_hash> producing_; // how many events each has
  std::vector<runtime::pid> new_producers_;
  std::map<std::pair<std::string, std::string>, std::shared_ptr<event_channel>, std::less<>> mirrors_;
  std::map<std::string, std::uint64_t, std::less<>> ended_; // the last numbers of events that are no more
  std::deque<std::string> ended_in_order_;
  std::uint64_t forgotten_last_ = 0; // the highest of those that were let go of
  std::atomic<std::uint64_t> ends_{0};

  std::mutex notices_lock_;
  std::vector<std::string> changed_; // events whose subscribers came or left
};

} // namespace coppice::behaviours
