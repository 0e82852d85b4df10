// SPDX-License-Identifier: MIT
// A plugin's open requests: calls whose answer comes as a message and not to a parked stack. Each has one
// reference that is both a monitor and an alias, and a timer for its deadline; the first of answer, 'DOWN'
// and deadline ends it. In the process's own turn.
#pragma once

#include <coppice/etf/result.hpp>
#include <cstdint>
#include <optional>

#include "behaviours/gen/gen.hpp"
#include "host/boundary/host.hpp"

namespace coppice::host {

// Sends the request and returns its id; or the send's status, if there is no request. Parks as
// process::send() does with `how`. `of_client`: it forwards the call of a client outside of the cluster.
expected<std::uint64_t, runtime::send_status> begin_request(coppice_actor& self,
                                                            const runtime::destination& to, etf::bytes body,
                                                            base::nanos deadline, std::uint64_t tag,
                                                            runtime::sending how = {},
                                                            bool of_client = false);
// False: no such request.
bool forget(coppice_actor& self, std::uint64_t id);

// The end of a request, for on_response.
struct response {
  std::uint64_t id = 0;
  std::uint64_t tag = 0;
  std::int32_t status = COPPICE_OK;
  runtime::message answer;  // the reply; with COPPICE_E_EXIT the reason
  runtime::message context; // kept with the request; none: nothing
};

// While it exists, coppice.context/draft-1 shows the actor this context, which is that of a request that has
// ended.
class shown_context {
 public:
  shown_context(coppice_actor& of, runtime::message context) : of_(of) {
    of.needs_extra().context = std::move(context);
  }
  shown_context(const shown_context&) = delete;
  shown_context& operator=(const shown_context&) = delete;
  ~shown_context() { of_.extra->context = {}; }

 private:
  coppice_actor& of_;
};

// The meaning of a message for the actor's requests.
enum class matched {
  nothing, // not about a request: an ordinary message
  ended,   // `out` says how; the request is forgotten
  late,    // about a request that has ended: drop it
};
matched match(coppice_actor& self, const runtime::message& m, response& out);

// Waits for the end of this request and forgets it: takes a message that is already here, else waits until
// its deadline. Empty: there is no such request. Parks.
std::optional<gen::call_result> wait_for_end(coppice_actor& self, std::uint64_t id);

} // namespace coppice::host
