// SPDX-License-Identifier: MIT
// A plugin's router: the callbacks of "coppice.router/draft-1" say where what comes goes, and the engine
// takes it there. A call goes as a request of the router's own, so that its answer, and the end of who has
// it, come back here; casts and messages go on as they came. What the callbacks say to
// "coppice.router_host/draft-1" is a routing_decision; see router_host.cpp. In the process's own turn.
#pragma once

#include <coppice/router.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host/actors/server.hpp"
#include "runtime/structures/flat_table.hpp"

namespace coppice::host {

struct router_code final : server_code {
  explicit router_code(const coppice_actor_type& type);
  const coppice_router routing;
};

// A route of the configuration, and what has gone there.
struct route {
  std::string name;
  runtime::destination to;
  std::uint64_t passed = 0; // messages
  std::uint64_t failed = 0;
};

// What the callback that runs has said last.
struct routing_decision {
  enum class kind : std::uint8_t { none, route, elsewhere, discard };
  const std::vector<std::shared_ptr<route>>* routes = nullptr;
  kind what = kind::none;
  std::shared_ptr<route> chosen;  // route: of routes
  runtime::destination elsewhere; // elsewhere
};

class router final : public server {
 public:
  using code_type = router_code;

  explicit router(actor_plan&& plan);
  ~router() override;

  runtime::outcome init(runtime::process& self) override;
  // With its From, by which it is answered.
  runtime::outcome receive_call(runtime::process& self, const runtime::call_id& asking,
                                runtime::message request) override {
    return behaviour::receive_call(self, asking, std::move(request));
  }

 private:
  enum class on_failed : std::uint8_t { reply, drop, callback };
  static constexpr std::uint8_t most_tries = 8;

  // One that goes its way.
  struct passing {
    std::uint32_t kind = COPPICE_ROUTED_INFO;
    runtime::message whole{};    // as it came; of a call none
    runtime::message content{};  // the request; the whole of an info
    runtime::message from{};     // of a call
    std::shared_ptr<route> by{}; // null: `to` was called
    std::uint8_t tries = 0;
  };

  runtime::outcome take_call(runtime::process& self, const runtime::message& whole, etf::bytes from,
                             etf::bytes request) override;
  runtime::outcome take_cast(runtime::process& self, const runtime::message& whole,
                             etf::bytes request) override;
  runtime::outcome take_info(runtime::process& self, const runtime::message& m) override;
  // Calls that wait do so by the options that they began with.
  runtime::outcome take_options(runtime::process& self, const runtime::message& from,
                                runtime::message options) override;
  runtime::message engine_for_people(runtime::process& self) override;

  // What the configuration says.
  struct settings {
    on_failed failed = on_failed::reply;
    base::nanos timeout = base::nanos_per_second * 60; // of a call; runtime::no_deadline: none
    std::uint64_t most_pending = 100'000;
  };
  // Takes on `options`, which a route of the same name goes on counting by. False: they cannot be read, and
  // nothing is changed.
  bool adopt(const runtime::message& options, runtime::node_names& names);

  // Where `one` goes, as a callback of the table says, which may end the actor.
  using callback = std::int32_t (*)(coppice_actor* self, void* state, const coppice_routed* what);
  runtime::outcome ask(callback asked, const char* name, const passing& one, routing_decision& out,
                       etf::bytes reason = {});
  // There, or to failed() if that cannot be.
  runtime::outcome pass(runtime::process& self, passing one, const routing_decision& where);
  // Why it cannot be sent; none: it was.
  runtime::message send(runtime::process& self, passing& one, const runtime::destination& to);
  runtime::outcome answered(runtime::process& self, passing one, const response& ended);
  runtime::outcome fail(runtime::process& self, passing one, const runtime::message& reason);
  void refuse(runtime::process& self, const passing& one, const runtime::message& reason);
  std::string_view name_of(const passing& one) const;
  // Beside the router's own count: of its type's.
  void count(std::uint64_t& of, metrics::counter router_totals::*all);

  const coppice_router& routing() const { return static_cast<const router_code&>(running()).routing; }

  runtime::message options_; // until init
  settings settings_;
  std::vector<std::shared_ptr<route>> routes_; // one that is no more lasts as long as calls that went there
  runtime::flat_table<std::uint64_t, passing, runtime::number_hash> pending_; // calls, by the request's id
  std::uint64_t elsewhere_ = 0;                                               // sent by `to`
  std::uint64_t own_ = 0;
  std::uint64_t discarded_ = 0;
  std::uint64_t failed_ = 0;
};

} // namespace coppice::host
