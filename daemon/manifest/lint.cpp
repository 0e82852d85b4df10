// SPDX-License-Identifier: MIT
// The table of calls, and the rules for data and states. A rule only speaks where the file decides it: things
// that the C++ classes, the run-time library of a language or a sanitizer put into the file are ignored, and
// where they cannot be told from the author's own, nothing is said.
#include "manifest/lint.hpp"

#include <coppice/lifecycle.h>
#include <coppice/plugin.h>

#include <algorithm>
#include <cstddef>
#include <set>
#include <string_view>
#include <utility>

#include "manifest/elf_file.hpp"
#include "manifest/manifest.hpp"
#include "manifest/note.hpp"
#include "manifest/source_file.hpp"

namespace coppice::manifest {
namespace {

constexpr std::string_view waits = "wait with a timer of the actor, or with the host's sleep";
constexpr std::string_view runs = "run the program as a connection of the actor, or in blocking_run";
constexpr std::string_view connects = "use the host's connections, or call it in blocking_run";
constexpr std::string_view looks_up = "give the host's connections the name, or call it in blocking_run";
constexpr std::string_view watches =
    "leave the descriptor to the host's connections, or to a thread of the plugin";
constexpr std::string_view locks = "let one actor own what is locked, or call it in blocking_run";
constexpr std::string_view hears = "let a thread of the plugin wait, and post what comes to the actor";
constexpr std::string_view stops = "end the actor instead: return COPPICE_STOP, or throw";

struct imported {
  std::string_view name;
  std::string_view remedy;
};
// Each of these calls holds the thread of the worker that runs the actor, and so every actor of that worker.
constexpr imported blocking[] = {
    {"sleep", waits},
    {"usleep", waits},
    {"nanosleep", waits},
    {"clock_nanosleep", waits},
    {"thrd_sleep", waits},
    {"pause", waits},
    {"system", runs},
    {"popen", runs},
    {"pclose", runs},
    {"wait", runs},
    {"waitpid", runs},
    {"connect", connects},
    {"accept", connects},
    {"accept4", connects},
    {"getaddrinfo", looks_up},
    {"getnameinfo", looks_up},
    {"gethostbyname", looks_up},
    {"gethostbyname2", looks_up},
    {"gethostbyname_r", looks_up},
    {"gethostbyaddr", looks_up},
    {"poll", watches},
    {"ppoll", watches},
    {"select", watches},
    {"pselect", watches},
    {"epoll_wait", watches},
    {"epoll_pwait", watches},
    {"flock", locks},
    {"lockf", locks},
    {"lockf64", locks},
    {"sigwait", hears},
    {"sigwaitinfo", hears},
    {"sigsuspend", hears},
    {"mq_receive", hears},
    {"msgrcv", hears},
};
constexpr imported ending[] = {
    {"exit", stops}, {"_exit", stops}, {"_Exit", stops}, {"quick_exit", stops}, {"abort", stops},
};

using names = std::set<std::string, std::less<>>;
constexpr std::size_t most_names = 1 << 16; // more imports than that are no plugin's
// Bytes of a name, which is untrusted; there may be millions of names. A longer name is judged by its
// beginning.
constexpr std::size_t longest_name = 256;

void add(lint_report& to, std::string_view kind, std::string text, std::string_view remedy) {
  to.findings.push_back({std::string(kind), std::move(text), std::string(remedy)});
}

// Whether the run-time library of a language is linked with the file: it may call what the author did not.
bool has_runtime(const names& imports) {
  return std::ranges::any_of(imports, [](const std::string& one) {
    return one.starts_with("_Z") || one.starts_with("__gxx_") || one.starts_with("_Unwind_");
  });
}

// Whether the name of an import begins with `head`.
bool has_any(const names& imports, std::string_view head) {
  const auto first = imports.lower_bound(head);
  return first != imports.end() && first->starts_with(head);
}

void judge_imports(const names& imports, lint_report& to) {
  for (const auto& [name, remedy] : blocking)
    if (imports.contains(name))
      add(to, "blocking_call",
          "calls " + std::string(name) + ", which holds a worker of the node and every actor on it", remedy);
  if (has_any(imports, "_ZNSt11this_thread11__sleep_for"))
    add(to, "blocking_call",
        "calls std::this_thread::sleep_for, which holds a worker of the node and every actor on it", waits);
  for (const auto& [name, remedy] : ending) {
    if (!imports.contains(name) || (name == "abort" && has_runtime(imports))) continue;
    add(to, "ends_node", "calls " + std::string(name) + ", which ends the whole node", remedy);
  }
  if (imports.contains("__cxa_thread_atexit"))
    add(to, "thread_local",
        "has a thread_local variable with a destructor, which keeps the old code in memory after each reload",
        "keep it in the actor, or give it a type without a destructor");
}

// Whether a name is one of C++ or Rust whose first part is `scope`.
bool is_in(std::string_view name, std::string_view scope) {
  if (!name.starts_with("_Z")) return false;
  name.remove_prefix(2);
  while (name.starts_with('Z')) name.remove_prefix(1); // a static variable of a function
  if (name.starts_with('N')) name.remove_prefix(1);
  while (name.starts_with('K') || name.starts_with('L')) name.remove_prefix(1);
  return name.starts_with(scope);
}

// A Rust name in the older form of mangling ends with 16 digits.
bool is_rust(std::string_view name) {
  const std::size_t at = name.rfind("17h");
  return name.starts_with("_ZN") && at != name.npos &&
         name.size() - at >= std::string_view("17h0123456789abcdefE").size();
}

// Variables that the compiler, a run-time library or this API has put there. Rust's newer names (_R) are
// passed over: those of its standard library's parts cannot be told from those of the plugin.
bool is_foreign(std::string_view name) {
  for (std::string_view head : {"__", ".L", "completed.", "object.", "DW.ref.", "anon.", "_R", "_rust_",
                                "_ZTI", "_ZTS", "_ZTV", "_ZTT", "_ZGV", "GCC_except_table"})
    if (name.starts_with(head)) return true;
  for (std::string_view scope : {"7coppice", "St", "9__gnu_cxx", "10__cxxabiv1"})
    if (is_in(name, scope)) return true;
  if (is_rust(name))
    for (std::string_view scope : {"3std", "4core", "5alloc"})
      if (is_in(name, scope)) return true;
  return false;
}

// Takes "5total" off the front of a mangled name. Empty: it does not begin with a name.
std::string_view take_name(std::string_view& rest) {
  std::size_t length = 0;
  std::size_t digits = 0;
  for (; digits < std::min<std::size_t>(rest.size(), 4) && rest[digits] >= '0' && rest[digits] <= '9';
       ++digits)
    length = length * 10 + static_cast<std::size_t>(rest[digits] - '0');
  if (length > rest.size() - digits) return {};
  const auto name = rest.substr(digits, length);
  if (!name.empty()) rest.remove_prefix(digits + length);
  return name;
}

// "shop::total" of a plain C++ name; any other name as it is. The parser is this simple because the name is
// untrusted.
std::string readable(std::string_view name) {
  std::string_view rest = name;
  if (!rest.starts_with("_Z")) return std::string(name);
  rest.remove_prefix(2);
  const bool nested = rest.starts_with('N');
  if (nested) rest.remove_prefix(1);
  std::string text;
  do {
    if (rest.starts_with('L')) rest.remove_prefix(1);
    const auto part = take_name(rest);
    if (part.empty()) return std::string(name);
    if (rest.starts_with('B')) { // the tag of an ABI, such as B5cxx11
      rest.remove_prefix(1);
      if (take_name(rest).empty()) return std::string(name);
    }
    if (part.size() == 17 && part.front() == 'h' && is_rust(name)) return text;
    text += text.empty() ? "" : "::";
    text += part == "_GLOBAL__N_1" ? "(anonymous namespace)" : part;
  } while (nested && !rest.starts_with('E'));
  return rest == (nested ? "E" : "") ? text : std::string(name);
}

struct own_data {
  std::vector<std::string> shown; // a few
  std::size_t count = 0;
  std::uint64_t bytes = 0;
};

elf_result<void> judge_data(const elf_file& file, lint_report& to) {
  constexpr std::size_t most_shown = 8;
  struct seen {
    std::string name;
    std::uint64_t size;
    bool maybe_interface;
  };
  std::vector<seen> candidates;
  bool has_classes = false;
  auto read = file.variables([&](const elf_file::variable& one) {
    has_classes = has_classes || one.name == "_ZN7coppice6detail4hostE";
    const std::string_view name = one.name.substr(0, longest_name);
    if (candidates.size() == most_names || is_foreign(name)) return;
    candidates.push_back({std::string(name), one.size, one.begins_as_zero && one.size == sizeof(void*)});
  });
  if (!read) return unexpected(read.error());
  if (!*read) {
    to.not_judged.emplace_back("writable data: the file has no symbol table");
    return {};
  }
  // Without the C++ classes the author keeps pointers to the host's interfaces, which init sets.
  own_data own;
  for (const auto& [name, size, maybe_interface] : candidates) {
    if (maybe_interface && !has_classes) continue;
    if (++own.count <= most_shown) own.shown.push_back(readable(name));
    own.bytes += std::min<std::uint64_t>(size, UINT64_MAX - own.bytes);
  }
  if (own.count == 0) return {};
  std::string text =
      "has writable data of " + std::to_string(own.bytes) + " bytes, which all of its actors share: ";
  for (std::size_t at = 0; at < own.shown.size(); ++at) text += (at == 0 ? "" : ", ") + own.shown[at];
  if (own.count > most_shown) text += " and " + std::to_string(own.count - most_shown) + " more";
  add(to, "writable_data", std::move(text),
      "keep it in the actor, where one thread at a time uses it and save_state carries it over a reload");
  return {};
}

// Whether actors of that type have a state and save it. Empty: the file does not tell.
std::optional<bool> saves_state(const elf_file::memory& in, std::uint64_t type) {
  constexpr std::size_t most_tables = 64;
  auto table = in.pointer(type + offsetof(coppice_actor_type, tables));
  if (!table || *table == 0) return std::nullopt;
  for (std::size_t at = 0; at < most_tables; ++at, *table += sizeof(coppice_table)) {
    const auto name_at = in.pointer(*table + offsetof(coppice_table, name));
    if (!name_at) return std::nullopt;
    if (*name_at == 0) return false;
    const auto name = in.text(*name_at, longest_name);
    if (!name) return std::nullopt;
    if (*name != COPPICE_LIFECYCLE_1) continue;
    const auto callbacks = in.pointer(*table + offsetof(coppice_table, callbacks));
    if (!callbacks || *callbacks == 0) return std::nullopt;
    const auto size = in.number(*callbacks + offsetof(coppice_lifecycle, size));
    if (!size) return std::nullopt;
    if (*size < COPPICE_SIZE_THROUGH(coppice_lifecycle, save_state)) return false;
    const auto creates = in.pointer(*callbacks + offsetof(coppice_lifecycle, create));
    const auto saves = in.pointer(*callbacks + offsetof(coppice_lifecycle, save_state));
    if (!creates || !saves) return std::nullopt;
    return *creates != 0 && *saves != 0; // without create the state is NULL, and nothing of it is carried
  }
  return std::nullopt;
}

elf_result<void> judge_states(const elf_file& file, const manifest& declared, lint_report& to) {
  auto plugin = file.address_of(plugin_symbol);
  if (!plugin) return unexpected(plugin.error());
  auto in = elf_file::memory::of(file);
  if (!in) return unexpected(in.error());
  const auto actors = *plugin ? in->pointer(**plugin + offsetof(coppice_descriptor, actors)) : std::nullopt;
  for (std::size_t at = 0; at < declared.actors.size(); ++at) {
    const auto& actor = declared.actors[at];
    if (actor.state_version != 0) continue;
    // The note has the actors in the descriptor's order; the names are held against each other all the same.
    const auto type = actors ? in->pointer(*actors + at * sizeof(void*)) : std::nullopt;
    const auto name_at = type ? in->pointer(*type + offsetof(coppice_actor_type, name)) : std::nullopt;
    const bool same = name_at && in->text(*name_at, actor.name.size() + 1) == actor.name;
    const auto saves = same ? saves_state(*in, *type) : std::nullopt;
    if (!saves)
      to.not_judged.push_back("state version of " + actor.name + ": whether it saves a state");
    else if (*saves)
      add(to, "state_version",
          "actor " + actor.name + " saves a state, and its state_version is 0, which stands for none",
          "give its type a state_version from 1 on, and raise it when save_state changes");
  }
  return {};
}

base::result<lint_report> failed(const std::string& path, const elf_error& error) {
  return base::fail(base::errc::refused, path + ": " + error.text);
}

} // namespace

base::result<lint_report> lint(const std::string& path) {
  auto opened = source_file::open(path);
  const inspection seen = inspect(opened, {.file_safety = false});
  if (!seen.declared || !opened) return base::fail(base::errc::refused, path + ": " + seen.verdict.text());
  auto file = elf_file::open(opened->descriptor());
  if (!file) return failed(path, file.error());
  lint_report report;
  names imports;
  auto read = file->imports([&imports](std::string_view name) {
    if (imports.size() < most_names) imports.emplace(name.substr(0, longest_name));
  });
  if (!read) return failed(path, read.error());
  judge_imports(imports, report);
  if (has_any(imports, "__asan_"))
    report.not_judged.emplace_back("writable data: the address sanitizer has changed its sizes");
  else if (auto data = judge_data(*file, report); !data)
    return failed(path, data.error());
  if (seen.verdict.has(objection::older_abi) || seen.verdict.has(objection::newer_abi))
    report.not_judged.emplace_back("state versions: the file is of another ABI");
  else if (auto states = judge_states(*file, *seen.declared, report); !states)
    return failed(path, states.error());
  return report;
}

} // namespace coppice::manifest
