// SPDX-License-Identifier: MIT
// One scan of the term; keys are compared only if a map has several. See sound_term.hpp. Any thread.
#include "runtime/messages/sound_term.hpp"

#include <coppice/etf/unique_keys.hpp>
#include <coppice/etf/validate.hpp>

namespace coppice::runtime {

bool is_sound_term(etf::bytes bytes, const etf::limits& bounds) {
  const auto seen = etf::scan(bytes, bounds);
  if (!seen || seen->length != bytes.size() || !seen->sized) return false;
  if (!seen->keyed) return true;
  return seen->canonical ? etf::check_keys(bytes).has_value() : etf::has_unique_keys(bytes);
}

} // namespace coppice::runtime
