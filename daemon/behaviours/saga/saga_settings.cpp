// SPDX-License-Identifier: MIT
// See saga_settings.hpp.
#include "behaviours/saga/saga_settings.hpp"

#include <coppice/etf/cursor.hpp>

#include "behaviours/gen/node_patterns.hpp"
#include "tree/saga.hpp"

namespace coppice::behaviours {
namespace {

// A whole number that fits and is not negative.
template <class Number>
bool read(etf::cursor& at, Number& into) {
  std::int64_t value = 0;
  if (!at.read_integer(value) || value < 0) return false;
  into = static_cast<Number>(value);
  return static_cast<std::int64_t>(into) == value;
}

} // namespace

std::optional<saga_settings> read_saga_settings(etf::bytes options) {
  saga_settings out;
  saga::options& core = out.core;
  etf::cursor at(options);
  std::string_view commit;
  std::string_view log;
  if (!at.read_tuple_of(14) || !at.read_atom(commit) || !at.read_atom(log)) return std::nullopt;
  const auto kind = tree::value_of<tree::saga_commit>(commit);
  const auto keeps = tree::value_of<tree::saga_log>(log);
  if (!kind || !keeps) return std::nullopt;
  core.commit =
      *kind == tree::saga_commit::two_phase ? saga::commit_kind::two_phase : saga::commit_kind::compensate;
  out.durable = *keeps == tree::saga_log::durable;
  const bool good = read(at, core.lifespan) && read(at, core.hops) && read(at, core.max_transactions) &&
                    read(at, core.retry_first) && read(at, core.retry_max) && read(at, core.step_timeout) &&
                    read(at, core.keep) && read(at, core.keep_count) && read(at, core.max_value) &&
                    read(at, core.max_in_doubt) && read(at, core.max_steps);
  std::uint32_t count = 0;
  if (!good || !at.read_list(count)) return std::nullopt;
  for (std::uint32_t i = 0; i < count; ++i) {
    etf::bytes pattern;
    if (!at.read_binary(pattern)) return std::nullopt;
    out.from.emplace_back(pattern.begin(), pattern.end());
  }
  return out;
}

bool takes_steps_of(const saga_settings& how, const std::string& node) {
  return is_meant(how.from, node);
}

} // namespace coppice::behaviours
