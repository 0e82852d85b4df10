// SPDX-License-Identifier: MIT
// filter: a program as a server. The call {line, Text} sends a line to the program and returns the line that
// the program answers. Callers are answered in the order of their calls, since the program reads and writes
// in that order. Many may wait at once.
#include <coppice/owned.hpp>
#include <coppice/tcp.hpp>

#include <deque>
#include <string>
#include <variant>
#include <vector>

namespace filter {

using coppice::term;
namespace etf = coppice::etf;

// Messages.
struct line {
  static constexpr std::string_view etf_tag = "line";
  std::string_view text;
};
using waiting = etf::constant<"waiting">;

struct failure {
  static constexpr std::string_view etf_tag = "error";
  etf::atom why;
};

class filter : public coppice::tcp {
 public:
  static constexpr auto unhandled = coppice::unhandled::reply_error;
  using calls = std::variant<line, waiting>;

  void on_connect(coppice::connection program, const coppice::connection_info&) { program_ = program.id(); }

  // The reply is sent when the program answers.
  coppice::no_reply handle_call(const line& what, term from) {
    std::string text(what.text);
    if (text.find('\n') != text.npos) return refuse(from, "badarg"); // the program would read two lines
    switch (coppice::connection(*this, program_).write(text += '\n')) {
      case COPPICE_OK:
        callers_.emplace_back(from);
        return {};
      case COPPICE_E_FULL: // the program reads more slowly than callers ask
        return refuse(from, "overloaded");
      default: // the program has ended, and so will this actor
        return refuse(from, "ended");
    }
  }
  std::uint64_t handle_call(const waiting&) { return callers_.size(); }

  void on_frame(coppice::connection, coppice::bytes said) {
    if (callers_.empty()) return; // an answer without a question
    reply(callers_.front(), coppice::to_text(said));
    callers_.pop_front();
  }

  // The program has ended, and so does this actor. The waiting callers get no other answer.
  void on_close(coppice::connection, coppice::close_reason, std::string_view) {
    for (const coppice::owned_term& from : callers_) reply(from, failure{etf::atom{"ended"}});
    callers_.clear();
  }

  // The program and the waiting callers remain over a reload.
  struct saved {
    static constexpr etf::form etf_form = etf::form::map;
    std::uint64_t program;
    std::vector<coppice::owned_term> callers;
  };
  static constexpr std::uint32_t state_version = 1;
  saved save_state() const { return {program_, {callers_.begin(), callers_.end()}}; }
  void restore_state(const saved& from) {
    program_ = from.program;
    callers_.assign(from.callers.begin(), from.callers.end());
  }

 private:
  coppice::no_reply refuse(term from, std::string_view why) {
    reply(from, failure{etf::atom{why}});
    return {};
  }

  std::uint64_t program_ = 0; // the program's stream
  std::deque<coppice::owned_term> callers_;
};

} // namespace filter

COPPICE_PLUGIN("filter", "1.0.0", filter::filter);
