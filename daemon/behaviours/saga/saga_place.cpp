// SPDX-License-Identifier: MIT
// See saga_place.hpp.
#include "behaviours/saga/saga_place.hpp"

#include <fmt/format.h>

#include <functional>
#include <utility>

#include "behaviours/gen/gen.hpp"
#include "behaviours/gen/shown_state.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "tree/saga.hpp"

namespace coppice::behaviours {

using runtime::message;
using runtime::outcome;
using runtime::process;

namespace {

constexpr std::string_view free_tag = "$coppice_saga_free";
constexpr std::string_view over_word = "$coppice_saga_over"; // a notice to the helper of a saga_stay

// Ends when it is told to.
class waiting_helper final : public runtime::behaviour {
 public:
  outcome init(process&) override { return runtime::carry_on(); }
  outcome receive(process& self, message m) override {
    if (self.origin().notice && runtime::is_atom(m, over_word))
      return runtime::stop(runtime::reasons::normal());
    if (const gen::request asked = gen::parse(m);
        asked.what == gen::request::kind::system && asks_shown_state(self, asked))
      tell_shown_state(
          self, asked, [] { return message(); }, "saga_place", [] { return message(); });
    return runtime::carry_on();
  }
  void describe(runtime::description& out) const override { out.behaviour = "saga_place"; }
};

} // namespace

// With the prefix a longer name would not fit into the name of a process, so its hash stands for it.
std::string place_of_saga(std::string_view saga) {
  if (saga.size() <= tree::longest_name_with_workers) return fmt::format("$coppice_saga/{}", saga);
  return fmt::format("$coppice_saga#{:016x}", std::hash<std::string_view>()(saga));
}

base::result<runtime::pid> take_place(process& self, runtime::spawn_options how,
                                      std::unique_ptr<runtime::behaviour> helper) {
  const std::string name = place_of_saga(self.name());
  how.name = name;
  auto made = self.spawn(std::move(how), std::move(helper));
  if (made || made.error().code != base::errc::exists) return made;
  runtime::monitor_options watch;
  watch.tag = message::atom(free_tag);
  self.monitor(runtime::destination::named(name), std::move(watch));
  return runtime::pid();
}

bool says_free(const process& self, const message& m) {
  etf::cursor at(m.bytes());
  return self.origin().notice && at.read_tuple_of(5) && at.read_atom_is(free_tag);
}

void saga_stay::leave() {
  if (helper_) system_.notify(std::exchange(helper_, {}), message::atom(over_word));
}

base::status saga_stay::begin() {
  runtime::spawn_options how;
  how.label = place_of_saga(self_.name());
  auto made = take_place(self_, std::move(how), std::make_unique<waiting_helper>());
  if (!made) return unexpected(std::move(made.error()).context("the place of the saga"));
  helper_ = *made;
  if (!helper_) return {};
  // If the helper is killed, the place is free, and the next process would take it beside this process's
  // callback.
  runtime::monitor_options watch;
  watch.tag = message::atom(free_tag);
  self_.monitor(runtime::destination(helper_), std::move(watch));
  return {};
}

std::optional<base::status> saga_stay::take_info(const message& m) {
  if (!says_free(self_, m)) return std::nullopt;
  helper_ = {};
  return begin();
}

} // namespace coppice::behaviours
