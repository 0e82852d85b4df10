// SPDX-License-Identifier: MIT
// See saga_callbacks.hpp.
#include "behaviours/saga/saga_callbacks.hpp"

#include <utility>

namespace coppice::behaviours {

using saga::callback;
using saga::verdict;

namespace {

// Bytes of the steps that one callback plans at most, together with their receivers: with the value that
// brought them and the record's end they are one request to the log, which takes four MiB.
constexpr std::size_t most_planned_bytes = std::size_t{2} << 20;
constexpr std::size_t step_overhead = 64;

} // namespace

saga_callbacks::given saga_callbacks::answer(std::uint64_t token, reply what, saga::term value,
                                             verdict& out) {
  const auto known = open_.find(token);
  if (known == open_.end()) return given::used;
  open_callback& open = known->second;
  const bool coordinates =
      open.what == callback::start || open.what == callback::result || open.what == callback::failed;
  verdict said;
  said.value = std::move(value);
  switch (what) {
    case reply::done:
      if (open.what == callback::failed) return given::invalid;
      said.what = coordinates ? verdict::kind::done : verdict::kind::ok;
      break;
    case reply::failed:
      said.what = coordinates ? verdict::kind::cancel : verdict::kind::error;
      break;
    case reply::never:
      if (open.what != callback::reverse) return given::invalid;
      said.what = verdict::kind::never;
      break;
    case reply::retry:
      if (open.what != callback::failed) return given::invalid;
      said.what = verdict::kind::retry;
      break;
    case reply::steps:
      if (open.what == callback::reverse || open.what == callback::confirm ||
          (open.what == callback::failed && open.steps.empty() && !open.too_large))
        return given::invalid;
      said.what = verdict::kind::steps;
      said.too_large = open.too_large;
      if (!open.too_large) said.steps = std::move(open.steps);
      break;
  }
  open_.erase(known);
  out = std::move(said);
  return given::taken;
}

saga_callbacks::given saga_callbacks::answer_by_default(const saga::call& what, verdict& out) {
  switch (what.what) {
    case callback::start:
    case callback::perform:
      return answer(what.token, reply::failed, saga::reason("unsupported"), out);
    case callback::result:
      return answer(what.token, reply::steps, {}, out);
    case callback::failed:
      return answer(what.token, reply::failed, what.value, out);
    case callback::reverse:
    case callback::confirm:
      return answer(what.token, reply::done, {}, out);
    case callback::interim:
      break; // it has none
  }
  return given::used;
}

saga_callbacks::given saga_callbacks::add_step(std::uint64_t token, saga::step_spec&& one) {
  const auto known = open_.find(token);
  if (known == open_.end()) return given::used;
  open_callback& open = known->second;
  open.bytes += one.value.encoded.size() + one.to.name().size() + one.to.node().size() + step_overhead;
  open.too_large = open.too_large || open.bytes > most_planned_bytes || open.steps.size() >= max_steps_;
  if (!open.too_large) open.steps.push_back(std::move(one));
  return given::taken;
}

} // namespace coppice::behaviours
