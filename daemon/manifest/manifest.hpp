// SPDX-License-Identifier: MIT
// What a plugin file says of itself, and whether this host takes it: the answer of `coppice inspect`,
// of the configuration check and of the loader's first step. The file is read, never executed or
// mapped, and trusted in nothing: a hostile one gets a verdict like any other. Blocking reads.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "manifest/source_file.hpp"

namespace coppice::manifest {

// A state of a state machine, and what leads on from it, in words for people.
struct declared_state {
  struct edge {
    std::string event;
    std::string to; // a state's name
  };
  std::string name;
  std::vector<edge> on;
};

// One actor type of a plugin.
struct actor_type {
  std::string name;
  std::string behaviour;           // "server"
  std::vector<std::string> tables; // "coppice.server/1", …: what it implements
  std::string args_schema;         // JSON Schema as JSON text; empty: any map is taken
  std::uint32_t state_version = 0; // of what save_state writes
  std::string unhandled;           // exit, reply_error, log or ignore; empty: it says nothing of it
  std::optional<std::vector<std::string>> takes; // calls, casts, messages, web; none: it says nothing of it
  std::vector<declared_state> states;            // the first one comes first; empty: it says nothing of them

  // False: it says that it takes no web requests.
  bool may_take_web() const;
};

// What the note declares; see note.hpp.
struct manifest {
  std::string id;
  std::string version;
  std::string build_id; // the note's, else the linker's in hex; may be empty
  std::uint32_t abi_major = 0;
  std::uint32_t abi_minor_needs = 0;
  std::vector<actor_type> actors;

  const actor_type* find(std::string_view actor) const;
};

// A library the file needs.
struct library {
  std::string name;
  std::string path; // in the system's folders; empty: it is in none of them
};

// How the file was linked, as far as it bears on loading, unloading and safety.
struct linkage {
  std::vector<library> libraries;          // DT_NEEDED, in order
  std::vector<std::string> search_paths;   // RPATH and RUNPATH
  std::vector<std::string> exports;        // defined dynamic symbols other than the descriptor
  std::vector<std::string> unique_symbols; // exported as STB_GNU_UNIQUE
  std::string build_id;                    // GNU build id, hex
  bool has_descriptor = false;             // exports `coppice_plugin`
  bool text_relocations = false;
  bool no_delete = false;
  bool executable_stack = false;
  bool bind_now = false;
  bool relro = false;
};

// Kinds of objection, for programs that branch on them.
enum class objection {
  unreadable,
  unsafe_file,
  not_elf,
  wrong_architecture,
  not_a_library,
  damaged,
  no_note,
  bad_note,
  bad_json,
  newer_format,
  newer_abi,
  older_abi,
  unknown_behaviour,
  bad_tables,
  no_descriptor,
  search_path,
  private_library,
  text_relocations,
  no_delete,
  unique_symbol,
  executable_stack,
  unknown_draft,  // warning
  extra_exports,  // warning
  weak_hardening, // warning
};

struct reason {
  objection kind;
  bool warning = false; // the file is taken all the same
  std::string text;     // what is wrong, lower case, no full stop
  std::string remedy;   // what the plugin's author does about it

  std::string sentence() const { return text + " (" + remedy + ")"; }
};

struct verdict {
  std::vector<reason> reasons; // refusals first

  bool accepted() const;
  bool has(objection kind) const;
  // The refusals in one line, "text (remedy); …"; empty when accepted.
  std::string text() const;
};

struct inspection {
  std::optional<manifest> declared; // if a note could be read, even when the file is refused
  std::optional<linkage> linked;    // if it is an ELF library of this machine
  std::vector<std::string> drafts;  // that it uses, as far as can be seen: "coppice.order/draft-1", …
  coppice::manifest::verdict verdict;
};

struct inspect_options {
  bool file_safety = true; // false: owner and mode of the file and its path do not matter
};

// Everything about one file. Never fails: what cannot be read is a reason.
inspection inspect(const std::string& path, const inspect_options& options = {});
// The same of what was opened, or of why it was not.
inspection inspect(const base::result<source_file>& file, const inspect_options& options = {});

// The manifest of a file that is accepted; otherwise why not.
base::result<manifest> read(const std::string& path, const inspect_options& options = {});

// The JSON text of a note. Errors are errc::invalid, or errc::unsupported for a newer format.
base::result<manifest> parse(std::string_view json);

// Why this host does not speak a plugin's ABI; nullopt: it does. The numbers are the note's or the
// descriptor's, the names the note's.
std::optional<reason> judge_abi(const manifest& of, std::uint32_t major, std::uint32_t minor_needed);

} // namespace coppice::manifest
