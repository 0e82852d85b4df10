// SPDX-License-Identifier: MIT
// A coordinator whose plan comes with the start: the steps that a test wants, and the participant for each.
// As a participant it executes a plan too, so plans within plans make a tree.
#include <coppice/saga.hpp>

#include <string>
#include <variant>
#include <vector>

namespace planner {

using coppice::step;
using coppice::steps;
using coppice::term;
namespace etf = coppice::etf;

// {To, Value, next | beside}
struct planned {
  static constexpr etf::form etf_form = etf::form::tuple;
  std::string to;
  coppice::owned_term value;
  etf::atom when;
};
struct plan {
  std::vector<planned> steps;
};
// The reason of a failed step says what follows: `again`, or {instead, To, Value}.
struct instead {
  std::string to;
  coppice::owned_term value;
};
using again = etf::constant<"again">;

class planner : public coppice::saga {
 public:
  static constexpr std::string_view name = "planner";

  steps handle_start(const plan& what) { return of(what); }
  coppice::next handle_do(const step& s, const plan& what) {
    interim(s, etf::atom{"planned"});
    return of(what);
  }
  coppice::next handle_prepare(const step&, const plan& what) { return of(what); }
  coppice::next handle_failed(const step&, term reason) {
    if (coppice::detail::read_quietly<again>(reason.encoded)) return coppice::retry();
    if (const auto other = coppice::detail::read_quietly<instead>(reason.encoded))
      return steps{{other->to, other->value}};
    return coppice::fail(reason);
  }

 private:
  static steps of(const plan& what) {
    steps all;
    for (const planned& one : what.steps) {
      coppice::next_step made(one.to, one.value);
      if (one.when.name == "beside") made.together();
      all.push_back(std::move(made));
    }
    return all;
  }
};

} // namespace planner

COPPICE_PLUGIN("planner", "1.0.0", planner::planner);
