// SPDX-License-Identifier: MIT
// A plugin's gen_server. In the process's own turn.
#include "host/actors/server.hpp"

#include "base/log.hpp"
#include "host/actors/hosted.hpp"
#include "host/boundary/callback.hpp"
#include "host/boundary/requests.hpp"
#include "host/boundary/sized.hpp"
#include "runtime/messages/call_forms.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/system.hpp"

namespace coppice::host {

using runtime::message;
using runtime::outcome;
using runtime::process;

server_code::server_code(const coppice_actor_type& type)
    : actor_code(type),
      callbacks(callbacks_of<coppice_server>(type, COPPICE_SERVER_1, COPPICE_SERVER_LEAST)) {}

// A node may have a million idle servers: each of them, together with malloc's header, fills one of malloc's
// block sizes.
static_assert(sizeof(void*) != 8 || sizeof(server) <= 120);

server::server(actor_plan&& plan) : plugin_actor(std::move(plan)) {}

outcome server::take_info(process&, const message& m) {
  if (actor().extra != nullptr && actor().extra->has_requested) [[unlikely]] {
    response ended;
    const matched found = match(actor(), m, ended);
    if (found == matched::ended) return take_response(ended);
    if (found == matched::late) return runtime::carry_on();
  }
  if (auto next = take_for_streams(m)) [[unlikely]]
    return std::move(*next);
  const coppice_message lent = lend(m);
  const std::int32_t status = in_turn(actor(), "handle_info", m.bytes(), [&] {
    return call_or(COPPICE_UNHANDLED, callbacks().handle_info, &actor(), state(), &lent);
  });
  if (status != COPPICE_UNHANDLED) [[likely]]
    return follow(status, "handle_info", m.bytes());
  const std::string why = take_error_text();
  if (if_unhandled() != runtime::unhandled::ignore) tell_unhandled("message", m.bytes(), why);
  return runtime::carry_on();
}

outcome server::take_cast(process&, const message& whole, etf::bytes request) {
  const coppice_message body = lend(whole, request);
  const std::int32_t status = in_turn(actor(), "handle_cast", request, [&] {
    return call_or(COPPICE_UNHANDLED, callbacks().handle_cast, &actor(), state(), &body);
  });
  if (status != COPPICE_UNHANDLED) [[likely]]
    return follow(status, "handle_cast", request);
  const std::string why = take_error_text();
  const runtime::unhandled choice = if_unhandled();
  if (choice != runtime::unhandled::ignore && (choice != runtime::unhandled::exit || !why.empty()))
    tell_unhandled("cast", request, why);
  return choice == runtime::unhandled::exit ? stop_in("handle_cast", request, tagged("bad_cast", request))
                                            : runtime::carry_on();
}

outcome server::receive_call(process& self, const runtime::call_id& asking, message request) {
  if (!takes_calls()) [[unlikely]]
    return behaviour::receive_call(self, asking, std::move(request));
  const runtime::written_from from(self.host().nodes(), asking);
  asked_call asked{from.bytes(), &asking};
  return handle_call(asked, request, request.bytes());
}

outcome server::take_call(process&, const message& whole, etf::bytes from, etf::bytes request) {
  asked_call asked{from};
  asked.debug = debug();
  return handle_call(asked, whole, request);
}

[[gnu::always_inline]] inline outcome server::handle_call(asked_call& asked, const message& whole,
                                                          etf::bytes request) {
  const coppice_message body = lend(whole, request);
  actor().asked = &asked;
  const std::int32_t status = in_turn(actor(), "handle_call", request, [&] {
    return call_or(COPPICE_UNHANDLED, callbacks().handle_call, &actor(), state(), &body,
                   lend_bytes(asked.from));
  });
  actor().asked = nullptr;
  if (status != COPPICE_UNHANDLED) [[likely]]
    return follow(status, "handle_call", request);
  return refuse_call(asked.from, request, "handle_call", "server", asked.answered);
}

outcome server::take_response(const response& ended) {
  const coppice_message answer = ended.answer ? lend(ended.answer) : coppice_message{};
  const shown_context shown(actor(), ended.context);
  const std::int32_t status = in_turn(actor(), "on_response", {}, [&] {
    return call_or(COPPICE_UNHANDLED, callbacks().on_response, &actor(), state(), ended.id, ended.tag,
                   ended.status, &answer);
  });
  return follow(status == COPPICE_UNHANDLED ? COPPICE_OK : status, "on_response", ended.answer.bytes());
}

template hosted_behaviour hosted<server>(const coppice_behaviour* facts);

} // namespace coppice::host
