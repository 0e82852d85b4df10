// SPDX-License-Identifier: MIT
// A kind of child that the daemon does not know, written as a developer would add one: the engine, its
// options, the order that it takes while it runs, and the kind's object. The engine adds its step to a total
// whenever it is called with `add`.
#pragma once

#include <any>
#include <atomic>
#include <coppice/etf/cursor.hpp>
#include <memory>
#include <utility>

#include "behaviours/gen/native_server.hpp"
#include "behaviours/supervision/child_kind.hpp"
#include "behaviours/supervision/child_spec.hpp"
#include "behaviours/supervision/order.hpp"
#include "behaviours/supervision/patience.hpp"
#include "behaviours/supervision/supervision.hpp"
#include "runtime/messages/exit_reason.hpp"

namespace coppice::test {

struct tally_spec {
  std::uint64_t step = 1; // 0: a running tally refuses it
};

// The resource of the node that tallies count in.
struct tally_board {
  std::atomic<std::uint64_t> adds{0};
  std::atomic<std::uint64_t> restart_notices{0};
  std::atomic<std::uint64_t> opened{0}; // how often a child's kept value was made
};

class tally final : public behaviours::native_server {
 public:
  static constexpr std::string_view restart_notice = "$tally_restart";

  tally(tally_spec spec, std::shared_ptr<const behaviours::supervision> shared)
      : native_server("tally"),
        spec_(spec),
        shared_(std::move(shared)),
        board_(shared_->resources.find<tally_board>()) {}

 protected:
  runtime::outcome on_start(runtime::process& self) override {
    self.trap_exit(true);
    return runtime::carry_on();
  }
  call_answer handle_call(runtime::process& self, const runtime::message&,
                          const runtime::message& request) override {
    if (runtime::is_atom(request, "crash")) return {{}, runtime::stop(runtime::message::atom("crash"))};
    if (!runtime::is_atom(request, "add")) return reply(adopt(self, request));
    total_ += spec_.step;
    if (board_ != nullptr) ++board_->adds;
    runtime::message_writer out;
    out.unsigned_integer(total_);
    return reply(out.take());
  }
  runtime::outcome handle_info(runtime::process& self, const runtime::message& m) override {
    if (self.origin().notice && runtime::is_atom(m, restart_notice) && board_ != nullptr)
      ++board_->restart_notices;
    return runtime::carry_on();
  }

 private:
  runtime::message adopt(runtime::process& self, const runtime::message& request) {
    const std::any ordered = self.origin().here() ? shared_->orders->take(request.bytes()) : std::any();
    const auto* const next = std::any_cast<tally_spec>(&ordered);
    if (next == nullptr || next->step == 0) return runtime::error_message(runtime::message::atom("bad_step"));
    spec_ = *next;
    return runtime::message::atom("ok");
  }

  tally_spec spec_;
  const std::shared_ptr<const behaviours::supervision> shared_;
  tally_board* const board_; // null: the node gave none
  std::uint64_t total_ = 0;
};

class tally_kind final : public behaviours::child_kind {
 public:
  explicit tally_kind(tally_spec spec) : spec_(spec) {}

  std::string_view name() const override { return "tally"; }
  std::string_view behaviour() const override { return "tally"; }
  base::result<std::unique_ptr<runtime::behaviour>> make(const behaviours::child_start& of) const override {
    auto* const board = of.shared->resources.find<tally_board>();
    if (!of.kept.has_value()) {
      if (board != nullptr) ++board->opened;
      of.kept = std::make_shared<int>(0);
    }
    return std::make_unique<tally>(spec_, of.shared);
  }
  runtime::message restart_notice() const override { return runtime::message::atom(tally::restart_notice); }
  std::optional<behaviours::engine_order> order_for(
      const std::shared_ptr<const behaviours::child_spec>&) const override {
    return behaviours::engine_order{spec_, behaviours::default_start_patience};
  }
  std::vector<behaviours::actor_use> actors(const behaviours::child_spec&) const override { return {}; }

 private:
  const tally_spec spec_;
};

} // namespace coppice::test
