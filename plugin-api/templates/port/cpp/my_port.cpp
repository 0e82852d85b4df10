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
  // The schema of the `args` of a child of this type: `coppice check` holds a configuration against it.
  static constexpr std::string_view args_schema = R"({"type":"object","additionalProperties":false})";
  // The version of the state that save_state returns. Raise it when its form changes, and overload
  // restore_state by the number: restore_state(coppice::version<1>, …) reads the former state.
  static constexpr std::uint32_t state_version = 1;

  void on_connect(coppice::connection program, const coppice::connection_info&) { program_ = program.id(); }

  coppice::no_reply handle_call(const line& what, term from) {
    const std::string text(what.text);
    const bool one_line = text.find('\n') == text.npos;
    if (one_line && coppice::connection(*this, program_).write(text + "\n") == COPPICE_OK)
      callers_.emplace_back(from);
    else // two lines would get two answers; or the program does not read
      reply(from, refusal({}, etf::atom{one_line ? "overloaded" : "badarg"}));
    return {};
  }
  void on_frame(coppice::connection, coppice::bytes said) {
    if (callers_.empty()) return; // a line that no call has asked for
    reply(callers_.front(), coppice::to_text(said));
    callers_.pop_front();
  }
  // The program has ended, so this actor ends too.
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
  std::uint64_t program_ = 0; // the program's stream
  std::deque<coppice::owned_term> callers_;
};

} // namespace

COPPICE_PLUGIN("my_port", "0.1.0", filter);
