// SPDX-License-Identifier: MIT
// One thing wrong (or doubtful) in a configuration, and how it is shown: position, sentence, the line
// itself, a caret and what to do. Self-contained: it outlives the text it speaks of. Any thread.
#pragma once

#include <string>
#include <vector>

#include "spec/schema/values.hpp"

namespace coppice::spec {

enum class severity { error, warning };

struct diagnostic {
  spec::severity severity = spec::severity::error;
  std::string file;         // as the user named it; empty: the configuration as a whole
  std::uint32_t line = 0;   // from 1; 0: the file as a whole
  std::uint32_t column = 0; // from 1, in characters
  std::string message;      // what is wrong: lower case, no full stop
  std::string hint;         // what to do about it; may be empty
  std::string excerpt;      // the line, made printable and shortened
  std::uint32_t caret = 0;  // where in the excerpt the caret stands, in characters from 0
};

// FILE:LINE:COLUMN: error: MESSAGE
//   12 | THE LINE
//      |     ^ HINT
// Ends without a newline.
std::string render(const diagnostic&);

// Renders all of them, a line feed after each.
std::string render(const std::vector<diagnostic>&);

bool has_errors(const std::vector<diagnostic>&);

} // namespace coppice::spec
