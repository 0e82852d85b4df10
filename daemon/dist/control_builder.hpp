// SPDX-License-Identifier: MIT
// From a signal of this node to the control message its peer understands, see vocabulary.hpp. What it builds
// it has noted among the peer's relations, so that they are what the peer will know; and so are monitors that
// the peer has no operation for, which end with the connection. It writes nothing. One thread, the
// connection's.
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

  // What the control message is made of is borrowed from the signal, the destination and this builder, until
  // it builds the next one. A reason that goes in the control message is its `reason`. False: there is
  // nothing to send, since the peer knows no operation for it or has ended what it is about.
  bool build(control_message& c, const runtime::destination& to, const runtime::signal& s);

  // Of signal_kind::spawn_request, which the peer takes. `arguments` are the payload's bytes, a part of the
  // signal's. False: what the signal carries is no request. The request is open from here on.
  bool build_spawn_request(control_message& c, const runtime::signal& s, etf::bytes& arguments);

  // The two of a call whose message is not its monitor too. False as build().
  bool build_call_monitor(control_message& c, const runtime::destination& to, const runtime::signal& call);
  // To what was called: `target`, or the process with that name.
  bool build_call_demonitor(control_message& c, const runtime::reference& ref, const runtime::pid& target,
                            const std::string* name);

  // The message in short form, if the peer takes those and it has one. Borrows from `to`.
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
  const bool bare_calls_;                // among them these
  std::string name_;                     // that the control message borrows
  etf::vector_writer spawn_options_{64}; // likewise
};

} // namespace coppice::dist
