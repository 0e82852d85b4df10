// SPDX-License-Identifier: MIT
// my_port: an actor with a program. {line, Text} writes a line to it and is answered with the next line that
// the program writes, in the order in which callers came.
#include <coppice/owned.hpp>
#include <coppice/tcp.hpp>

#include <deque>
#include <string>

namespace {

namespace etf = coppice::etf;
using coppice::term;

struct line {
  std::string_view text;
};
using refusal = std::pair<etf::constant<"error">, etf::atom>;

class filter : public coppice::tcp {
 public:
  // What a child of this type may have as `args`: `coppice check` holds a configuration against it.
  static constexpr std::string_view args_schema = R"({"type":"object","additionalProperties":false})";
  // Of what save_state returns. Raise it when that changes, and overload restore_state by the number:
  // restore_state(coppice::version<1>, …) reads the former state.
  static constexpr std::uint32_t state_version = 1;

  void on_connect(coppice::connection program, const coppice::connection_info&) { program_ = program.id(); }

  coppice::no_reply handle_call(const line& what, term from) {
    const std::string text(what.text);
    const bool one_line = text.find('\n') == text.npos;
    if (one_line && coppice::connection(*this, program_).write(text + "\n") == COPPICE_OK)
      callers_.emplace_back(from);
    else // two lines would be two answers; and a program that does not read is asked no more
      reply(from, refusal({}, etf::atom{one_line ? "overloaded" : "badarg"}));
    return {};
  }
  void on_frame(coppice::connection, coppice::bytes said) {
    if (callers_.empty()) return; // a line that nobody has asked for
    reply(callers_.front(), coppice::to_text(said));
    callers_.pop_front();
  }
  // The program has ended, and so does this actor.
  void on_close(coppice::connection, coppice::close_reason, std::string_view) {
    for (const coppice::owned_term& from : callers_) reply(from, refusal({}, etf::atom{"ended"}));
    callers_.clear();
  }

  using state = std::pair<std::uint64_t, std::vector<coppice::owned_term>>;
  state save_state() const { return {program_, {callers_.begin(), callers_.end()}}; }
  void restore_state(const state& saved) {
    program_ = saved.first;
    callers_.assign(saved.second.begin(), saved.second.end());
  }

 private:
  std::uint64_t program_ = 0; // its stream
  std::deque<coppice::owned_term> callers_;
};

} // namespace

COPPICE_PLUGIN("my_port", "0.1.0", filter);
