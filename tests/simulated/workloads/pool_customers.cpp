// SPDX-License-Identifier: MIT
// See pool_customers.hpp.
// rooms: node
#include "pool_customers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <coppice/etf/cursor.hpp>
#include <coppice/etf/text.hpp>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "../machine/story.hpp"
#include "base/clock.hpp"
#include "behaviours/gen/native_server.hpp"
#include "calls.hpp"
#include "ledger.hpp"
#include "pool_log.hpp"
#include "runtime/system.hpp"

namespace coppice::simulated {
namespace {

using behaviours::native_server;
using behaviours::pool_overload;
using runtime::message;
using runtime::message_writer;
using runtime::process;

// A call waits for room in a mailbox for up to a second, and requests that wait are looked at now and then.
constexpr nanos slack = 2 * second;

// Calls a pool, and ends without waiting for the answer.
class passer final : public runtime::behaviour {
 public:
  passer(runtime::pid to, std::uint64_t number, message request)
      : to_(to), number_(number), request_(std::move(request)) {}
  runtime::outcome init(process& self) override {
    if (!behaviours::gen::start_call(self, to_, std::move(request_))) the_pool_log().was_not_sent(number_);
    return runtime::ignore();
  }
  runtime::outcome receive(process&, message) override { return runtime::carry_on(); }
  void describe(runtime::description& out) const override { out.behaviour = "passer"; }

 private:
  runtime::pid to_;
  std::uint64_t number_;
  message request_;
};

class customer final : public native_server {
 public:
  customer(const cluster& of, unsigned host, std::uint64_t number)
      : native_server("customer"), of_(of), host_(host), number_(number) {}

 private:
  // A request to be sent.
  struct order {
    std::uint64_t number;
    message request;
  };
  struct target {
    std::size_t place = 0;
    runtime::destination to{};
    pool_life* life = nullptr; // null: on another host
  };

  runtime::outcome on_start(process& self) override {
    go_on(self);
    return runtime::carry_on();
  }
  runtime::outcome handle_info(process& self, const message& m) override {
    if (!etf::cursor(m.bytes()).read_atom_is("go"))
      the_ledger().broken(
          fmt::format("a call ends once: customer {} got {} besides", number_, etf::print(m.bytes())));
    if (the_ledger().quiet) return runtime::carry_on();
    if (auto to = any_pool(self)) act(self, *to);
    go_on(self);
    return runtime::carry_on();
  }
  static void go_on(process& self) {
    const nanos pause =
        one_in(3) ? draw_between(0, 100 * microsecond) : draw_between(millisecond, 200 * millisecond);
    self.remind(self.now() + pause, message::atom("go"));
  }
  // A process of this host is meant by its pid, so that its life is known.
  std::optional<target> any_pool(process& self) const {
    target out;
    out.place = draw_below(pools_of_host);
    const pool_plan& plan = the_pool_log().plans[out.place];
    const unsigned host = one_in(2) ? host_ : 1 + static_cast<unsigned>(draw_below(of_.hosts()));
    if (host == host_) {
      const auto pid = self.host().whereis(plan.name);
      if (!pid) return std::nullopt;
      out.to = *pid;
      out.life = &the_pool_log().life_of(host, out.place, to_text(*pid, self.host().nodes()));
      return out;
    }
    const auto index = self.host().nodes().intern(of_.name(host));
    if (!index || plan.own_callers) return std::nullopt;
    out.to = runtime::destination::remote(plan.name, *index);
    return out;
  }
  order next(const target& to) const { return next(to, number_); }
  static order next(const target& to, std::uint64_t client) {
    pool_work work{draw_below(5), client, 0};
    work.number = the_pool_log().asks(client, to.place, to.life, work.key);
    tell("customer {} sends request {} with key {} to {}", client, work.number, work.key,
         the_pool_log().plans[to.place].name);
    message request = work_message(work);
    if (to.place != relayed) return {work.number, std::move(request)};
    message_writer out;
    out.tuple(3);
    out.atom("relay");
    out.atom("desk");
    out.raw(request.bytes());
    return {work.number, out.take()};
  }
  void act(process& self, const target& to) {
    const std::uint64_t kind = draw_below(to.place == relayed ? 5 : 9);
    if (kind < 3) return call(self, to);
    if (kind == 3) return call_often(self, to);
    if (kind > 4) return send(self, to);
    if (to.life == nullptr) return;
    order one = next(to, the_ledger().next());
    (void)self.spawn({.label = "passer"},
                     std::make_unique<passer>(to.to.process(), one.number, std::move(one.request)));
  }
  void send(process& self, const target& to) const {
    for (std::uint64_t left = 1 + draw_below(one_in(4) ? 30 : 5); left > 0 && !self.exiting(); --left) {
      order one = next(to);
      const auto sent = one_in(4) ? self.send(to.to, std::move(one.request))
                                  : behaviours::gen::cast(self, to.to, std::move(one.request));
      if (sent == runtime::send_status::full) the_pool_log().was_not_sent(one.number);
    }
  }
  static nanos any_timeout() {
    return one_in(4) ? draw_between(0, 50 * millisecond) : draw_between(100 * millisecond, 4 * second);
  }
  void call(process& self, const target& to) const {
    order one = next(to);
    const nanos begun = simulated::now();
    const nanos timeout = any_timeout();
    const base::nanos deadline = base::mono_now() + timeout;
    const auto result = to.life != nullptr && one_in(4)
                            ? behaviours::gen::call_for_client(self, to.to, std::move(one.request), deadline)
                            : behaviours::gen::call(self, to.to, std::move(one.request), deadline);
    if (!self.exiting()) judge(self, to, one.number, begun, timeout, result);
  }
  // Several calls at once.
  void call_often(process& self, const target& to) const {
    const nanos begun = simulated::now();
    const nanos timeout = any_timeout();
    const base::nanos deadline = base::mono_now() + timeout;
    std::vector<std::pair<std::uint64_t, runtime::reference>> open;
    for (std::uint64_t left = 2 + draw_below(10); left > 0 && !self.exiting(); --left) {
      order one = next(to);
      const auto started = behaviours::gen::start_call(self, to.to, std::move(one.request));
      if (started) open.emplace_back(one.number, *started);
      if (!started) the_pool_log().was_not_sent(one.number);
    }
    const nanos spent = simulated::now() - begun; // waits for room
    for (const auto& [number, reference] : open) {
      const auto result = behaviours::gen::finish_call(self, reference, deadline);
      if (self.exiting()) return;
      judge(self, to, number, begun, std::max(timeout, spent), result);
    }
  }

