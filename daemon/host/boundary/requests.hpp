// SPDX-License-Identifier: MIT
// A plugin's requests under way: calls whose answer comes as a message instead of to a parked stack. Each
// is a monitor and an alias in one reference, and a timer for its deadline; whichever of answer, 'DOWN' and
// deadline arrives first ends it. In the process's own turn.
#pragma once

#include <coppice/etf/result.hpp>
#include <cstdint>
#include <optional>

#include "behaviours/gen/gen.hpp"
#include "host/boundary/host.hpp"

namespace coppice::host {

// Asks, and gives the request's id; or what became of the message, and then there is no request. Parks as
// process::send() does with `how`. `of_client`: it passes on the call of a client outside of the cluster.
expected<std::uint64_t, runtime::send_status> open(coppice_actor& self, const runtime::destination& to,
                                                   etf::bytes body, base::nanos deadline, std::uint64_t tag,
                                                   runtime::sending how = {}, bool of_client = false);
// False: no such request.
bool forget(coppice_actor& self, std::uint64_t id);

// The end of a request, as on_response hears it.
struct response {
  std::uint64_t id = 0;
  std::uint64_t tag = 0;
  std::int32_t status = COPPICE_OK;
  runtime::message answer; // the reply, with COPPICE_E_EXIT the reason
};
// What a message is to the actor's requests.
enum class matched {
  nothing, // not about a request: an ordinary message
  ended,   // `out` says how; the request is forgotten
  late,    // about one that has ended: to be dropped
};
matched match(coppice_actor& self, const runtime::message& m, response& out);

// The end of this request, which is forgotten: what has come of it already, else what comes by its deadline.
// Nothing: there is no such request. Parks.
std::optional<gen::call_result> wait_for_end(coppice_actor& self, std::uint64_t id);

} // namespace coppice::host
