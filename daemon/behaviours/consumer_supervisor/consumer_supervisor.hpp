// SPDX-License-Identifier: MIT
// GenStage's ConsumerSupervisor: a supervisor that is subscribed to producers and starts a child of its
// template for each event. It first asks every producer for max_demand events. Once min_demand children of a
// producer's events have ended, it asks that producer for as many again. So no more than max_demand of them
// run or wait for a restart. A child that does not start counts as ended. Children outlive the subscription
// of their event. In the process's own turn.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "behaviours/stage/process_port.hpp"
#include "behaviours/supervision/supervisor.hpp"

namespace coppice::behaviours {

class consumer_supervisor final : public supervisor {
 public:
  // `of.supervisor` is set and is a simple_one_for_one. `of.options` are the options of a stage that is a
  // consumer. `label` and `above`: see supervisor.
  consumer_supervisor(std::shared_ptr<const child_spec> of, std::shared_ptr<const supervision> shared,
                      std::string label, unsigned above);
  ~consumer_supervisor() override;

  static constexpr std::string_view shown_as = "consumer_supervisor";
  void describe(runtime::description& out) const override {
    supervisor::describe(out);
    out.behaviour = shown_as;
  }

  // The key of a child's args that has the event.
  static constexpr std::string_view event_key = "event";

 private:
  class port;
  // One producer, by the subscription's tag.
  struct source {
    runtime::message party; // {Pid, Tag}, or {{Name, Node}, Tag}
    std::uint64_t min = 0, max = 0;
    std::uint64_t children = 0; // of its events, and not ended
    std::uint64_t ended = 0;    // children that have ended since it was last asked
  };

  runtime::outcome on_start(runtime::process& self) override;
  call_answer handle_call(runtime::process& self, const runtime::message& from,
                          const runtime::message& request) override;
  runtime::outcome handle_cast(runtime::process& self, const runtime::message& request) override;
  runtime::outcome handle_info(runtime::process& self, const runtime::message& m) override;
  runtime::message engine_for_people(runtime::process& self) override;
  runtime::message args_for(etf::bytes extra) const override;
  void child_left(const child& gone) override;

  // Whether the process whose message is being handled may subscribe it to a producer.
  bool may_subscribe(runtime::process& self) const;
  runtime::message args_of(etf::bytes event) const;
  runtime::message count_children() const;
  void add_source(const runtime::message& options, const runtime::message& party);
  void drop_source(const runtime::message& party);
  runtime::outcome start_children(const runtime::message& events, const runtime::message& party);
  // Asks for as many events as are due.
  void ask(source& of);

  std::shared_ptr<const child_spec> of_;
  runtime::process* self_ = nullptr; // from on_start() on
  std::unique_ptr<port> port_;
  std::unique_ptr<stage_engine> engine_;
  std::map<std::string, source, std::less<>> sources_;        // by tag
  std::unordered_map<const child*, std::string> source_of_{}; // the tag of the child's subscription
};

// The kind of a child that is a consumer supervisor: its specification's `supervisor` is a
// simple_one_for_one and its `options` are a consumer's. Any thread.
std::shared_ptr<const child_kind> consumer_supervisor_kind();

} // namespace coppice::behaviours
