// SPDX-License-Identifier: MIT
// Finds the plugin's ELF note in memory, and reads words of the manifest in it. One thread.
#include <coppice/testing/note.hpp>

#include <elf.h>
#include <link.h>
#include <algorithm>
#include <cstring>

namespace coppice::testing::detail {

namespace {

/// The text of the note "Coppice" in a segment of notes.
std::string_view note_in(std::string_view segment) {
  const auto padded = [](std::size_t size) { return (size + 3) / 4 * 4; };
  ElfW(Nhdr) head;
  while (segment.size() >= sizeof head) {
    std::memcpy(&head, segment.data(), sizeof head);
    segment.remove_prefix(sizeof head);
    const std::size_t name = padded(head.n_namesz);
    if (name + padded(head.n_descsz) > segment.size()) break;
    if (segment.substr(0, head.n_namesz) == std::string_view("Coppice", 8)) {
      const std::string_view text = segment.substr(name, head.n_descsz);
      return text.substr(0, text.find('\0'));
    }
    segment.remove_prefix(name + padded(head.n_descsz));
  }
  return {};
}
void skip_to_value(std::string_view& at) {
  at.remove_prefix(std::min(at.find_first_not_of(" \t\r\n,:"), at.size()));
}
/// The next value as text; `at` moves behind it.
std::string_view next_value(std::string_view& at) {
  skip_to_value(at);
  std::size_t depth = 0;
  std::size_t end = 0;
  for (bool quoted = false; end < at.size(); ++end) {
    const char c = at[end];
    if (quoted && c == '\\')
      ++end;
    else if (c == '"')
      quoted = !quoted;
    if (quoted) continue;
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') {
      if (depth == 0) break;
      --depth;
    }
    if (depth == 0 && std::string_view("}]\"").find(c) != std::string_view::npos && ++end) break;
    if (depth == 0 && std::string_view(", \t\r\n:").find(c) != std::string_view::npos) break;
  }
  const std::string_view value = at.substr(0, end);
  at.remove_prefix(value.size());
  return value;
}
/// A member of an object as text; empty: there is none of that name.
std::string_view member_of(std::string_view object, std::string_view key) {
  if (object.empty() || object.front() != '{') return {};
  object.remove_prefix(1);
  for (skip_to_value(object); !object.empty() && object.front() != '}'; skip_to_value(object)) {
    const std::string_view name = next_value(object);
    const std::string_view value = next_value(object);
    if (name.size() == key.size() + 2 && name.substr(1, key.size()) == key) return value;
    if (name.empty()) break;
  }
  return {};
}
/// The text without its quotes.
std::string_view plain_text(std::string_view written) {
  const bool quoted = written.size() >= 2 && written.front() == '"';
  return quoted ? written.substr(1, written.size() - 2) : std::string_view();
}

} // namespace

std::string_view manifest_around(const void* address) {
  note_search wanted{reinterpret_cast<std::uintptr_t>(address), {}};
  const auto look = [](dl_phdr_info* object, std::size_t, void* context) {
    auto& found = *static_cast<note_search*>(context);
    bool here = false;
    for (std::size_t i = 0; i < object->dlpi_phnum; ++i) {
      const auto& part = object->dlpi_phdr[i];
      const std::uintptr_t begin = object->dlpi_addr + part.p_vaddr;
      here = here || (part.p_type == PT_LOAD && found.inside - begin < part.p_memsz);
    }
    if (!here) return 0;
    for (std::size_t i = 0; i < object->dlpi_phnum && found.text.empty(); ++i) {
      const auto& part = object->dlpi_phdr[i];
      if (part.p_type != PT_NOTE) continue;
      const auto* const begin = reinterpret_cast<const char*>(object->dlpi_addr + part.p_vaddr);
      found.text = note_in({begin, static_cast<std::size_t>(part.p_memsz)});
    }
    return 1;
  };
  dl_iterate_phdr(look, &wanted);
  return wanted.text;
}

std::string_view word_of_actor(std::string_view manifest, std::string_view actor, std::string_view key) {
  std::string_view all = member_of(manifest, "actors");
  if (all.empty() || all.front() != '[') return {};
  all.remove_prefix(1);
  for (skip_to_value(all); !all.empty() && all.front() == '{'; skip_to_value(all)) {
    const std::string_view one = next_value(all);
    if (plain_text(member_of(one, "name")) == actor) return plain_text(member_of(one, key));
  }
  return {};
}

} // namespace coppice::testing::detail
