// SPDX-License-Identifier: MIT
// Exit reasons with a meaning, and the messages that tell of exits. Reasons cost nothing to make. Any
// thread.
#pragma once

#include <string_view>

#include "runtime/messages/ids.hpp"
#include "runtime/messages/message.hpp"

namespace coppice::runtime {

namespace reasons {
message normal();
message kill();   // what exit/2 is asked with
message killed(); // what others see of it
message shutdown();
message noproc();
message noconnection();
message mailbox_full(); // on_full: exit
message bad_term();     // in place of bytes that are no term
} // namespace reasons

// Whether a reason is this atom.
bool is_atom(const message& reason, std::string_view name);
inline bool is_normal(const message& reason) {
  return is_atom(reason, "normal");
}
// normal, shutdown, {shutdown, _}: what supervisors do not report.
bool is_orderly(const message& reason);

// {'EXIT', From, Reason}
message exit_message(const pid& from, const message& reason, const node_names& names);
// {Tag, Ref, process, Object, Reason}; `object`: the pid, or a name here or elsewhere as {Name, Node}; no
// `tag`: 'DOWN'.
message down_message(const reference& ref, const destination& object, const message& reason,
                     const node_names& names, const message& tag = {});

// {error, Reason}
message error_message(const message& reason);

} // namespace coppice::runtime
