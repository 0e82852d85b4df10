// SPDX-License-Identifier: MIT
// Reads a recording of a GenStage stage, as recordings/README.md describes it, and compares its terms with
// ours. The recording has names for references and pids. A name is bound to a reference or pid of ours where
// it first occurs.
#pragma once

#include <coppice/etf/types.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "runtime/messages/ids.hpp"
#include "runtime/messages/message.hpp"

namespace coppice::test {

struct recorded_line {
  std::string kind; // init, in, out, reply, between, callback, signal, exit, result, …
  std::string from;
  std::string to;
  std::string term;    // Erlang's text, with names
  std::string returns; // of a callback
  std::string of;      // of a result
  bool lost = false;
};

std::vector<recorded_line> read_recording(const std::string& file);

// The names of a recording's pids and references.
class recorded_names {
 public:
  runtime::pid pid_of(const std::string& name);
  bool has_pid(const std::string& name) const { return pids_.contains(name); }
  runtime::reference make_reference();
  // Makes a term of `text`. A reference whose name has no value yet gets one.
  runtime::message term_of(const std::string& text);
  // The text of a term of ours, with the recording's names for pids, and #Ref<own N> for references.
  std::string text_of(etf::bytes term);
  // Whether `ours` is what was recorded. A name without a value is bound to our reference in its place.
  bool same(const std::string& recorded, const std::string& ours);

 private:
  std::string reference_text(const std::string& name);

  std::map<std::string, std::uint32_t> pids_;
  std::map<std::string, std::uint32_t> references_; // by the recording's name: the number of our reference
  std::uint32_t last_reference_ = 0;
};

} // namespace coppice::test
