// SPDX-License-Identifier: MIT
// my_web: an actor that a route "/hello/{name}" of a web server leads to. GET is answered with args.greeting
// and the name; the call `get` with the number of greetings.
#include <coppice/web.hpp>

#include <string>

namespace {

namespace etf = coppice::etf;

using get = etf::constant<"get">;

struct options {
  static constexpr etf::form etf_form = etf::form::map;
  std::optional<std::string> greeting;
};

class site : public coppice::web {
 public:
  // The schema of the `args` of a child of this type: `coppice check` holds a configuration against it.
  static constexpr std::string_view args_schema =
      R"({"type":"object","additionalProperties":false,"properties":{)"
      R"("greeting":{"type":"string","maxLength":1000,"description":"before the name; hello without it"}}})";
  // The version of the state that save_state returns. Raise it when its form changes, and overload
  // restore_state by the number: restore_state(coppice::version<1>, …) reads the former state.
  static constexpr std::uint32_t state_version = 1;
  static constexpr coppice::taken takes[] = {coppice::taken::web, coppice::taken::calls};

  void init(const options& args) { greeting_ = args.greeting.value_or("hello"); }

  coppice::reply handle_request(const coppice::request& asked) {
    if (asked.method() != "GET" && asked.method() != "HEAD") return coppice::response(405);
    ++times_;
    return coppice::response(200, "text/plain; charset=utf-8",
                             greeting_ + ", " + std::string(asked.parameter("name")) + "\n");
  }
  std::int64_t handle_call(const get&) { return times_; }

  using state = std::pair<std::string, std::int64_t>;
  state save_state() const { return {greeting_, times_}; }
  void restore_state(const state& saved) { std::tie(greeting_, times_) = saved; }

 private:
  std::string greeting_;
  std::int64_t times_ = 0;
};

} // namespace

COPPICE_PLUGIN("my_web", "0.1.0", site);
