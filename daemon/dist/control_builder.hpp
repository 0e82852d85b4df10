// SPDX-License-Identifier: MIT
// Turns a signal of this node into a control message that the peer understands, see vocabulary.hpp. It also
// records links, monitors and calls in the peer's relations as it builds them, so that the relations match
// what the peer knows. A monitor for which the peer has no operation is recorded too, and ends with the
// connection. Writes nothing to the stream. The connection's thread.
#pragma once

#include <coppice/etf/writer.hpp>
#include <optional>
#include <string>

#include "dist/connection_context.hpp"
#include "dist/control_message.hpp"
#include "dist/short_form.hpp"
#include "runtime/messages/signal.hpp"

namespace coppice::dist {

class control_builder {
 public:
  explicit control_builder(connection_context& of);

  // Builds the control message, which borrows from the signal, the destination and this builder until the
  // next build. An exit reason that is not sent as payload is its `reason`. False: nothing is to be sent,
  // because the peer knows no operation for the signal, or has ended the relation.
  bool build(control_message& c, const runtime::destination& to, const runtime::signal& s);

  // For signal_kind::spawn_request, to a peer that takes them. `arguments`: the part of the signal's payload
  // to send. False: the signal holds no valid request. The request counts as open from here on.
  bool build_spawn_request(control_message& c, const runtime::signal& s, etf::bytes& arguments);

  // The monitor of a call whose message is not its monitor too. False: as build().
  bool build_call_monitor(control_message& c, const runtime::destination& to, const runtime::signal& call);
  // Ends such a monitor, on `target` or on the process with that name.
  bool build_call_demonitor(control_message& c, const runtime::reference& ref, const runtime::pid& target,
                            const std::string* name);

  // The message in short form. Empty: the peer does not take it, or the message has no short form. Borrows
  // from `to`.
  std::optional<short_form> build_short_form(const runtime::destination& to, const runtime::signal& s) const;
  bool short_forms() const { return short_forms_; }
  bool bare_calls() const { return bare_calls_; }

 private:
  bool choose(control_message& c, op best) const;
  void set_ends(control_message& c, const runtime::destination& to, const runtime::pid& from) const;
  void set_target(control_message& c, const runtime::pid& target) const;
  void set_target(control_message& c, std::string_view name);
  bool build_message(control_message& c, const runtime::destination& to, const runtime::signal& s) const;
  bool build_exit2(control_message& c, const runtime::destination& to, const runtime::signal& s) const;
  bool build_altact(control_message& c, const runtime::destination& to, const runtime::signal& s) const;
  bool build_unlink(control_message& c, const runtime::destination& to, const runtime::signal& s);
  bool build_demonitor(control_message& c, const runtime::destination& to, const runtime::signal& s);
  bool build_down(control_message& c, const runtime::signal& s);

  connection_context& context_;
  const bool short_forms_;               // the peer takes them
  const bool bare_calls_;                // the peer takes bare calls as well
  std::string name_;                     // borrowed by the control message
  etf::vector_writer spawn_options_{64}; // borrowed by the control message
};

} // namespace coppice::dist
