// SPDX-License-Identifier: MIT
// Judges a file by its facts. Each rule is one objection with its remedy, in the words of authors of plugins.
// Some rules guard loading: which users could have written the file, and for which machine and ABI it is. The
// others guard unloading: a file whose code or data would stay in the process after a reload is refused here.
#include <algorithm>
#include <coppice/detail/tables.hpp>
#include <filesystem>

#include "base/suggest.hpp"
#include "manifest/drafts.hpp"
#include "manifest/elf_file.hpp"
#include "manifest/manifest.hpp"
#include "manifest/note.hpp"

namespace coppice::manifest {
namespace {

constexpr const char* readable_remedy = "check the path and the file's permissions";
constexpr const char* descriptors_remedy =
    "the process may open no more files: raise LimitNOFILE= in its unit, or ulimit -n";

void refuse(verdict& to, objection kind, std::string text, std::string remedy) {
  to.reasons.push_back({kind, false, std::move(text), std::move(remedy)});
}

void warn(verdict& to, objection kind, std::string text, std::string remedy) {
  to.reasons.push_back({kind, true, std::move(text), std::move(remedy)});
}

void refuse(verdict& to, const elf_error& error) {
  switch (error.problem) {
    case elf_problem::unreadable:
      return refuse(to, objection::unreadable, "cannot be read: " + error.text, readable_remedy);
    case elf_problem::not_elf:
      return refuse(to, objection::not_elf, error.text,
                    "a plugin is a shared object (.so): compile and link it");
    case elf_problem::wrong_architecture:
      return refuse(to, objection::wrong_architecture, error.text, "compile it for this machine");
    case elf_problem::not_a_library:
      return refuse(to, objection::not_a_library, error.text, "link it with -shared");
    case elf_problem::damaged:
      return refuse(to, objection::damaged, "the file is damaged: " + error.text, "build or copy it again");
  }
}

// Names a few of `count` symbols and says how many more there are.
std::string name_some(const std::vector<std::string>& names, std::size_t count) {
  constexpr std::size_t shown = 3;
  std::string text;
  for (std::size_t at = 0; at < std::min(names.size(), shown); ++at) text += (at ? ", " : "") + names[at];
  if (count > shown) text += " and " + std::to_string(count - shown) + " more";
  return text;
}

// A file may have any number of symbols: most_kept names are kept, and all are counted.
constexpr std::size_t most_kept = 16;
struct symbol_counts {
  std::size_t exports = 0;
  std::size_t unique = 0;
};

void keep(std::vector<std::string>& names, std::size_t& count, std::string_view name) {
  if (++count <= most_kept) names.emplace_back(name);
}

std::string hex(std::string_view raw) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (char c : raw) {
    auto byte = static_cast<unsigned char>(c);
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

// Path at which the dynamic linker finds the library without a search path. Empty: it does not find it.
std::string in_system_folders(const std::string& library) {
  if (library.find('/') != library.npos) return {};
#if defined(__x86_64__)
  constexpr std::string_view triplet = "x86_64-linux-gnu";
#elif defined(__aarch64__)
  constexpr std::string_view triplet = "aarch64-linux-gnu";
#else
  constexpr std::string_view triplet = "riscv64-linux-gnu";
#endif
  for (std::string_view folder : {"/lib/", "/usr/lib/", "/lib64/", "/usr/lib64/"})
    for (std::string_view below : {std::string_view(), triplet}) {
      std::error_code ignored;
      const auto path = std::filesystem::path(folder) / below / library;
      if (std::filesystem::exists(path, ignored)) return path.string();
    }
  return {};
}

// Bounds that no real file reaches.
constexpr std::size_t most_libraries = 256;
constexpr std::size_t most_search_paths = 16;

elf_result<linkage> read_dynamic(const elf_file& file) {
  linkage linked;
  const auto name_at = [&file](std::uint64_t offset) {
    return std::string(file.string(offset).value_or("?"));
  };
  for (const auto& one : file.dynamic()) {
    switch (one.d_tag) {
      case DT_NEEDED:
        if (linked.libraries.size() == most_libraries)
          return unexpected<elf_error>(elf_error{elf_problem::damaged, "it needs too many libraries"});
        linked.libraries.push_back({name_at(one.d_un.d_val), {}});
        linked.libraries.back().path = in_system_folders(linked.libraries.back().name);
        break;
      case DT_RPATH:
      case DT_RUNPATH:
        if (linked.search_paths.size() < most_search_paths)
          linked.search_paths.push_back(name_at(one.d_un.d_val));
        break;
      case DT_TEXTREL:
        linked.text_relocations = true;
        break;
      case DT_BIND_NOW:
        linked.bind_now = true;
        break;
      case DT_FLAGS:
        linked.text_relocations |= (one.d_un.d_val & DF_TEXTREL) != 0;
        linked.bind_now |= (one.d_un.d_val & DF_BIND_NOW) != 0;
        break;
      case DT_FLAGS_1:
        linked.no_delete |= (one.d_un.d_val & DF_1_NODELETE) != 0;
        linked.bind_now |= (one.d_un.d_val & DF_1_NOW) != 0;
        break;
      default:
        break;
    }
  }
  // Without a PT_GNU_STACK header the dynamic linker makes the stack executable.
  linked.executable_stack = true;
  for (const auto& segment : file.segments()) {
    if (segment.p_type == PT_GNU_STACK) linked.executable_stack = (segment.p_flags & PF_X) != 0;
    if (segment.p_type == PT_GNU_RELRO) linked.relro = true;
  }
  return linked;
}

void judge_linkage(const linkage& linked, const symbol_counts& all, verdict& to) {
  if (!linked.search_paths.empty())
    refuse(to, objection::search_path,
           "has a library search path (RPATH or RUNPATH): " +
               name_some(linked.search_paths, linked.search_paths.size()),
           "link without -rpath; a private library is linked statically");
  for (const auto& library : linked.libraries) {
    if (!library.path.empty()) continue;
    refuse(to, objection::private_library,
           "needs " + library.name + ", which is not in the system's library folders",
           "link it statically: a second generation of the plugin would get the first one's copy");
  }
  if (linked.text_relocations)
    refuse(to, objection::text_relocations, "has text relocations", "compile all of it with -fPIC");
  if (linked.no_delete)
    refuse(to, objection::no_delete, "is linked with -z nodelete, so that it could never be reloaded",
           "link without -z nodelete");
  if (!linked.unique_symbols.empty())
    refuse(
        to, objection::unique_symbol,
        "exports unique symbols, which keep it in memory for ever: " +
            name_some(linked.unique_symbols, all.unique),
        "compile with -fvisibility=hidden -fvisibility-inlines-hidden or -fno-gnu-unique and link with the "
        "plugin's version script");
  if (linked.executable_stack)
    refuse(to, objection::executable_stack, "asks for an executable stack", "link with -z noexecstack");
  if (!linked.has_descriptor)
    refuse(to, objection::no_descriptor, "does not export " + std::string(plugin_symbol),
           "declare it with COPPICE_PLUGIN and keep it visible in the version script");
  if (!linked.exports.empty())
    warn(to, objection::extra_exports,
         "exports more than " + std::string(plugin_symbol) + ": " + name_some(linked.exports, all.exports),
         "compile with -fvisibility=hidden and link with the plugin's version script");
  if (!linked.relro || !linked.bind_now)
    warn(to, objection::weak_hardening, "is not hardened against overwritten jump tables",
         "link with -z relro -z now");
}

void judge_tables(const manifest& declared, verdict& to) {
  for (const auto& actor : declared.actors)
    for (auto& fault : tables::check_names(actor.behaviour, actor.tables)) {
      auto text = "actor " + actor.name + ": " + std::move(fault.text);
      if (fault.what != tables::fault::kind::unknown_behaviour) {
        refuse(to, objection::bad_tables, std::move(text), std::move(fault.remedy));
        continue;
      }
      std::vector<std::string_view> known;
      for (const auto* one = coppice_behaviours; one->name != nullptr; ++one) known.push_back(one->name);
      auto guess = base::did_you_mean(actor.behaviour, known);
      refuse(to, objection::unknown_behaviour, std::move(text),
             guess.empty() ? std::move(fault.remedy) : std::move(guess));
    }
}

struct found_notes {
  std::string declared; // the first one
  std::size_t count = 0;
  std::string build_id;
};

std::optional<manifest> judge_notes(const found_notes& notes, verdict& to) {
  if (notes.count == 0) {
    refuse(to, objection::no_note, "not a Coppice plugin, or built without COPPICE_PLUGIN",
           "declare the plugin with COPPICE_PLUGIN in one of its files");
    return std::nullopt;
  }
  if (notes.count > 1) {
    refuse(to, objection::bad_note, "declares itself " + std::to_string(notes.count) + " times",
           "use COPPICE_PLUGIN once in all of the plugin's files");
    return std::nullopt;
  }
  auto declared = parse(notes.declared);
  if (!declared) {
    if (declared.error().code == base::errc::unsupported)
      refuse(to, objection::newer_format, declared.error().text, "update the host");
    else
      refuse(to, objection::bad_json, "its manifest is wrong: " + declared.error().text,
             "correct what COPPICE_PLUGIN is given");
    return std::nullopt;
  }
  if (declared->build_id.empty()) declared->build_id = notes.build_id;
  return std::move(*declared);
}

void judge_file(const source_file& source, inspection& result) {
  auto file = elf_file::open(source.descriptor());
  if (!file) return refuse(result.verdict, file.error());
  auto dynamic = read_dynamic(*file);
  if (!dynamic) return refuse(result.verdict, dynamic.error());
  linkage linked = std::move(*dynamic);
  symbol_counts all;
  auto symbols = file->symbols([&linked, &all](std::string_view name, unsigned char binding) {
    if (name == plugin_symbol) {
      linked.has_descriptor = true;
      return;
    }
    if (binding == STB_GNU_UNIQUE) keep(linked.unique_symbols, all.unique, name);
    keep(linked.exports, all.exports, name);
  });
  if (!symbols) return refuse(result.verdict, symbols.error());
  found_notes notes;
  auto read = file->notes([&notes](const elf_file::note& note) {
    if (note.name == note_name && note.type == note_type && ++notes.count == 1) notes.declared = note.desc;
    if (note.name == "GNU" && note.type == NT_GNU_BUILD_ID) notes.build_id = hex(note.desc);
  });
  if (!read) return refuse(result.verdict, read.error());
  linked.build_id = notes.build_id;
  result.declared = judge_notes(notes, result.verdict);
  // A file that is not a plugin at all gets no advice about linking.
  if (notes.count != 0) judge_linkage(linked, all, result.verdict);
  result.linked = std::move(linked);
  if (!result.declared) return;
  const manifest& declared = *result.declared;
  auto other_abi = judge_abi(declared, declared.abi_major, declared.abi_minor_needs);
  if (other_abi) {
    result.verdict.reasons.push_back(std::move(*other_abi));
  } else {
    judge_tables(declared, result.verdict); // this host does not know the tables of another ABI
  }
  auto drafts = find_drafts(*file, declared);
  if (!drafts) return refuse(result.verdict, drafts.error());
  result.drafts = std::move(*drafts);
  for (auto& why : judge_drafts(result.drafts, known_drafts()))
    result.verdict.reasons.push_back(std::move(why));
}

} // namespace

std::optional<reason> judge_abi(const manifest& of, std::uint32_t major, std::uint32_t minor_needed) {
  const auto version = [](std::uint32_t first, std::uint32_t second) {
    return std::to_string(first) + "." + std::to_string(second);
  };
  const std::string theirs = version(major, minor_needed);
  const std::string asks = of.id + " " + of.version + " needs plugin ABI " + theirs;
  const std::string has =
      ", and this host, coppice " COPPICE_VERSION ", has " + version(abi_major, abi_minor);
  if (major < abi_major)
    return reason{objection::older_abi, false, asks + has, "rebuild it with this host's headers"};
  if (major == abi_major && minor_needed <= abi_minor) return std::nullopt;
  return reason{objection::newer_abi, false, asks + has,
                "install a coppice whose plugin ABI is at least " + theirs};
}

bool verdict::accepted() const {
  return std::none_of(reasons.begin(), reasons.end(), [](const reason& one) { return !one.warning; });
}

bool verdict::has(objection kind) const {
  return std::any_of(reasons.begin(), reasons.end(), [kind](const reason& one) { return one.kind == kind; });
}

std::string verdict::text() const {
  std::string all;
  for (const auto& one : reasons)
    if (!one.warning) all += (all.empty() ? "" : "; ") + one.sentence();
  return all;
}

inspection inspect(const std::string& path, const inspect_options& options) {
  return inspect(source_file::open(path), options);
}

inspection inspect(const base::result<source_file>& file, const inspect_options& options) {
  inspection result;
  if (!file) {
    refuse(result.verdict, objection::unreadable, file.error().text,
           file.error().code == base::errc::limit ? descriptors_remedy : readable_remedy);
    return result;
  }
  // If another user could have written the file, the node does not parse it in its own process.
  if (options.file_safety && !file->safe()) {
    refuse(result.verdict, objection::unsafe_file, file->safe().error().text,
           "only root or the node's user may be able to write there: chown, chmod go-w");
    return result;
  }
  judge_file(*file, result);
  std::stable_partition(result.verdict.reasons.begin(), result.verdict.reasons.end(),
                        [](const reason& one) { return !one.warning; });
  return result;
}

base::result<manifest> read(const std::string& path, const inspect_options& options) {
  auto result = inspect(path, options);
  if (!result.verdict.accepted()) return base::fail(base::errc::refused, path + ": " + result.verdict.text());
  return std::move(*result.declared);
}

} // namespace coppice::manifest
