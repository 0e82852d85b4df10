// SPDX-License-Identifier: MIT
// The texts a configuration was read from, and what is wrong with them. Every check adds its findings
// here and goes on, so that a person sees all of them at once; the number kept is bounded. Parts of the texts
// that are secrets are hidden in all findings, those found before included. One thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/printable.hpp"
#include "spec/schema/diagnostic.hpp"

namespace coppice::spec {

// One file, or one `--set`.
struct source {
  std::string name;   // as the user named it
  std::string folder; // absolute; relative paths start here
  std::string text;
  std::vector<std::size_t> lines; // offset of each line's first byte
};

class sources {
 public:
  // Returns the text's index, the `file` of every place in it.
  std::uint32_t add(std::string name, std::string folder, std::string text);
  const source& at(std::uint32_t file) const { return all_.at(file); }
  std::size_t size() const { return all_.size(); }
  // A line without its end; empty if there is none.
  std::string_view line(const place& where) const;

 private:
  std::vector<source> all_;
};

class report {
 public:
  explicit report(const sources& texts) : texts_(&texts) {}

  // `where`: columns in bytes from 1; line 0 speaks of the file, `nowhere` of the configuration.
  void error(const place& where, std::string message, std::string hint = {});
  void warning(const place& where, std::string message, std::string hint = {});
  // An error of a file that has no text, since it cannot be read.
  void file_error(std::string file, std::string message, std::string hint = {});

  // Hides the lines' text from `begin` to before `end` in all findings, earlier ones included: it is a
  // secret. `end` with line 0: to the end of the text.
  void hide(const place& begin, const place& end);
  // For a file that is no YAML: hides the parts of its lines that may be secrets, judged by their words.
  void hide_by_words(std::uint32_t file);

  bool failed() const { return failed_; }
  std::size_t size() const { return all_.size(); }
  // The findings in the order of files, lines and columns. Leaves this empty.
  std::vector<diagnostic> take();

  static constexpr place nowhere{UINT32_MAX, 0, 0};

 private:
  // Bytes of a line, from `begin` to before `end`.
  struct part {
    std::size_t begin, end;
  };
  struct hidden {
    place begin, end;
  };
  struct entry {
    place where;
    diagnostic what;
  };

  void add(severity how, const place& where, std::string message, std::string hint);
  // In order, without overlaps.
  std::vector<part> hidden_parts(const place& where, std::string_view line) const;
  void cut_out(entry& of) const;

  const sources* texts_;
  std::vector<entry> all_;
  std::vector<hidden> hidden_;
  std::vector<std::uint32_t> no_yaml_; // files
  bool failed_ = false;
  bool cut_ = false;
};

using base::in_quotes;
using base::printable;

} // namespace coppice::spec
