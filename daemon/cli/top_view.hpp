// SPDX-License-Identifier: MIT
// What a person has chosen in the live picture of `top`: the column by which it is sorted, the process that
// is selected, and whether that is shown alone. A pure machine: keys go in, and requests and pictures come
// out.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>

#include "cli/keys.hpp"
#include "cli/terminal.hpp"

namespace coppice::cli {

class top_view {
 public:
  explicit top_view(std::string sort) : sort_(std::move(sort)) {}

  const std::string& sort() const { return sort_; }
  // The pid of the process that is shown alone. Empty: the list is shown.
  const std::string& alone() const { return alone_; }
  // How many processes the list needs for a screen of this size.
  std::size_t wanted(const screen& size) const;

  // quit: the person has seen enough; ask: another document is needed; draw: the same one, drawn again.
  enum class then : std::uint8_t { nothing, draw, ask, quit };
  // `shown`: the document that is on the screen.
  then press(key what, const nlohmann::json& shown, const screen& size);
  // The process that was shown alone has ended.
  void show_list() { alone_.clear(); }

  // The picture of a document of `top`, or, if a process is shown alone, of `info`: at most size.rows rows.
  std::string picture(const nlohmann::json& document, const screen& size, bool colours);

 private:
  void keep_in_sight(std::size_t processes, const screen& size);

  std::string sort_;
  std::string alone_;
  std::size_t first_ = 0; // of the list, on the screen
  std::size_t selected_ = 0;
};

} // namespace coppice::cli
