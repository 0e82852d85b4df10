// SPDX-License-Identifier: MIT
// my_saga: a saga. A transaction {both, From, To, Count} reserves Count things at two places, which are sagas
// of this type. A place that has too few refuses, and the other one gives back what it reserved. The call
// `get` is answered with the number of things left.
#include <coppice/saga.hpp>

#include <set>

namespace {

namespace etf = coppice::etf;
using coppice::step;
using coppice::steps;

struct both {
  std::string from;
  std::string to;
  std::int64_t count = 0;
};
struct reserve {
  std::int64_t count = 0;
};
using get = etf::constant<"get">;

struct options {
  static constexpr etf::form etf_form = etf::form::map;
  std::int64_t has = 0;
};

class place : public coppice::saga {
 public:
  // The schema of the `args` of a child of this type: `coppice check` holds a configuration against it.
  static constexpr std::string_view args_schema =
      R"({"type":"object","additionalProperties":false,"properties":{)"
      R"("has":{"type":"integer","minimum":0,"default":0,"description":"the things it has at first"}}})";
  // The version of the state that save_state returns. Raise it when its form changes, and overload
  // restore_state by the number: restore_state(coppice::version<1>, …) reads the former state.
  static constexpr std::uint32_t state_version = 1;

  void init(const options& args) { has_ = args.has; }

  steps handle_start(const both& what) {
    return {{what.from, reserve{what.count}}, {what.to, reserve{what.count}}};
  }
  // handle_do and handle_undo run at least once for a key, so each acts on a key only the first time.
  std::int64_t handle_do(const step& s, const reserve& what) {
    if (what.count > has_ && !reserved_.contains(key_of(s))) throw coppice::step_failed(etf::atom{"too_few"});
    if (reserved_.insert(key_of(s)).second) has_ -= what.count;
    return has_;
  }
  void handle_undo(const step& s, const reserve& what) {
    if (reserved_.erase(key_of(s)) != 0) has_ += what.count;
  }

  std::int64_t handle_call(const get&) { return has_; }

  using state = std::pair<std::int64_t, std::set<std::string>>;
  state save_state() const { return {has_, reserved_}; }
  void restore_state(const state& saved) { std::tie(has_, reserved_) = saved; }

 private:
  static std::string key_of(const step& s) {
    const etf::bytes key = s.key().encoded;
    return {reinterpret_cast<const char*>(key.data()), key.size()};
  }
  std::int64_t has_ = 0;
  std::set<std::string> reserved_; // keys of steps
};

} // namespace

COPPICE_PLUGIN("my_saga", "0.1.0", place);
