// SPDX-License-Identifier: MIT
// What a stage under test gives the node's engine in place of a process: its callbacks, a queue of what is to
// come, and peers that the test plays. In the test's thread.
#pragma once

#include <coppice/testing/stage_engine.hpp>

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "behaviours/stage/engine.hpp"

namespace coppice::testing::detail {

class staged_port final : private behaviours::stage_port {
 public:
  using outcome = runtime::outcome;
  using message = runtime::message;
  using step = std::function<std::optional<outcome>(behaviours::stage_engine&)>;

  explicit staged_port(world& of);

  bool consumes() const { return role_ != behaviours::stage_role::producer; }
  bool produces() const { return role_ != behaviours::stage_role::consumer; }
  bool has_engine() const { return engine_ != nullptr; }
  // Made by its first use, after which it cannot be configured any more.
  behaviours::stage_engine& made();
  std::optional<std::string> configure(const value& options, bool in_init);

  // Runs in a turn of the stage, after those that were added before.
  void add(step what);
  // As add(): a message of a peer, or of the stage to itself. Other messages than the protocol's go to the
  // actor.
  void add_message(message m);
  void add_cast(message request);
  std::optional<engine::call> next();
  nanoseconds due() const;
  void carried_to(world* next);

  // The monitor by which the engine knows that the other side has ended.
  value monitor_of(const staged_link& one) const;

  world* owner() const { return world_; } // null: between two generations
  std::vector<shared_link> links;

 private:
  struct later {
    nanoseconds due{};
    std::size_t which = 0;
  };

  outcome handle_demand(std::uint64_t count) override;
  outcome handle_events(const message& events, const message& from) override;
  outcome handle_subscribe(peer what, const message& options, const message& from, bool& manual) override;
  outcome handle_cancel(bool down, const message& reason, const message& from) override;
  behaviours::dispatcher::outlet::choice choose(const message& event, std::uint64_t& partition) override;
  bool format_discarded(std::uint64_t count) override;

  void send(const runtime::destination& to, message m, bool connects) override;
  std::vector<behaviours::stage_overload> send_events(const runtime::pid& to, behaviours::subscriber_id of,
                                                      std::uint64_t events, message m,
                                                      std::uint64_t most) override;
  std::uint64_t backlog(const runtime::pid&, behaviours::subscriber_id) const override { return 0; }
  void send_self(message m) override;
  message monitor(const runtime::destination& to) override;
  void demonitor(const message& reference) override;
  message make_reference() override;
  std::optional<runtime::destination> find(etf::bytes name) override;
  void go_on_later() override;
  void subscribe_later(std::size_t which, base::nanos delay) override;
  bool may_be_from(const runtime::pid&) const override { return true; }
  void tell(level how, std::string text) override;
  base::nanos now() override;

  using callback = std::function<std::int32_t(coppice_actor* self, void* state)>;
  // The outcome of a callback, which has run by now.
  outcome after(const char* name, const callback& make);
  // Runs choose or format_discarded and returns its status, as host::stage does. A failure is logged, with
  // `then` behind it. Both may run inside of another callback; the error that the outer one has set stays.
  std::int32_t decide(const char* name, std::string_view then, const callback& make);
  // The status that ends an engine's turn.
  std::int32_t status_of(const std::optional<outcome>& what);
  shared_link open_link(bool of_consumer, etf::bytes tag) const;
  void subscribes(const runtime::destination& to, etf::bytes tag, etf::bytes instead_of, etf::bytes options);
  // The producer confirms, as GenStage's do.
  void cancels(staged_link& producer, const value& reason);

  world* world_;
  const behaviours::stage_role role_;
  coppice_stage on_{};
  std::vector<value> said_; // options from init, in order
  behaviours::stage_options options_;
  runtime::node_names names_;
  std::unique_ptr<behaviours::stage_engine> engine_;
  std::deque<step> steps_;
  std::vector<later> later_;
  std::vector<std::pair<runtime::destination, value>> found_; // destinations by the terms that name them
  std::vector<std::pair<value, shared_link>> monitors_;       // of consumers
};

// {'$gen_producer', {Pid, Tag}, What} or {'$gen_consumer', {Pid, Tag}, What}
runtime::message stage_message(std::string_view to, const staged_link& from, const value& what);

} // namespace coppice::testing::detail
