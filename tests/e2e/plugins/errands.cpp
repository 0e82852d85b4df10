// SPDX-License-Identifier: MIT
// A participant whose steps block until another process lets them go on. Its workers do the steps; the saga
// itself has no callbacks for steps.
#include <coppice/saga.hpp>

#include <chrono>
#include <string>
#include <tuple>

namespace errands {

using coppice::step;
namespace etf = coppice::etf;

// Coordinates nothing and does no step itself: its workers do the steps.
class office : public coppice::saga {
 public:
  static constexpr std::string_view name = "office";
  coppice::next handle_start(coppice::term) { return coppice::done(); }
  void handle_undo(const step&, coppice::term) { throw coppice::step_failed(etf::atom{"not_by_a_worker"}); }
};

struct settings {
  static constexpr etf::form etf_form = etf::form::map;
  std::string gate; // NAME@ALIVE@HOST of the process that gets the call {do | undo, Tx, Attempt}
};

class errand : public coppice::saga {
 public:
  static constexpr std::string_view name = "errand";
  static constexpr std::string_view args_schema =
      R"({"type":"object","additionalProperties":false,"required":["gate"],)"
      R"("properties":{"gate":{"type":"string"}}})";

  void init(const settings& args) { gate_ = args.gate; }
  // Returns the number of the attempt.
  std::uint32_t handle_do(const step& s, coppice::term) {
    interim(s, etf::atom{"begun"});
    ask("do", s);
    return s.attempt();
  }
  void handle_undo(const step& s, coppice::term) { ask("undo", s); }

 private:
  void ask(std::string_view what, const step& s) {
    call<coppice::owned_term>(gate_, std::tuple(etf::atom{std::string(what)}, s.tx(), s.attempt()),
                              std::chrono::minutes(10))
        .value();
  }

  std::string gate_;
};

} // namespace errands

COPPICE_PLUGIN("errands", "1.0.0", errands::office, errands::errand);
