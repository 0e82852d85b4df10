// SPDX-License-Identifier: MIT
// See pool_workers.hpp.
// rooms: node
#include "pool_workers.hpp"

#include <fmt/format.h>

#include <coppice/etf/cursor.hpp>
#include <coppice/etf/text.hpp>
#include <map>
#include <string>
#include <utility>

#include "../machine/story.hpp"
#include "behaviours/gen/native_server.hpp"
#include "behaviours/supervision/supervisor.hpp"
#include "calls.hpp"
#include "ledger.hpp"
#include "pool_log.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/system.hpp"

namespace coppice::simulated {
namespace {

using behaviours::native_server;
using runtime::message;
using runtime::message_writer;
using runtime::process;

message tuple_of(std::string_view tag, std::uint64_t number) {
  message_writer out;
  out.tuple(2);
  out.atom(tag);
  out.unsigned_integer(number);
  return out.take();
}

// The choices of a type of workers.
class policies final : public behaviours::pool_policies {
 public:
  std::uint64_t code_version() const override { return 1; }
  std::unique_ptr<behaviours::pool_policy> policy_of(const std::string& actor) override {
    for (const pool_plan& plan : the_pool_log().plans)
      if (plan.name == actor && plan.decides) return std::make_unique<policy>();
    return nullptr;
  }

 private:
  struct policy final : behaviours::pool_policy {
    const coppice_pool& callbacks() const override {
      static constexpr coppice_pool all{sizeof(coppice_pool), 0, &choose, &on_overload};
      return all;
    }
    base::heap::owner charged() const override { return base::heap::daemon; }
  };
  static std::int32_t choose(const coppice_pool_request* what, std::uint32_t* worker) {
    if (one_in(3)) return COPPICE_OK;
    if (one_in(10)) return one_in(2) ? COPPICE_E_EXCEPTION : (*worker = what->workers, COPPICE_OK);
    const auto work = read_work({what->content.data, static_cast<std::size_t>(what->content.size)});
    *worker = static_cast<std::uint32_t>(draw_below(what->workers));
    if (work) the_pool_log().was_chosen(work->number, *worker);
    return COPPICE_OK;
  }
  static std::int32_t on_overload(const coppice_pool_request* what) {
    if (what->kind != COPPICE_POOL_CALL || one_in(2)) return COPPICE_E_EXCEPTION;
    const message busy = runtime::error_message(message::atom("busy"));
    return what->answer(what, {busy.bytes().data(), busy.size()});
  }
};

class worker final : public native_server {
 public:
  worker(hall& in, std::size_t place, std::uint32_t index)
      : native_server("worker"), in_(in), place_(place), index_(index) {}

 private:
  runtime::outcome on_start(process& self) override {
    const bool fails = in_.complete && plan().crashes && !the_ledger().quiet;
    if (fails && one_in(8)) return runtime::stop(message::atom("no"));
    in_.begun[place_].push_back({self.self(), self.parent()});
    if (fails && one_in(8)) ask_load(self);
    return runtime::carry_on();
  }
  call_answer handle_call(process& self, const message& from, const message& request) override {
    const auto work = take(self, request);
    if (++held_ > plan().most_in_flight)
      the_ledger().broken(fmt::format("a worker holds no more than in_flight: {} of {} holds {}", number_,
                                      plan().name, held_));
    if (crashes()) return {std::nullopt, runtime::stop(message::atom("spent"))};
    if (one_in(3)) {
      late_[work.number] = from.compact();
      const nanos longest = the_ledger().quiet ? 300 * millisecond : 3 * second;
      self.remind(self.now() + draw_between(0, one_in(6) ? longest : 50 * millisecond),
                  tuple_of("late", work.number));
      return no_reply();
    }
    if (one_in(8)) ask_load(self);
    --held_;
    if (crashes()) return reply_and_stop(tuple_of("done", work.number), message::atom("spent"));
    return reply(tuple_of("done", work.number));
  }
  runtime::outcome handle_cast(process& self, const message& request) override {
    (void)take(self, request);
    if (one_in(12)) ask_load(self);
    return crashes() ? runtime::stop(message::atom("spent")) : runtime::carry_on();
  }
  runtime::outcome handle_info(process& self, const message& m) override {
    etf::cursor in(m.bytes());
    std::uint64_t number = 0;
    if (!in.read_tuple_of(2) || !in.read_atom_is("late") || !in.read_unsigned(number))
      return handle_cast(self, m);
    const auto found = late_.find(number);
    behaviours::gen::reply(self, found->second, tuple_of("done", number));
    late_.erase(found);
    --held_;
    return runtime::carry_on();
  }
  pool_work take(process& self, const message& request) {
    the_pool_log().came(self, self.self(), number_, index_, request.bytes());
    if (one_in(4)) let_pass(draw_between(0, 100 * microsecond));
    return *read_work(request.bytes());
  }
  void ask_load(process& self) const {
    (void)call_of(
        self, in_.of, in_.host, "load",
        fmt::format("{{call,{},{}}}", the_ledger().next(), draw_below(the_ledger().quiet ? 50 : 400)),
        second);
  }
  bool crashes() const { return plan().crashes && !the_ledger().quiet && one_in(25); }
  const pool_plan& plan() const { return the_pool_log().plans[place_]; }

