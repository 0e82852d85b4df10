// SPDX-License-Identifier: MIT
// See secret_word.hpp.
#include "base/secret_word.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/open_files.hpp"

namespace coppice::base {

result<std::string> secret_word(std::string text, std::string_view where, std::string_view noun) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.pop_back();
  if (text.empty()) return fail(errc::invalid, fmt::format("{}: the {} is empty", where, noun));
  const bool is_printable = std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
  if (!is_printable)
    return fail(errc::invalid, fmt::format("{}: a {} has printable ASCII characters only", where, noun));
  return text;
}

std::string secret_word_place(const std::string& path, std::string_view noun) {
  return fmt::format("{} file {}", noun, path);
}

result<std::string> read_secret_word(const std::string& path, std::string_view noun) {
  const std::string where = secret_word_place(path, noun);
  auto file = open_regular_file(path);
  struct stat link {};
  // A new file cannot be made where a link is.
  if (!file && file.error().code == errc::not_found && lstat(path.c_str(), &link) == 0)
    return fail(errc::invalid, where + ": it is a link to a file that does not exist");
  if (!file) return unexpected(std::move(file.error()).context(where));
  if ((file->mode & (S_IRWXG | S_IRWXO)) != 0)
    return fail(errc::refused,
                fmt::format("{}: must be accessible by its owner only (mode {:o} now): chmod 600 {}", where,
                            file->mode & 0777U, path));
  auto text = read_all(file->fd.get(), path, longest_secret_word);
  if (!text) return text;
  return secret_word(std::move(*text), where, noun);
}

} // namespace coppice::base
