// SPDX-License-Identifier: MIT
// {SupFlags, [ChildSpec]} both ways, for supervisors that are started at run time. The checks come in the
// order of supervisor.erl's init, and their words are its own. Pure.
#include <algorithm>
#include <coppice/etf/cursor.hpp>
#include <optional>
#include <string_view>
#include <unordered_set>

#include "behaviours/gen/map_values.hpp"
#include "behaviours/gen/tagged.hpp"
#include "behaviours/supervision/child_id.hpp"
#include "behaviours/supervision/child_spec_term.hpp"

namespace coppice::behaviours {
namespace {

using runtime::message;
using runtime::message_writer;
using error_term = unexpected<message>;

// The flags as they came. Empty: not given.
struct given_flags {
  etf::bytes strategy, intensity, period, auto_shutdown, name, on_exceeded;
};

// {supervisor_data, {Tag, What}}
message bad_flag(std::string_view tag, etf::bytes what) {
  return tagged("supervisor_data", tagged(tag, what).bytes());
}
// {start_spec, Why}
error_term bad_children(etf::bytes why) {
  return error_term(tagged("start_spec", why));
}

std::optional<given_flags> read_given_flags(etf::bytes term) {
  etf::cursor at(term);
  given_flags out;
  if (at.read_tuple_of(3)) {
    for (etf::bytes* part : {&out.strategy, &out.intensity, &out.period})
      if (!at.read_term(*part)) return std::nullopt;
    return out;
  }
  const key_and_value keys[] = {{"strategy", &out.strategy}, {"intensity", &out.intensity},
                                {"period", &out.period},     {"auto_shutdown", &out.auto_shutdown},
                                {"name", &out.name},         {"on_exceeded", &out.on_exceeded}};
  if (!read_map_values(at, keys)) return std::nullopt;
  return out;
}

// Reads a value by its word; `out` stays as it is if none was given. False: there is no such word.
template <tree::has_words Value>
bool choose(etf::bytes given, Value& out) {
  if (given.empty()) return true;
  std::string_view word;
  etf::cursor(given).read_atom(word);
  const auto found = tree::value_of<Value>(word);
  if (found) out = *found;
  return found.has_value();
}

// Reads a whole number from `least` to the largest that fits.
bool read_count(etf::bytes given, std::uint32_t least, std::uint32_t& out) {
  if (given.empty()) return true;
  etf::cursor at(given);
  std::uint64_t value = 0;
  if (!at.read_unsigned(value) || value < least) return false;
  out = static_cast<std::uint32_t>(std::min<std::uint64_t>(value, UINT32_MAX));
  return true;
}

// Returns the error {supervisor_data, Why}; empty: all is well.
message read_flags(etf::bytes term, supervisor_spec& out) {
  const auto given = read_given_flags(term);
  if (!given) return bad_flag("invalid_type", term);
  if (!choose(given->strategy, out.strategy)) return bad_flag("invalid_strategy", given->strategy);
  if (!read_count(given->intensity, 0, out.intensity)) return bad_flag("invalid_intensity", given->intensity);
  auto seconds = static_cast<std::uint32_t>(out.period / base::nanos_per_second);
  if (!read_count(given->period, 1, seconds)) return bad_flag("invalid_period", given->period);
  out.period = base::nanos{seconds} * base::nanos_per_second;
  if (!choose(given->auto_shutdown, out.auto_shutdown))
    return bad_flag("invalid_auto_shutdown", given->auto_shutdown);
  if (!given->name.empty() && !read_registered_name(given->name, out.name))
    return bad_flag("invalid_name", given->name);
  if (!choose(given->on_exceeded, out.on_exceeded))
    return bad_flag("invalid_on_exceeded", given->on_exceeded);
  return {};
}

} // namespace

expected<std::shared_ptr<const supervisor_spec>, message> read_supervisor_spec(const message& pair,
                                                                               unsigned levels) {
  etf::cursor at(pair.bytes());
  etf::bytes flags;
  if (!at.read_tuple_of(2) || !at.read_term(flags)) return error_term(tagged("bad_start_spec", pair.bytes()));
  auto out = std::make_shared<supervisor_spec>();
  if (message wrong = read_flags(flags, *out)) return error_term(std::move(wrong));
  const etf::bytes children = at.rest();
  const bool simple = out->strategy == strategy::simple_one_for_one;
  std::uint32_t count = 0;
  if (!at.read_list(count) || (simple && count != 1)) return error_term(tagged("bad_start_spec", children));
  // In the children's specs, which stay where they are.
  std::unordered_set<etf::bytes, child_id_hash, child_id_equal> ids;
  for (; count != 0; --count) {
    etf::bytes one;
    if (!at.read_term(one)) return error_term(tagged("bad_start_spec", children));
    auto child = read_child_spec(pair.slice(one), out->auto_shutdown, levels);
    if (!child) return bad_children(child.error().bytes());
    const auto kept = std::make_shared<const child_spec>(std::move(*child));
    if (!ids.insert(kept->id.bytes()).second)
      return bad_children(tagged("duplicate_child_name", kept->id.bytes()).bytes());
    out->children.push_back(kept);
  }
  if (!at.read_nil() && !out->children.empty()) return error_term(tagged("bad_start_spec", children));
  return out;
}

void write_supervisor_spec(etf::writer& out, const supervisor_spec& spec, shown_args args) {
  const bool parks = spec.on_exceeded == on_exceeded::give_up;
  out.tuple(2);
  out.map(4 + (spec.name.empty() ? 0U : 1U) + (parks ? 1U : 0U));
  out.atom("strategy");
  out.atom(text(spec.strategy));
  out.atom("intensity");
  out.unsigned_integer(spec.intensity);
  out.atom("period");
  out.integer((spec.period + base::nanos_per_second - 1) / base::nanos_per_second);
  out.atom("auto_shutdown");
  out.atom(text(spec.auto_shutdown));
  if (!spec.name.empty()) {
    out.atom("name");
    out.atom(spec.name);
  }
  if (parks) {
    out.atom("on_exceeded");
    out.atom(text(spec.on_exceeded));
  }
  if (!spec.children.empty()) out.list(static_cast<std::uint32_t>(spec.children.size()));
  for (const auto& one : spec.children) write_child_spec(out, *one, args);
  out.nil();
}

} // namespace coppice::behaviours
