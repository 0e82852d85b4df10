// SPDX-License-Identifier: MIT
// What a saga reads from others, as arbitrary terms: answers of participants, casts of other sagas, and its
// options. An answer or a cast that it accepts reads the same after it is written again. The first two bytes
// choose the request that is answered.
// rooms: behaviours
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "behaviours/saga/saga_settings.hpp"
#include "behaviours/saga/saga_words.hpp"
#include "script.hpp"

namespace {

using namespace coppice;
using fuzz::check;
using saga::commit_kind;
using saga::request_kind;

// The atom undefined means the same as no value.
std::string said(const saga::term& value) {
  return value == saga::reason("undefined") ? std::string() : value.encoded;
}

void read_answer(etf::bytes answer, request_kind to, commit_kind kind) {
  const auto read = behaviours::read_answer(answer, to, kind);
  if (!read) return;
  const auto again = behaviours::saga_answer({to, read->what, {}, read->value}, kind);
  const auto twice = behaviours::read_answer(again.bytes(), to, kind);
  check(twice && twice->what == read->what && said(twice->value) == said(read->value));
}

void read_cast(etf::bytes cast) {
  const auto read = behaviours::read_envelope(cast);
  if (!read || !*read) return;
  const auto& [name, body] = **read;
  check(saga::is_sound(name));
  const auto again = behaviours::enveloped(name, body);
  const auto twice = behaviours::read_envelope(again.bytes());
  check(twice && *twice && (*twice)->first == name);
  check(saga::encode((*twice)->second) == saga::encode(body));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::script from({data, size});
  const auto to = static_cast<request_kind>(from.byte() % 4);
  const auto kind = static_cast<commit_kind>(from.byte() % 2);
  const std::vector<std::uint8_t> term = from.term();
  read_answer(term, to, kind);
  read_cast(term);
  if (const auto how = behaviours::read_saga_settings(term))
    check(how->core.lifespan >= 0 && how->core.keep >= 0 && how->core.step_timeout >= 0);
  return 0;
}
