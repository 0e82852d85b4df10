// SPDX-License-Identifier: MIT
// thrower: lets exceptions out in every way that there is. call {throw_by, How}:
//   nested: thrown by a function that a function calls; again: caught and rethrown by `throw;`; kept: caught,
//   and rethrown later by std::rethrow_exception; library: thrown by the standard library, from a vector;
//   anew: thrown while another one is handled; thread: thrown in the pool of blocking functions; caught: none
//   gets out -> ok.
// args #{init => true}: init throws. call {many, Times} -> ok: throws and catches that many.
#include <coppice/server.hpp>

#include <exception>
#include <stdexcept>

namespace thrower {

namespace etf = coppice::etf;

struct throw_by {
  std::string how;
};
struct many {
  std::int64_t times;
};
struct settings {
  static constexpr auto etf_form = etf::form::map;
  std::optional<bool> init;
};

// Functions whose names tests look for in the log: not inlined, and not called by a jump.
volatile int depth = 0;

[[gnu::noinline]] void inner_of_two(const char* text) {
  depth = depth + 1;
  throw std::runtime_error(text);
}
[[gnu::noinline]] void outer_of_two(const char* text) {
  inner_of_two(text);
  depth = depth - 1;
}
[[gnu::noinline]] void thrown_again() {
  try {
    outer_of_two("again");
  } catch (const std::exception&) {
    depth = 0;
    throw;
  }
}
[[gnu::noinline]] void thrown_later() {
  std::exception_ptr kept;
  try {
    outer_of_two("kept");
  } catch (...) {
    kept = std::current_exception();
  }
  depth = 0;
  std::rethrow_exception(kept);
}
[[gnu::noinline]] int thrown_by_library(const std::vector<int>& of) {
  return of.at(of.size() + 7) + depth;
}
[[gnu::noinline]] void thrown_anew() {
  try {
    outer_of_two("first");
  } catch (const std::exception&) {
    depth = 0;
    throw std::logic_error("second");
  }
}
[[gnu::noinline]] void thrown_and_caught() {
  try {
    outer_of_two("caught");
  } catch (const std::exception&) {
    depth = 0;
  }
}

class thrower_server : public coppice::server {
 public:
  using calls = std::variant<throw_by, many>;
  static constexpr std::string_view args_schema =
      R"({"type":"object","properties":{"init":{"type":"boolean"}},"additionalProperties":false})";

  void init(const settings& args) {
    if (args.init.value_or(false)) outer_of_two("init");
  }
  etf::constant<"ok"> handle_call(const throw_by& request) {
    if (request.how == "nested") outer_of_two("nested");
    if (request.how == "again") thrown_again();
    if (request.how == "kept") thrown_later();
    if (request.how == "library") thrown_by_library({});
    if (request.how == "anew") thrown_anew();
    if (request.how == "thread") blocking_run([] { outer_of_two("thread"); });
    if (request.how == "caught") thrown_and_caught();
    return {};
  }
  etf::constant<"ok"> handle_call(const many& request) {
    for (std::int64_t i = 0; i < request.times; ++i) thrown_and_caught();
    return {};
  }
};

} // namespace thrower

COPPICE_PLUGIN("thrower", "1.0.0", thrower::thrower_server);