  hall& in_;
  std::size_t place_;
  std::uint32_t index_;
  std::uint64_t number_ = the_ledger().next();
  std::uint32_t held_ = 0; // calls
  std::map<std::uint64_t, message> late_;
};

// Answers the workers that are relays.
class desk final : public native_server {
 public:
  explicit desk(hall& in) : native_server("desk"), in_(in) {}

 private:
  call_answer handle_call(process& self, const message& from, const message& request) override {
    etf::cursor in(from.bytes());
    const auto who = in.read_tuple_of(2) ? runtime::read_pid(in, self.host().nodes()) : std::nullopt;
    const auto work = read_work(request.bytes());
    if (!who || !work) the_ledger().broken("what is sent arrives as it was: " + etf::print(request.bytes()));
    const auto [known, is_new] = workers_.try_emplace(to_text(*who, self.host().nodes()), 0);
    if (is_new) known->second = the_ledger().next();
    if (is_new) in_.begun[relayed].push_back({*who, {}});
    the_pool_log().came(self, *who, known->second, std::nullopt, request.bytes());
    if (one_in(2)) return reply(tuple_of("done", work->number));
    const std::uint64_t place = the_ledger().next(); // not the request's: one that is tried again comes twice
    late_[place] = {work->number, from.compact()};
    self.remind(self.now() + draw_between(0, one_in(6) ? 2 * second : 50 * millisecond),
                tuple_of("late", place));
    return no_reply();
  }
  runtime::outcome handle_info(process& self, const message& m) override {
    etf::cursor in(m.bytes());
    std::uint64_t number = 0;
    if (!in.read_tuple_of(2) || !in.read_atom_is("late") || !in.read_unsigned(number))
      the_ledger().broken("what is sent arrives as it was: " + etf::print(m.bytes()));
    const auto found = late_.find(number);
    behaviours::gen::reply(self, found->second.second, tuple_of("done", found->second.first));
    late_.erase(found);
    return runtime::carry_on();
  }

  hall& in_;
  std::map<std::string, std::uint64_t> workers_;
  std::map<std::uint64_t, std::pair<std::uint64_t, message>> late_; // numbers and callers
};

} // namespace

base::result<std::unique_ptr<runtime::behaviour>> hall::make(const runtime::actor_spec& spec) {
  const std::size_t place = spec.actor == the_pool_log().plans[0].name ? 0 : 1;
  const std::string number = spec.label.substr(spec.label.rfind('/') + 1);
  return std::make_unique<worker>(*this, place, static_cast<std::uint32_t>(std::stoul(number) - 1));
}

void add_hall(cluster& to, hall& with) {
  static auto* const decides = new policies; // NOLINT: lives as long as the process
  add_process(to, with.host, "desk", std::make_unique<desk>(with));
  auto whole = std::make_shared<behaviours::supervisor_spec>();
  whole->name = hall_name;
  whole->intensity = 1'000'000;
  for (std::size_t place = 0; place < relayed; ++place) {
    const pool_plan& plan = the_pool_log().plans[place];
    whole->children.push_back(child_of(plan, plan.options, plan.size));
  }
  auto shared =
      std::make_shared<behaviours::supervision>(behaviours::supervision{&with, &with.tree, &with.orders, {}});
  shared->resources.give<behaviours::pool_policies>(*decides);
  add_process(
      to, with.host, std::string(hall_name),
      std::make_unique<behaviours::supervisor>(std::move(whole), std::move(shared), std::string(hall_name)));
}

} // namespace coppice::simulated
