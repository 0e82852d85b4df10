// SPDX-License-Identifier: MIT
// life.json is {"began": NS, "over": BOOLEAN, "orderly": BOOLEAN, "how": TEXT}.
#include "node/shown/life_record.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/json_depth.hpp"
#include "base/json_text.hpp"

namespace coppice::node {

namespace {

using nlohmann::json;

constexpr std::size_t most_bytes = 64 << 10;

std::optional<former_life> life_of(const std::string& folder) {
  const auto text = base::read_file(folder + "/life.json", most_bytes);
  if (!text || base::nests_deeper(*text, 4)) return std::nullopt;
  const json from = json::parse(*text, nullptr, false);
  const bool fits = from.is_object() && from.contains("began") && from["began"].is_number_integer() &&
                    from.contains("over") && from["over"].is_boolean() && from.contains("orderly") &&
                    from["orderly"].is_boolean() && from.contains("how") && from["how"].is_string();
  if (!fits) return std::nullopt;
  former_life out{from["began"].get<base::nanos>(), from["orderly"].get<bool>(),
                  from["how"].get<std::string>()};
  if (from["over"].get<bool>()) return out;
  const auto words = base::read_file(folder + "/last_words", most_bytes);
  const std::string first = words ? words->substr(0, words->find('\n')) : std::string();
  out.how = first.empty() ? "it was killed, or the machine went down: it could say nothing" : first;
  return out;
}

} // namespace

base::status life_record::begin(const std::string& folder) {
  if (auto made = base::make_folders(folder, 0750); !made) return made;
  const std::string file = folder + "/last_words";
  base::unique_fd words(open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600));
  const int trouble = errno;
  // A file system without locks lets every node begin.
  if (words && flock(words.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
    return base::fail(base::errc::refused, folder + " is in use by another node: each needs its own folder");
  former_ = life_of(folder);
  if (!words) return base::fail_errno("open " + file, trouble);
  if (ftruncate(words.get(), 0) != 0) return base::fail_errno("truncate " + file, errno);
  words_ = std::move(words);
  folder_ = folder;
  began_ = base::wall_now();
  return write(false, false, "");
}

void life_record::end(bool orderly, const std::string& how) {
  if (!folder_.empty()) (void)write(true, orderly, how);
}

base::status life_record::write(bool over, bool orderly, const std::string& how) const {
  const json document{{"began", began_}, {"over", over}, {"orderly", orderly}, {"how", how}};
  return base::write_file_atomic(folder_ + "/life.json", base::json_text(document) + "\n", 0600);
}

} // namespace coppice::node
