// SPDX-License-Identifier: MIT
// A plugin's router: the callbacks of "coppice.router/draft-2" decide where a message goes, and the engine
// sends it there. A call is forwarded as a request of the router, so that its answer, or the callee's end,
// comes back here; casts and messages are forwarded unchanged. Calls to "coppice.router_host/draft-2" make a
// routing_decision; see interfaces/router.cpp. In the process's own turn.
#pragma once

#include <coppice/draft/router.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host/actors/server.hpp"
#include "host/boundary/router_totals.hpp"
#include "runtime/structures/flat_table.hpp"
#include "tree/router.hpp"

namespace coppice::host {

struct router_code final : server_code {
  explicit router_code(const coppice_actor_type& type);
  const coppice_router routing;
};

// A route of the configuration, and how often it was used.
struct route {
  std::string name;
  runtime::destination to;
  std::uint64_t passed = 0; // messages
  std::uint64_t failed = 0;
};

// The last decision of the running callback.
struct routing_decision {
  enum class kind : std::uint8_t { none, route, elsewhere, discard };
  const std::vector<std::shared_ptr<route>>* routes = nullptr;
  kind what = kind::none;
  std::shared_ptr<route> chosen;  // route: one of routes
  runtime::destination elsewhere; // elsewhere
};

class router final : public server {
 public:
  using code_type = router_code;
  static std::shared_ptr<metrics::counters> make_totals(metrics::board* board, const std::string& type,
                                                        const std::string& behaviour);
  // The functions for its callbacks; see interfaces/router.cpp.
  static const coppice_router_api* host_interface();

  explicit router(actor_plan&& plan);
  ~router() override;

  runtime::outcome init(runtime::process& self) override;
  // The call is taken with its From, for the answer.
  runtime::outcome receive_call(runtime::process& self, const runtime::call_id& asking,
                                runtime::message request) override {
    return behaviour::receive_call(self, asking, std::move(request));
  }

 private:
  static constexpr std::uint8_t most_tries = 8;

  // A message on its way.
  struct passing {
    std::uint32_t kind = COPPICE_ROUTED_INFO;
    runtime::message whole{};    // as it came; none for a call
    runtime::message content{};  // the request; for an info the whole message
    runtime::message from{};     // for a call
    std::shared_ptr<route> by{}; // null: the destination was given to `to`
    std::uint8_t tries = 0;
  };

  runtime::outcome take_call(runtime::process& self, const runtime::message& whole, etf::bytes from,
                             etf::bytes request) override;
  runtime::outcome take_cast(runtime::process& self, const runtime::message& whole,
                             etf::bytes request) override;
  runtime::outcome take_info(runtime::process& self, const runtime::message& m) override;
  // Calls that wait keep the options that they started with.
  runtime::outcome take_options(runtime::process& self, const runtime::message& from,
                                runtime::message options) override;
  runtime::message engine_for_people(runtime::process& self) override;

  // The options of the configuration.
  struct settings {
    tree::router_failure failed = tree::router_failure::reply;
    base::nanos timeout = base::nanos_per_second * 60; // of a call; runtime::no_deadline: none
    std::uint64_t most_pending = 100'000;
  };
  // Applies `options`; a route of the same name keeps its count. False: they cannot be read, and nothing has
  // changed.
  bool adopt(const runtime::message& options, runtime::node_names& names);

  // A callback of the table decides where `one` goes. It may end the actor.
  using callback = std::int32_t (*)(coppice_actor* self, void* state, const coppice_routed* what);
  runtime::outcome ask(callback asked, const char* name, const passing& one, routing_decision& out,
                       etf::bytes reason = {});
  // Sends it there, or calls failed() if that is not possible.
  runtime::outcome pass(runtime::process& self, passing one, const routing_decision& where);
  // Sends it. Returns the reason why it cannot be sent; none: it was sent.
  runtime::message send(runtime::process& self, passing& one, const runtime::destination& to);
  runtime::outcome answered(runtime::process& self, passing one, const response& ended);
  runtime::outcome fail(runtime::process& self, passing one, const runtime::message& reason);
  void refuse(runtime::process& self, const passing& one, const runtime::message& reason);
  std::string_view name_of(const passing& one) const;
  // Counts for the router and for its type.
  void count(std::uint64_t& of, metrics::counter router_totals::*all);

  const coppice_router& routing() const { return static_cast<const router_code&>(running()).routing; }

  runtime::message options_; // until init
  settings settings_;
  std::vector<std::shared_ptr<route>> routes_; // a removed route lasts as long as the calls sent by it
  runtime::flat_table<std::uint64_t, passing, runtime::number_hash> pending_; // calls, by the request's id
  std::uint64_t elsewhere_ = 0;                                               // messages sent by `to`
  std::uint64_t own_ = 0;
  std::uint64_t discarded_ = 0;
  std::uint64_t failed_ = 0;
};

} // namespace coppice::host
