// SPDX-License-Identifier: MIT
// A process goes through the states and starts an actor for each, as a supervisor would. The actor ends as
// soon as it has its state, before its after_restore runs.
#include "isolation/restore_run.hpp"

#include <fmt/format.h>
#include <future>
#include <memory>
#include <utility>

#include "behaviours/gen/gen.hpp"
#include "host/actors/hosted_behaviours.hpp"
#include "runtime/messages/shown.hpp"
#include "runtime/system.hpp"

namespace coppice::isolation {
namespace {

using runtime::message;

// The reason of a failed restore is a binary with a sentence.
std::string sentence_of(const message& reason) {
  etf::bytes sentence;
  if (etf::cursor(reason.bytes()).read_binary(sentence)) return {sentence.begin(), sentence.end()};
  return runtime::shown(reason);
}

class driver final : public runtime::behaviour {
 public:
  driver(loader::image& image, const std::vector<loader::trial_state>& states,
         std::promise<base::status> done)
      : image_(image), states_(states), done_(std::move(done)) {}

  runtime::outcome init(runtime::process& self) override {
    base::status outcome;
    for (const auto& one : states_) {
      outcome = restore(self, one);
      if (!outcome) break;
    }
    done_.set_value(std::move(outcome));
    return runtime::ignore();
  }
  runtime::outcome receive(runtime::process&, message) override { return runtime::carry_on(); }
  void describe(runtime::description& out) const override { out.behaviour = "trial"; }

 private:
  base::status restore(runtime::process& self, const loader::trial_state& from) {
    const auto refuse = [&from](std::string why) {
      return base::fail(base::errc::refused, fmt::format("{}: {}", from.label, why));
    };
    host::actor_plan plan;
    plan.code = image_.find(from.actor);
    if (plan.code == nullptr) return refuse(fmt::format("there is no actor type {} any more", from.actor));
    plan.image = host::image_pin(image_);
    plan.only_tried = true;
    plan.args = from.origin.args;
    plan.env = from.origin.env;
    plan.saved = std::make_unique<host::saved_state>(from.saved);
    using kind = behaviours::gen::start_error::kind;
    const auto ended = behaviours::gen::start(self, {}, host::make_actor(std::move(plan)));
    if (ended) return refuse("it does not end");
    if (ended.error().what == kind::ignored) return {};
    if (ended.error().what == kind::spawn) return refuse(ended.error().error.text);
    return refuse(ended.error().reason ? sentence_of(ended.error().reason) : "it ended");
  }

  loader::image& image_;
  const std::vector<loader::trial_state>& states_;
  std::promise<base::status> done_;
};

} // namespace

base::status restore_all(loader::image& image, const std::vector<loader::trial_state>& states) {
  runtime::system_options options;
  options.workers = 1;
  options.blocking_threads = 1;
  options.processes = 1000;
  runtime::system system(options);
  if (auto started = system.start(); !started) return started;
  std::promise<base::status> done;
  auto outcome = done.get_future();
  auto spawned = system.spawn({}, std::make_unique<driver>(image, states, std::move(done)));
  if (!spawned) return unexpected(spawned.error());
  const base::status result = outcome.get();
  system.stop();
  return result;
}

} // namespace coppice::isolation
