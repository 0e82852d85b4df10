// SPDX-License-Identifier: MIT
// Compares our event manager with OTP's gen_event: both play the same random scripts, and their results must
// be equal: what each handler was given, the answers, the handlers at the end, and what the process was told
// that added them. A failure prints the seed and the script. COPPICE_ROUNDS sets the number of scripts.
// Skipped without Erlang.
#include <cstdlib>
#include <random>

#include "../behaviours/otp_side.hpp"
#include "event_manager_fixture.hpp"
#include "otp_event_script.hpp"

using namespace coppice;
using namespace coppice::test;

namespace {

class random_script {
 public:
  explicit random_script(unsigned seed) : random_(seed) {}

  std::string text() {
    std::string all = "[" + added();
    for (int i = 3 + pick(12); i > 0; --i) all += ", " + operation();
    return all + "]";
  }

 private:
  int pick(int below) { return static_cast<int>(random_() % static_cast<unsigned>(below)); }
  std::string fresh() { return fmt::format("{}{}", pick(25) == 0 ? "bad" : "h", ++ids_); }
  std::string any() { return fmt::format("h{}", 1 + pick(ids_ + 1)); }
  std::string added() { return fmt::format("{{{}, {}}}", pick(2) == 0 ? "add" : "sup", fresh()); }
  std::string act() {
    switch (pick(8)) {
      case 0:
        return "boom";
      case 1:
        return "remove";
      case 2:
        return fmt::format("{{swap, {}}}", fresh());
      default:
        return "ok";
    }
  }
  std::string happens(const char* kind) {
    std::string acts;
    for (int i = pick(3); i > 0; --i)
      acts += fmt::format("{}{{{}, {}}}", acts.empty() ? "" : ", ", any(), act());
    return fmt::format("{{{}, {}, [{}]}}", kind, ++events_, acts);
  }
  std::string operation() {
    switch (pick(11)) {
      case 0:
      case 1:
        return added();
      case 10:
        return fmt::format("{{guest, h{}}}", ++ids_);
      case 2:
      case 3:
        return happens("notify");
      case 4:
      case 5:
        return happens("sync");
      case 6:
        return happens("info");
      case 7:
        return fmt::format("{{call, {}, {}}}", any(), act());
      case 8:
        if (pick(2) == 0) return fmt::format("{{delete, {}, w{}}}", any(), pick(9));
        return "which";
      default: {
        const std::string next = fresh();
        return fmt::format("{{{}, {}, w{}, {}, {}}}", pick(2) == 0 ? "swap" : "swap_sup", any(), pick(9),
                           next, next);
      }
    }
  }

  std::mt19937 random_;
  int ids_ = 0;
  int events_ = 0;
};

std::string without_reason(const std::string& answer) {
  const bool failed = answer.starts_with("{'EXIT',") || answer.starts_with("{error,{'EXIT',");
  return failed ? "failed" : answer;
}

// Plays one operation on the manager and returns the answer.
std::string played(event_manager_fixture& on, runtime::process& self, const std::string& operation) {
  const auto whole = term(operation);
  etf::cursor at(whole.bytes());
  if (at.read_atom_is("which")) return on.asked(self, "which_handlers");
  std::uint32_t arity = 0;
  std::string_view what;
  std::vector<std::string> parts;
  at.read_tuple(arity);
  at.read_atom(what);
  for (etf::bytes one; --arity != 0 && at.read_term(one);)
    parts.push_back(text(runtime::message::copy_of(one)));
  const auto name = [&](std::size_t i) { return "{'h:h'," + parts[i] + "}"; };
  if (what == "notify" || what == "info" || what == "sync") {
    const std::string event = fmt::format("{{{}, {}}}", parts[0], parts[1]);
    if (what == "sync") return on.asked(self, "{sync_notify, " + event + "}");
    self.send(on.manager, term(what == "notify" ? "{notify, " + event + "}" : event));
    return "ok";
  }
  if (what == "call") return on.asked(self, fmt::format("{{call, {}, {}}}", name(0), parts[1]));
  if (what == "add")
    return without_reason(on.asked(self, fmt::format("{{add_handler, {}, {}}}", name(0), parts[0])));
  if (what == "sup")
    return without_reason(on.asked(self, fmt::format("{{add_sup_handler, {}, {}, pid}}", name(0), parts[0])));
  if (what == "delete") return on.asked(self, fmt::format("{{delete_handler, {}, {}}}", name(0), parts[1]));
  if (what == "guest") return on.invite(self, parts[0]), "ok";
  const bool sup = what == "swap_sup";
  return without_reason(
      on.asked(self, fmt::format("{{swap{}_handler, {}, {}, {}, {}{}}}", sup ? "_sup" : "", name(0), parts[1],
                                 name(2), parts[3], sup ? ", pid" : "")));
}

std::string play_whole(event_manager_fixture& on, const std::string& script) {
  on.begin();
  std::vector<std::string> answers;
  std::string which;
  std::vector<std::string> told;
  on.host.run([&](runtime::process& self) {
    const auto whole = term(script);
    etf::cursor at(whole.bytes());
    std::uint32_t count = 0;
    at.read_list(count);
    for (etf::bytes one; count != 0 && at.read_term(one); --count)
      answers.push_back(played(on, self, text(runtime::message::copy_of(one))));
    on.asked(self, "{sync_notify, {0, []}}");
    which = on.asked(self, "which_handlers");
    told = on.told(self);
  });
  on.end();
  std::map<std::string, std::vector<std::string>> seen;
  for (const std::string& line : on.host.book.take(0)) {
    const auto space = line.find(' ');
    seen[line.substr(0, space)].push_back(line.substr(space + 1));
  }
  std::string logs;
  for (const auto& [id, lines] : seen)
    logs += fmt::format("{}[{}]", logs.empty() ? "" : " ", fmt::join(lines, ";"));
  return fmt::format("{} | {} | {} | {}", logs, fmt::join(answers, " "), which, fmt::join(told, " "));
}

unsigned rounds() {
  const char* const given = std::getenv("COPPICE_ROUNDS");
  if (given == nullptr) return base::sanitized ? 1000 : 10'000;
  return static_cast<unsigned>(std::atoi(given));
}

} // namespace

TEST_CASE("random scripts come to the same as with OTP's gen_event") {
  otp theirs(otp_event_script);
  if (theirs.ask("[]").empty()) {
    fmt::print("SKIP event managers beside OTP's: no escript on this machine\n");
    return;
  }
  event_manager_fixture on;
  const unsigned count = rounds();
  for (unsigned seed = 1; seed <= count; ++seed) {
    const std::string script = random_script(seed).text();
    REQUIRE(theirs.tell(script));
    const std::string mine = play_whole(on, script);
    const std::string their = theirs.hear();
    CAPTURE(seed);
    CAPTURE(script);
    CHECK(mine == their);
    if (mine != their) return;
  }
}
