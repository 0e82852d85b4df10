// SPDX-License-Identifier: MIT
// The type of a child's args: a map that becomes a term, as with `term` of simple_types.hpp, in which
// markers may stand for secrets; see secrets.hpp. Immutable; any thread.
#pragma once

#include "spec/schema/simple_types.hpp"

namespace coppice::spec {

class args_term final : public value_type<encoded_term> {
 public:
  bool read(reader&, const node&, encoded_term& into) const override;
  json print(const encoded_term& value) const override { return term().print(value); }
  json describe(json& definitions) const override { return term().describe(definitions); }
  static void compare(const encoded_term& before, const encoded_term& after, std::string_view prefix,
                      std::string_view key, change_effect effect, changed_keys& to) {
    term::compare(before, after, prefix, key, effect, to);
  }
};

} // namespace coppice::spec
