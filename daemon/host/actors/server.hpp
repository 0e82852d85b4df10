// SPDX-License-Identifier: MIT
// A plugin's gen_server: connects the server engine to the callbacks of "coppice.server/1" and turns their
// statuses into outcomes. In the process's own turn.
#pragma once

#include <coppice/server.h>

#include <string>

#include "behaviours/gen/server.hpp"
#include "host/actors/plugin_actor.hpp"
#include "host/boundary/requests.hpp"

namespace coppice::host {

struct server_code : actor_code {
  explicit server_code(const coppice_actor_type& type);
  const coppice_server callbacks;
};

class server : public behaviours::server, public plugin_actor {
 public:
  using code_type = server_code;

  explicit server(actor_plan&& plan);

  runtime::outcome init(runtime::process& self) override { return begin(self); }
  runtime::outcome receive_call(runtime::process& self, const runtime::call_id& asking,
                                runtime::message request) override;
  void terminate(runtime::process&, const runtime::message& reason) override { end(reason); }
  void describe(runtime::description& out) const override { describe_to(out); }
  runtime::outcome receive_parcel(runtime::process&, std::unique_ptr<runtime::parcel> given) override {
    return take_parcel(*given);
  }
  void died(runtime::process&) noexcept override { end_streams(false); }
  behaviours::stream_taker* as_stream_taker() override { return this; }

 protected:
  runtime::outcome take_call(runtime::process& self, const runtime::message& whole, etf::bytes from,
                             etf::bytes request) override;
  runtime::outcome take_cast(runtime::process& self, const runtime::message& whole,
                             etf::bytes request) override;
  runtime::outcome take_info(runtime::process& self, const runtime::message& m) override;
  // The end of one of its own requests.
  [[gnu::noinline]] runtime::outcome take_response(const response& ended);

 private:
  runtime::outcome take_io(runtime::process&) override { return plugin_actor::take_io(); }
  runtime::outcome take_continue(runtime::process&) override { return go_on(); }
  runtime::outcome take_config(runtime::process& self, const runtime::message& from,
                               behaviours::config_change to) override {
    return change_config(self, from, std::move(to));
  }
  runtime::message sys_state(runtime::process&) override { return shown_state(); }
  std::string sys_module() const override { return identity().actor; }
  runtime::message state_for_people(runtime::process&) override { return state_to_show(); }
  runtime::message engine_for_people(runtime::process&) override { return shown_sockets(); }

  void go_on_first(runtime::process& self) override { continue_first(self); }

  runtime::outcome handle_call(asked_call& asked, const runtime::message& whole, etf::bytes request);
  const coppice_server& callbacks() const { return static_cast<const server_code&>(running()).callbacks; }
};

} // namespace coppice::host
