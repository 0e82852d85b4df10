// SPDX-License-Identifier: MIT
// Our engine in the place of a recorded stage: its callbacks return what the recorded callbacks returned,
// and everything it does is noted in the form of a recording.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "behaviours/stage/engine.hpp"
#include "recording.hpp"

namespace coppice::test {

// The partition that an author's `choose` returns for an event. Empty: none.
using chooser = std::optional<std::uint64_t> (*)(std::int64_t event);

class replayed_stage final : private behaviours::stage_port {
 public:
  // `callbacks`: the recorded callbacks, in order.
  replayed_stage(recorded_names& names, runtime::node_names& nodes, std::string name,
                 std::deque<recorded_line> callbacks, chooser routes);

  // `role_and_options`: {Role, Options}. False: the options are refused.
  bool start(const runtime::message& role_and_options);
  bool lives() const { return engine_ != nullptr; }

  void receive(const runtime::message& m);
  // Tells the engine {'DOWN', Ref, process, Pid, Reason}. `name`: the recording's name of the reference;
  // `whom`: the pid.
  void down(const std::string& name, const std::string& whom, const std::string& text);

  // Actions that the test has not taken yet: "out {…}", "reply {…}", "callback {…}", "between {…}", "exit
  // R".
  std::deque<std::string> done{};

 private:
  runtime::outcome handle_demand(std::uint64_t count) override;
  runtime::outcome handle_events(const runtime::message& events, const runtime::message& from) override;
  runtime::outcome handle_subscribe(peer what, const runtime::message& options, const runtime::message& from,
                                    bool& manual) override;
  runtime::outcome handle_cancel(bool down, const runtime::message& reason,
                                 const runtime::message& from) override;
  behaviours::dispatcher::outlet::choice choose(const runtime::message& event,
                                                std::uint64_t& partition) override;
  bool format_discarded(std::uint64_t count) override;
  void send(const runtime::destination& to, runtime::message m, bool connects) override;
  std::vector<behaviours::stage_overload> send_events(const runtime::pid& to, behaviours::subscriber_id of,
                                                      std::uint64_t events, runtime::message m,
                                                      std::uint64_t most) override;
  std::uint64_t backlog(const runtime::pid&, behaviours::subscriber_id) const override { return 0; }
  void send_self(runtime::message m) override;
  runtime::message monitor(const runtime::destination& to) override;
  void demonitor(const runtime::message& reference) override;
  runtime::message make_reference() override;
  std::optional<runtime::destination> find(etf::bytes name) override;
  void go_on_later() override { later_ = true; }
  void subscribe_later(std::size_t, base::nanos) override {}
  bool may_be_from(const runtime::pid&) const override { return true; }
  void tell(level, std::string) override {}
  base::nanos now() override { return 1; }

  void take(const runtime::message& m);
  void run(); // handles all messages that it has sent to itself
  void take_call(etf::bytes from, etf::bytes request);
  // What the recorded callback returned, as Erlang text.
  std::string answer(const std::string& called);
  runtime::outcome follow(const std::string& called);
  void end(const runtime::outcome& what);

  recorded_names& names_;
  runtime::node_names& nodes_;
  std::string name_;
  std::deque<recorded_line> callbacks_;
  chooser routes_; // null: by the hash
  std::unique_ptr<behaviours::stage_engine> engine_;
  std::deque<runtime::message> to_self_;
  std::vector<std::pair<runtime::message, std::string>> monitors_; // each with the process that it monitors
  bool later_ = false;
};

} // namespace coppice::test
