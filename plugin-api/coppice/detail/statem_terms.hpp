// SPDX-License-Identifier: MIT
// Events, actions and faults of a state machine as gen_statem's terms, for exit reasons and sys:get_status.
// Used by the host and the test kit. Header-only. Any thread.
#pragma once

#include <coppice/detail/statem_machine.hpp>

#include <coppice/etf/writer.hpp>
#include <string_view>

namespace coppice {

/// cast, {call, From}, {timeout, Name}, …; for an unknown type its number.
template <class Term>
void write_event_type(etf::writer& out, std::uint32_t type, const Term& about) {
  constexpr std::string_view words[] = {"",        "call",          "cast",    "info",    "internal",
                                        "timeout", "state_timeout", "timeout", "response"};
  if (type == 0 || type > COPPICE_STATEM_EVENT_RESPONSE) return out.unsigned_integer(type);
  if (type != COPPICE_STATEM_EVENT_CALL && type != COPPICE_STATEM_EVENT_NAMED_TIMEOUT)
    return out.atom(words[type]);
  out.tuple(2);
  out.atom(words[type]);
  out.raw(about.bytes());
}

template <class Term>
void write_term_or_undefined(etf::writer& out, const Term& what) {
  if (what) return out.raw(what.bytes());
  out.atom("undefined");
}

/// {Type, Content}
template <class Term>
void write_event(etf::writer& out, const statem_event<Term>& what) {
  out.tuple(2);
  write_event_type(out, what.type, what.about);
  write_term_or_undefined(out, what.content);
}

/// The action as a callback of gen_statem returns it; times in whole ms, rounded down.
template <class Term>
void write_action(etf::writer& out, const statem_action<Term>& what) {
  using kind = typename statem_action<Term>::kind;
  constexpr std::int64_t nanos_per_ms = 1'000'000;
  switch (what.what) {
    case kind::postpone:
      return out.atom("postpone");
    case kind::reply:
      out.tuple(3);
      out.atom("reply");
      write_term_or_undefined(out, what.about);
      break;
    case kind::next_event:
      out.tuple(3);
      out.atom("next_event");
      write_event_type(out, what.type, what.about);
      break;
    case kind::cancel_timeout:
      out.tuple(2);
      write_event_type(out, what.type, what.about);
      return out.atom("cancel");
    case kind::update_timeout:
      out.tuple(3);
      write_event_type(out, what.type, what.about);
      out.atom("update");
      break;
    case kind::set_timeout: {
      out.tuple(3);
      write_event_type(out, what.type, what.about);
      if (what.time == COPPICE_STATEM_INFINITY) {
        out.atom("infinity");
      } else {
        const std::int64_t whole = what.time / nanos_per_ms;
        out.integer(what.time < 0 && whole * nanos_per_ms != what.time ? whole - 1 : whole);
      }
      break;
    }
  }
  write_term_or_undefined(out, what.content);
}

/// The exit reason of a machine whose step is `failed`. `data` is its data as a term.
template <class Term>
void write_fault(etf::writer& out, const statem_machine<Term>& of, const Term& data) {
  const auto about_action = [&](std::string_view tag) {
    out.tuple(2);
    out.atom(tag);
    write_action(out, of.failed_action());
  };
  switch (of.fault()) {
    case statem_fault::none:
      return out.atom("normal");
    case statem_fault::action:
      return about_action("bad_action_from_state_function");
    case statem_fault::enter_action:
      return about_action("bad_state_enter_action_from_state_function");
    case statem_fault::reply_action:
      return about_action("bad_reply_action_from_state_function");
    case statem_fault::time:
      return out.atom("badarg");
    case statem_fault::postponed:
      return out.atom("postponed_full");
    case statem_fault::enter_return:
      out.tuple(2);
      out.atom("bad_state_enter_return_from_state_function");
      out.tuple(3);
      out.atom("next_state");
      out.raw(of.failed_action().content.bytes());
      return out.raw(data.bytes());
  }
}

} // namespace coppice