  void judge(process& self, const target& to, std::uint64_t number, nanos begun, nanos timeout,
             const behaviours::gen::call_result& result) const {
    const pool_plan& plan = the_pool_log().plans[to.place];
    the_ledger().call_ended(result.has_value());
    const bool parks = plan.options.on_full == pool_overload::park_sender;
    const bool waits = parks || plan.mailbox != 0; // before the call is sent
    if (simulated::now() - begun > timeout + (waits ? 2 : 1) * second)
      the_ledger().broken(fmt::format("a call ends by its deadline: {} ms after it",
                                      (simulated::now() - begun - timeout) / millisecond));
    if (!result) return judge_error(self, to, number, result.error());
    const std::string answer = etf::print(result->bytes());
    tell("customer {} has the answer of request {}: {}", number_, number, answer);
    if (answer == fmt::format("{{done,{}}}", number)) {
      if (!the_pool_log().has_come(number))
        the_ledger().broken(fmt::format("a worker answers what it has got: {}", number));
      return;
    }
    const bool tells = parks || plan.options.on_full == pool_overload::reply_error;
    if ((answer == "{error,overloaded}" && tells) || (answer == "{error,busy}" && plan.decides))
      return the_pool_log().was_refused(number);
    if (answer == "{error,broadcast}" && plan.broadcasts()) return;
    if (plan.relays && answer.starts_with("{error,")) return;
    the_ledger().broken(fmt::format("an answer is of its call: {} of {} got {}", number, plan.name, answer));
  }
  void judge_error(process& self, const target& to, std::uint64_t number,
                   const behaviours::gen::call_error& error) const {
    using kind = behaviours::gen::call_error::kind;
    const pool_plan& plan = the_pool_log().plans[to.place];
    const std::string reason =
        error.what == kind::exit && error.reason ? etf::print(error.reason.bytes()) : std::string();
    tell("customer {} has no answer of request {}: {} {}", number_, number, static_cast<int>(error.what),
         reason);
    if (reason == "mailbox_full") return the_pool_log().was_not_sent(number);
    if (reason.starts_with("{worker_down") && plan.is_steady())
      the_ledger().broken(
          fmt::format("a worker ends by a fault: request {} of {} got {}", number, plan.name, reason));
    // The caller gets an error for a request that waits for too long, unless the options drop it.
    const bool tells = plan.options.on_full == pool_overload::park_sender ||
                       plan.options.on_full == pool_overload::reply_error;
    const nanos waited = simulated::now() - the_pool_log().asked_at(number) - slack;
    const bool gave_time = plan.options.queue_wait < waited;
    if (error.what == kind::timeout && gave_time && tells && !plan.decides && plan.is_steady() &&
        plan.most_in_flight == 1 && to.life != nullptr && self.host().alive(to.to.process()) &&
        !the_pool_log().has_come(number))
      the_ledger().broken(
          fmt::format("a request that waits for too long is refused: {} of {}", number, plan.name));
  }

  const cluster& of_;
  unsigned host_;
  std::uint64_t number_;
};

} // namespace

void add_customer(cluster& to, unsigned host) {
  const std::uint64_t number = the_ledger().next();
  add_process(to, host, fmt::format("customer_{}", number), std::make_unique<customer>(to, host, number));
}

} // namespace coppice::simulated
