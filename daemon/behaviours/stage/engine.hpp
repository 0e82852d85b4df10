// SPDX-License-Identifier: MIT
// A stage of GenStage (producer, producer_consumer or consumer) as a state machine without I/O. Messages,
// calls and ends of other processes go in; callbacks and messages come out through the port, in the order of
// GenStage 1.3. A malformed subscription or list would end a GenStage stage; here it is refused and the stage
// goes on. Invariant: no consumer gets more events than it asked for. One thread at a time.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "behaviours/stage/counters.hpp"
#include "behaviours/stage/held_back.hpp"
#include "behaviours/stage/port.hpp"
#include "behaviours/stage/wire.hpp"

namespace coppice::behaviours {

class stage_engine final : private dispatcher::outlet {
 public:
  using outcome = runtime::outcome;
  using message = runtime::message;

  static constexpr std::size_t most_subscriptions = 10'000; // of each side

  // `self`: the stage's process. All arguments but the options outlive the engine.
  stage_engine(stage_role role, stage_options options, const runtime::pid& self, runtime::node_names& names,
               stage_port& port);
  stage_engine(const stage_engine&) = delete;
  stage_engine& operator=(const stage_engine&) = delete;

  stage_role role() const { return role_; }
  const stage_options& options() const { return options_; }

  // Called after the author's init: makes the subscriptions of the options.
  outcome start();

  // Empty: the message is not of the protocol, and goes to the author.
  std::optional<outcome> receive(const message& m);
  // {'DOWN', Ref, …} as the runtime sends it. Empty: the monitor is the author's.
  std::optional<outcome> down(etf::bytes reference, etf::bytes reason);
  // The request of a call. `reply`: the answer to send, set also when the outcome stops. Empty: the request
  // is the author's.
  std::optional<outcome> call(etf::bytes request, message& reply);
  std::optional<outcome> cast(etf::bytes request);
  // Called when the port was asked for it by go_on_later() or subscribe_later().
  outcome go_on();
  outcome subscribe_again(std::size_t which);

  // For callbacks. Emits the elements of a proper list. False: it is no proper list. Events of a consumer
  // are dropped and logged.
  bool emit(const message& list);
  // `party`: {Pid, Tag} of a producer. False: there is no such producer, or no such number. Asking for 0 does
  // nothing.
  bool ask(etf::bytes party, std::uint64_t count);
  // `party`: of a producer, or of a consumer of this stage. False: there is none.
  bool cancel(etf::bytes party, etf::bytes reason);

  // For people.
  std::vector<stage_subscription> subscriptions() const;
  stage_counters counters() const;
  // Only counters of past events, without present sizes.
  const stage_counters& counted() const { return counters_; }

 private:
  struct consumer {
    runtime::pid pid;
    message party; // {Pid, Tag}
    message tag;
    message monitor; // a reference
    stage_flow flow{};
    bool overloaded = false; // it has to be ended, and is sent nothing more
  };
  // A subscription that the stage has ended itself, and that the author has not been told of.
  struct ended_consumer {
    message reason;
    message party;
  };
  struct producer {
    runtime::destination to;
    message party; // {Pid, Tag}, or {{Name, Node}, Tag}
    message tag;   // the monitor's reference
    cancel_mode cancel = cancel_mode::permanent;
    bool manual = false;
    std::uint64_t min = 0, max = 0;
    std::uint64_t pending = 0; // asked for automatically, and not received
    std::uint64_t due = 0;     // asked for in any way, and not received
    std::uint64_t excess = 0;  // received beyond that, less what has come within it since
    std::optional<std::size_t> wanted{};
    stage_flow flow{};
  };
  // Entries that wait at a producer_consumer for demand from its consumers.
  struct waiting_events {
    event_list events;
    message tag;
    message party; // kept for when the subscription has ended
  };
  struct waiting_info {
    message what;
  };
  struct waiting_cancel {
    cancel_mode mode;
    bool down;
    message reason;
    message party;
    std::optional<std::size_t> wanted;
  };
  using waiting = std::variant<waiting_events, waiting_info, waiting_cancel>;
  struct batch {
    event_list events;
    std::uint64_t ask;
  };
  struct wanted_state {
    base::nanos delay = 0;
    bool scheduled = false;
  };
  using tags = std::map<std::string, subscriber_id, std::less<>>;

