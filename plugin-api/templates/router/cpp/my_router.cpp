// SPDX-License-Identifier: MIT
// my_router: a router. {store, Thing} goes to the route args.to; without args.to it is stored here, and
// answered with the number of things. The call `get` is answered with {Routed, Stored}.
#include <coppice/router.hpp>

namespace {

namespace etf = coppice::etf;
using coppice::routed;
using coppice::routing;
using coppice::term;

struct store {
  term thing;
};
using get = etf::constant<"get">;

struct options {
  static constexpr etf::form etf_form = etf::form::map;
  std::optional<std::string> to;
};

class front : public coppice::router {
 public:
  // The schema of the `args` of a child of this type: `coppice check` holds a configuration against it.
  static constexpr std::string_view args_schema =
      R"({"type":"object","additionalProperties":false,"properties":{)"
      R"("to":{"type":"string","minLength":1,"description":"the route for things; none: they are stored here"}}})";
  // The version of the state that save_state returns. Raise it when its form changes, and overload
  // restore_state by the number: restore_state(coppice::version<1>, …) reads the former state.
  static constexpr std::uint32_t state_version = 1;
  using calls = std::variant<store, get>;

  void init(const options& args) { to_ = args.to.value_or(""); }

  routing route(const routed& what) {
    if (to_.empty() || !what.as<store>()) return own();
    ++routed_;
    return to_route(to_);
  }
  std::int64_t handle_call(const store&) { return ++stored_; }
  std::pair<std::int64_t, std::int64_t> handle_call(const get&) { return {routed_, stored_}; }

  using state = std::tuple<std::string, std::int64_t, std::int64_t>;
  state save_state() const { return {to_, routed_, stored_}; }
  void restore_state(const state& saved) { std::tie(to_, routed_, stored_) = saved; }

 private:
  std::string to_; // empty: no route
  std::int64_t routed_ = 0, stored_ = 0;
};

} // namespace

COPPICE_PLUGIN("my_router", "0.1.0", front);
