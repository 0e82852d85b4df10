// SPDX-License-Identifier: MIT
// Turns messages into Erlang terms, and back. Bytes from a peer may be anything. Any thread.
#include "saga/message.hpp"

#include <algorithm>

#include "saga/term_codec.hpp"

namespace coppice::saga {

namespace {

namespace wire {
struct saga_do {
  step_key key;
  term value;
  std::uint64_t left = 0;
};
struct saga_prepare {
  step_key key;
  term value;
  std::uint64_t left = 0;
};
struct saga_undo {
  step_key key;
  term value;
};
struct saga_commit {
  step_key key;
  term final;
};
struct saga_abort {
  step_key key;
};
struct saga_forget {
  step_key key;
};
struct saga_answer {
  step_key key;
  request_kind to = request_kind::perform;
  answer_kind what = answer_kind::ok;
  term value;
};
struct saga_question {
  step_key key;
};
struct saga_interim {
  step_key key;
  term value;
};
using any = std::variant<saga_do, saga_prepare, saga_undo, saga_commit, saga_abort, saga_forget, saga_answer,
                         saga_question, saga_interim>;
} // namespace wire

wire::any to_wire(const message_body& of) {
  if (const auto* const in = std::get_if<reply>(&of))
    return wire::saga_answer{in->key, in->to, in->what, in->value};
  if (const auto* const in = std::get_if<question>(&of)) return wire::saga_question{in->key};
  if (const auto* const in = std::get_if<interim_message>(&of)) return wire::saga_interim{in->key, in->value};
  const request& in = std::get<request>(of);
  const bool two_phase = in.kind == commit_kind::two_phase;
  if (in.what == request_kind::forget) return wire::saga_forget{in.key};
  if (in.what == request_kind::confirm) return wire::saga_commit{in.key, in.value};
  if (in.what == request_kind::reverse && two_phase) return wire::saga_abort{in.key};
  if (in.what == request_kind::reverse) return wire::saga_undo{in.key, in.value};
  if (two_phase) return wire::saga_prepare{in.key, in.value, in.left_ms};
  return wire::saga_do{in.key, in.value, in.left_ms};
}

struct from_wire {
  using what = request_kind;
  using kind = commit_kind;

  message_body operator()(wire::saga_do& in) const {
    return request{what::perform, kind::compensate, std::move(in.key), std::move(in.value), in.left};
  }
  message_body operator()(wire::saga_prepare& in) const {
    return request{what::perform, kind::two_phase, std::move(in.key), std::move(in.value), in.left};
  }
  message_body operator()(wire::saga_undo& in) const {
    return request{what::reverse, kind::compensate, std::move(in.key), std::move(in.value), 0};
  }
  message_body operator()(wire::saga_commit& in) const {
    return request{what::confirm, kind::two_phase, std::move(in.key), std::move(in.final), 0};
  }
  message_body operator()(wire::saga_abort& in) const {
    return request{what::reverse, kind::two_phase, std::move(in.key), {}, 0};
  }
  message_body operator()(wire::saga_forget& in) const {
    return request{what::forget, kind::compensate, std::move(in.key), {}, 0};
  }
  message_body operator()(wire::saga_answer& in) const {
    return reply{in.to, in.what, std::move(in.key), std::move(in.value)};
  }
  message_body operator()(wire::saga_question& in) const { return question{std::move(in.key)}; }
  message_body operator()(wire::saga_interim& in) const {
    return interim_message{std::move(in.key), std::move(in.value)};
  }
};

} // namespace

std::string encode(const message_body& of) {
  return to_text(to_wire(of));
}

base::result<message_body> decode_message(base::bytes_span from) {
  auto read = etf::decode<wire::any>(from);
  if (!read) return base::fail(base::errc::invalid, read.error().text());
  message_body made = std::visit(from_wire(), *read);
  const bool good =
      std::visit([](const auto& body) { return is_sound(body.key) && !body.key.step.path.empty(); }, made);
  if (!good) return base::fail(base::errc::invalid, "a step's key has an empty or too long part");
  return made;
}

} // namespace coppice::saga
