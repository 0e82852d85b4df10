// SPDX-License-Identifier: MIT
// rooms: node
// The engine's half of the kind: its process, its counter and its report, and the kind's object.
#include <any>
#include <memory>
#include <utility>

#include "behaviours/gen/native_server.hpp"
#include "behaviours/supervision/order.hpp"
#include "behaviours/supervision/patience.hpp"
#include "behaviours/supervision/supervision.hpp"
#include "metrics/board.hpp"
#include "node/assembly/child_assembly.hpp"
#include "own_kind/tally.hpp"
#include "runtime/messages/exit_reason.hpp"

namespace coppice::behaviours {
namespace {

struct tally_counters final : metrics::counters {
  metrics::counter added{*this, "tally_added", "Calls that have added to a tally"};
};

class tally final : public native_server {
 public:
  tally(const spec::tally_options& options, std::shared_ptr<const supervision> shared, std::string label)
      : native_server("tally"),
        options_(options),
        shared_(std::move(shared)),
        label_(std::move(label)),
        total_(options.from) {}

 protected:
  runtime::outcome on_start(runtime::process&) override {
    if (auto* const board = shared_->resources.find<metrics::board>())
      on_board_ = board->enter({{"tally", label_}}, counters_);
    return runtime::carry_on();
  }
  call_answer handle_call(runtime::process& self, const runtime::message&,
                          const runtime::message& request) override {
    if (!runtime::is_atom(request, "add")) return reply(take_on(self, request));
    total_ += options_.step;
    counters_->added.add_alone();
    runtime::message_writer out;
    out.unsigned_integer(total_);
    return reply(out.take());
  }
  runtime::message engine_for_people(runtime::process&) override {
    runtime::message_writer out;
    out.map(2);
    out.atom("step");
    out.unsigned_integer(options_.step);
    out.atom("total");
    out.unsigned_integer(total_);
    return out.take();
  }

 private:
  runtime::message take_on(runtime::process& self, const runtime::message& request) {
    const std::any ordered = self.origin().here() ? shared_->orders->take(request.bytes()) : std::any();
    const auto* const next = std::any_cast<spec::tally_options>(&ordered);
    if (next == nullptr) return runtime::error_message(runtime::message::atom("bad_request"));
    options_.step = next->step;
    return runtime::message::atom("ok");
  }

  spec::tally_options options_;
  const std::shared_ptr<const supervision> shared_;
  const std::string label_;
  std::uint64_t total_;
  const std::shared_ptr<tally_counters> counters_ = std::make_shared<tally_counters>();
  metrics::board::entry on_board_;
};

class tally_kind final : public child_kind {
 public:
  explicit tally_kind(const spec::tally_options& options) : options_(options) {}

  std::string_view name() const override { return "tally"; }
  std::string_view behaviour() const override { return "tally"; }
  base::result<std::unique_ptr<runtime::behaviour>> make(const child_start& of) const override {
    return std::make_unique<tally>(options_, of.shared, of.label);
  }
  std::optional<engine_order> order_for(const std::shared_ptr<const child_spec>&) const override {
    return engine_order{options_, default_start_patience};
  }
  std::vector<actor_use> actors(const child_spec&) const override { return {}; }

 private:
  const spec::tally_options options_;
};

} // namespace
} // namespace coppice::behaviours

namespace coppice::node {

namespace {

void give_tally(const spec::child_spec& from, behaviours::child_spec& out) {
  if (const auto* const tally = from.find<spec::tally_options>())
    out.kind = std::make_shared<const behaviours::tally_kind>(*tally);
}

} // namespace

child_assembly tally_assembly() {
  return {&give_tally};
}

} // namespace coppice::node
