// SPDX-License-Identifier: MIT
// A request to the node as its command works on it: the arguments, the client, and where the answer goes. It
// is shared, because the callbacks that answer later are std::functions, which copy what they hold; one of
// its holders answers. The control thread, but any thread may answer.
#pragma once

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/clock.hpp"
#include "base/log_ring.hpp"
#include "control/asker.hpp"
#include "control/process_looks.hpp"
#include "control/server.hpp"
#include "node/instance/instance.hpp"
#include "node/instance/target.hpp"
#include "runtime/process.hpp"

namespace coppice::control {

struct asked {
  static constexpr base::nanos ns_per_ms = 1'000'000;

  node::instance& of;
  base::log::log_ring& lines;
  nlohmann::json arguments;
  std::string what; // how an error names it: "call kv"
  caller who;
  answer reply;
  process_looks& looks;        // for `top`
  std::shared_ptr<asker> asks; // never null

  std::string text(const char* key) const {
    auto found = arguments.find(key);
    return found != arguments.end() && found->is_string() ? found->get<std::string>() : std::string();
  }
  bool flag(const char* key) const {
    auto found = arguments.find(key);
    return found != arguments.end() && found->is_boolean() && found->get<bool>();
  }
  // nullopt: absent, or no whole number from 0 on.
  std::optional<std::uint64_t> number(const char* key) const {
    auto found = arguments.find(key);
    if (found == arguments.end() || !found->is_number_integer()) return std::nullopt;
    if (!found->is_number_unsigned() && found->get<long long>() < 0) return std::nullopt;
    return found->get<std::uint64_t>();
  }
  // nullopt, no limit: absent, negative or not a number.
  std::optional<std::chrono::milliseconds> timeout() const {
    const auto ms = number("timeout_ms");
    if (!ms) return std::nullopt;
    return std::chrono::milliseconds(std::min<std::uint64_t>(*ms, api::longest_timeout_ms));
  }
  base::nanos timeout_nanos() const {
    auto ms = timeout();
    return ms ? ms->count() * ns_per_ms : runtime::no_deadline;
  }

  // The work that is left while a process asks: `asks` names it, and it is ended if the client leaves.
  pending while_asking() const {
    return {std::nullopt, [asks = asks] { asks->give_up(); }};
  }

  // The work that is left while the process is found that the argument `key` names. A global name is asked
  // for on a worker's thread.
  pending while_finding(const char* key) const {
    constexpr std::chrono::milliseconds patience{2500};
    if (!node::global_name_in(text(key))) return {};
    return {patience, {}};
  }

  void done(nlohmann::json document) { reply(api::reply(std::move(document))); }
  void fail(base::errc code, std::string why, std::string hint = {}) {
    reply(api::reply(unexpect, api::failure{code, what, std::move(why), std::move(hint)}));
  }
  void fail(const base::error& e) { fail(e.code, e.text); }
  void finish(const base::status& s) { s ? done(nlohmann::json::object()) : fail(s.error()); }
};

using request = std::shared_ptr<asked>;

} // namespace coppice::control