  // producer_side.cpp
  outcome producers_message(const message& m, const stage_message& what);
  outcome take_subscribe(const message& m, const stage_message& what);
  outcome take_ask(const stage_message& what);
  outcome end_consumer(subscriber_id who, bool down, const message& reason);
  // Returns the consumer's party. Empty: there is no such consumer.
  std::optional<message> remove_consumer(subscriber_id who, const message& reason);
  void take_overload(const stage_overload& what);
  // Ends overloaded subscriptions; the author is told in a later turn. Returns whether there were any. Must
  // not be called while a dispatcher decides.
  bool end_overloaded();
  outcome demand_changed();
  // Returns the demand that is not owed yet, and adds it to owed_.
  std::uint64_t claim_missing();
  outcome ask_or_accumulate(std::uint64_t count);
  outcome ask_producer(std::uint64_t count);
  void ask_later(std::uint64_t count);
  // Sends buffered events for which there is demand. Returns how many left; 0 while demand accumulates.
  std::uint64_t serve_from_buffer();
  void dispatch(event_list events);
  void store(event_list events);
  outcome forward_demand();
  void accumulate(event_list events);
  void keep_or_inform(message m);
  void refuse(const runtime::pid& whom, etf::bytes tag, const message& reason);
  // Makes {'$gen_consumer', {Self, Tag}, {cancel, Reason}}.
  message cancel_message(etf::bytes tag, const message& reason);
  std::optional<subscriber_id> find_consumer(etf::bytes tag) const;

  void deliver(subscriber_id to, event_list events) override;
  void inform(message m) override;
  choice choose(const message& event, std::uint64_t& index) override;
  void discarded(std::uint64_t count, std::string_view why) override;
  void warn_of_demand(std::uint64_t asked, std::uint64_t expected) override;

  // consumer_side.cpp
  outcome consumers_message(const message& m, const stage_message& what);
  outcome take_events(const message& m, const stage_message& what);
  std::vector<batch> batches_of(producer& from, event_list events);
  outcome handle(std::vector<batch> batches, const message& party, const runtime::destination& to);
  outcome handle_queued();
  outcome subscribe(etf::bytes current, etf::bytes to, etf::bytes options, message& reply,
                    std::optional<std::size_t> wanted);
  outcome end_producer(std::string_view tag, bool down, message reason);
  outcome give_up(producer& on, std::string_view why);
  outcome ended_producer(const waiting_cancel& what);
  void ask_for(const runtime::destination& to, etf::bytes tag, std::uint64_t count);
  void send_producer(const runtime::destination& to, etf::bytes tag, etf::bytes what);
  void again(std::size_t which);

  stage_role role_;
  stage_options options_;
  runtime::pid self_;
  runtime::node_names& names_;
  stage_port& port_;
  stage_counters counters_{};

  // State of the producer's side.
  std::unique_ptr<dispatcher> dispatcher_;
  stage_buffer buffer_;
  std::map<subscriber_id, consumer> consumers_;
  tags consumer_tags_;
  tags consumer_monitors_;
  subscriber_id last_consumer_ = 0;
  std::vector<stage_overload> overloaded_; // subscriptions to be ended
  std::vector<ended_consumer> ended_;      // subscriptions whose end the author has to be told of
  bool accumulating_ = false;
  held_back held_back_;    // while accumulating_
  std::uint64_t owed_ = 0; // events asked of the producer, or of the producers above, and not emitted yet
  std::uint64_t owed_demand_ = 0; // part of owed_ that the producer was not asked for yet

  // State of the consumer's side.
  std::map<std::string, producer, std::less<>> producers_; // by tag
  std::deque<waiting> queue_;                              // of a producer_consumer
  std::vector<wanted_state> wanted_;
  bool subscribing_ = false; // messages sent now may open a connection
};

} // namespace coppice::behaviours
