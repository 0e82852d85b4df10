// SPDX-License-Identifier: MIT
// See restore_run.hpp. A process goes from state to state and starts an actor for each, as a supervisor
// would; the actor is killed as soon as it is there.
#include "isolation/restore_run.hpp"

#include <fmt/format.h>
#include <coppice/etf/text.hpp>
#include <future>
#include <list>
#include <memory>
#include <utility>

#include "behaviours/gen.hpp"
#include "host/server.hpp"
#include "loader/descriptor.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/system.hpp"

namespace coppice::isolation {
namespace {

using runtime::message;

// A restore's reason is its sentence.
std::string sentence_of(const message& reason) {
  etf::bytes sentence;
  if (etf::cursor(reason.bytes()).read_binary(sentence)) return {sentence.begin(), sentence.end()};
  return etf::print(reason.bytes());
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
    host::server_plan plan;
    plan.type = loader::find_actor(image_.descriptor(), from.actor);
    if (plan.type == nullptr) return refuse(fmt::format("there is no actor type {} any more", from.actor));
    plan.image = host::image_pin(image_);
    plan.is = &known_.emplace_back(host::actor_identity{image_.id(), from.actor});
    plan.spec.args = from.origin.args;
    plan.spec.env = from.origin.env;
    plan.saved = std::make_unique<host::saved_state>(from.saved);
    const auto started = behaviours::gen::start(self, {}, std::make_unique<host::server>(std::move(plan)));
    if (started) return self.exit(*started, runtime::reasons::kill()), base::status();
    const behaviours::gen::start_error& error = started.error();
    if (error.what == behaviours::gen::start_error::kind::spawn) return refuse(error.error.text);
    return refuse(error.reason ? sentence_of(error.reason) : "it ended");
  }

  loader::image& image_;
  const std::vector<loader::trial_state>& states_;
  std::promise<base::status> done_;
  std::list<host::actor_identity> known_; // of the actors
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
  if (!spawned) return tl::unexpected(spawned.error());
  const base::status result = outcome.get();
  system.stop();
  return result;
}

} // namespace coppice::isolation
