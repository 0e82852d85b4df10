// SPDX-License-Identifier: MIT
// Exit reasons with a fixed meaning, and the messages that tell of exits. Making a reason allocates nothing.
// Any thread.
#pragma once

#include <string_view>

#include "runtime/messages/ids.hpp"
#include "runtime/messages/message.hpp"

namespace coppice::runtime {

namespace reasons {
message normal();
message kill();   // for exit/2; the process then ends with `killed`
message killed(); // the reason that others see
message shutdown();
message noproc();
message noconnection();
message mailbox_full(); // on_full::exit
message bad_term();     // replaces a reason that is no well-formed term
} // namespace reasons

// Whether a reason is this atom.
bool is_atom(const message& reason, std::string_view name);
inline bool is_normal(const message& reason) {
  return is_atom(reason, "normal");
}
// normal, shutdown or {shutdown, _}: reasons that supervisors do not report.
bool is_orderly(const message& reason);

// {'EXIT', From, Reason}
message exit_message(const pid& from, const message& reason, const node_names& names);
// {Tag, Ref, process, Object, Reason}. `object`: a pid; a name becomes {Name, Node}. `tag`: none: 'DOWN'.
message down_message(const reference& ref, const destination& object, const message& reason,
                     const node_names& names, const message& tag = {});

// {error, Reason}
message error_message(const message& reason);

} // namespace coppice::runtime
