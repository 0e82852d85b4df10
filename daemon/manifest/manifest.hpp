// SPDX-License-Identifier: MIT
// What a plugin file declares, and whether this host accepts it. Used by `coppice inspect`, the configuration
// check and the loader's first step. The file is read, never executed or mapped, and nothing in it is
// trusted: a hostile file gets a verdict like any other. Blocking reads.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "manifest/source_file.hpp"

namespace coppice::manifest {

// A state of a state machine and its transitions, in words for people.
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
  std::string behaviour;                         // "server"
  std::vector<std::string> tables;               // "coppice.server/1", …: the tables that it implements
  std::string args_schema;                       // JSON Schema as JSON text; empty: any map is accepted
  std::uint32_t state_version = 0;               // version of the states that save_state writes
  std::string unhandled;                         // exit, reply_error, log or ignore; empty: not declared
  std::optional<std::vector<std::string>> takes; // calls, casts, messages, web; empty: not declared
  // The web requests that a class answers: requests, events, websockets; empty: not declared
  std::optional<std::vector<std::string>> answers;
  std::vector<declared_state> states; // the initial state comes first; empty: not declared

  // False if it declares that it takes no web requests.
  bool may_take_web() const;
  // `what` is a word of `answers`. False if it declares that it takes no web requests, or answers none of
  // these.
  bool may_answer(std::string_view what) const;
};

// The content of a file's note; see note.hpp.
struct manifest {
  std::string id;
  std::string version;
  std::string build_id; // from the note, otherwise the linker's in hex; may be empty
  std::uint32_t abi_major = 0;
  std::uint32_t abi_minor_needs = 0;
  std::vector<actor_type> actors;

  const actor_type* find(std::string_view actor) const;
};

// A library the file needs.
struct library {
  std::string name;
  std::string path; // in the system's folders; empty: in none of them
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
  bool warning = false; // the file is accepted all the same
  std::string text;     // what is wrong, lower case, no full stop
  std::string remedy;   // what the plugin's author should do

  std::string sentence() const { return text + " (" + remedy + ")"; }
};

struct verdict {
  std::vector<reason> reasons; // refusals first

  bool accepted() const;
  bool has(objection kind) const;
  // The refusals in one line, "text (remedy); …". Empty: the file is accepted.
  std::string text() const;
};

struct inspection {
  std::optional<manifest> declared; // if a note could be read, also when the file is refused
  std::optional<linkage> linked;    // if it is an ELF library of this machine
  // The drafts it uses, as far as they can be found: "coppice.order/draft-1", …
  std::vector<std::string> drafts;
  coppice::manifest::verdict verdict;
};

struct inspect_options {
  bool file_safety = true; // false: owner and mode of the file and its path do not matter
};

// Inspects a file. Never fails: a file that cannot be read gets a reason.
inspection inspect(const std::string& path, const inspect_options& options = {});
// Inspects a file that was opened, or gives the reason why it could not be opened.
inspection inspect(const base::result<source_file>& file, const inspect_options& options = {});

// The manifest of an accepted file. The error says why it is not accepted.
base::result<manifest> read(const std::string& path, const inspect_options& options = {});

// Parses the JSON text of a note. errc::invalid: malformed; errc::unsupported: a newer format.
base::result<manifest> parse(std::string_view json);

// Why this host cannot run a plugin of this ABI. Empty: it can. The numbers come from the note or the
// descriptor, the names from the note.
std::optional<reason> judge_abi(const manifest& of, std::uint32_t major, std::uint32_t minor_needed);

} // namespace coppice::manifest
