// SPDX-License-Identifier: MIT
// Checks an actor type's tables against its behaviour: by their names only, from a plugin's note, or
// completely, from the descriptor. The host, its tools and the test kit all use this reading of behaviours.h.
// A fault is a sentence for the plugin's author; the caller adds which actor it is about. Header-only. Any
// thread.
#pragma once

#include <coppice/detail/behaviours.h>
#include <coppice/etf/needs_cpp20.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace coppice::tables {

/// Most tables of one actor type. A longer array has probably no end entry.
inline constexpr std::size_t most = 32;

struct fault {
  enum class kind {
    small_type,        // the actor type's `size` is too small
    no_tables,         // a null pointer
    no_end,            // the array has no end entry
    unknown_behaviour, // the remedy does not guess which behaviour was meant
    twice,
    missing,
    never_used, // a table of another behaviour
    no_callbacks,
    small_table,
    never_called, // a function is set that is never called
  };
  kind what;
  std::string text;   // the fault, lower case, no full stop
  std::string remedy; // what the plugin's author should do

  std::string sentence() const { return text + ": " + remedy; }
};

/// "coppice.server" of "coppice.server/1".
constexpr std::string_view kind_of(std::string_view table) {
  return table.substr(0, table.find('/'));
}

namespace detail {

constexpr std::size_t longest_text = 256;

// A text of the plugin, cut at the longest length allowed.
inline std::string text_of(const char* text) {
  return text == nullptr ? std::string() : std::string(text, strnlen(text, longest_text));
}

inline std::string joined(const std::vector<std::string>& words, std::string_view between) {
  std::string all;
  for (const auto& word : words) all.append(all.empty() ? std::string_view() : between).append(word);
  return all;
}

inline std::string in_quotes(std::string_view text) {
  return "\"" + std::string(text) + "\"";
}

inline const coppice_table_use* find_use(const coppice_behaviour& in, std::string_view table) {
  const coppice_table_use* each = in.tables;
  while (each->name != nullptr && table != each->name) ++each;
  return each->name == nullptr ? nullptr : each;
}

// The behaviours that list this table.
inline std::vector<std::string> users_of(std::string_view table, const coppice_behaviour* list) {
  std::vector<std::string> all;
  for (; list->name != nullptr; ++list)
    if (find_use(*list, table) != nullptr) all.emplace_back(list->name);
  return all;
}

// The names of a table's functions, found by the offsets of its members.
struct entry_name {
  std::string_view table;
  std::size_t offset;
  std::string_view name;
};
#define COPPICE_ENTRY_NAME(table, type, member) \
  { table, offsetof(type, member), #member }
inline constexpr entry_name entry_names[] = {
    COPPICE_ENTRY_NAME(COPPICE_LIFECYCLE_1, coppice_lifecycle, create),
    COPPICE_ENTRY_NAME(COPPICE_LIFECYCLE_1, coppice_lifecycle, init),
    COPPICE_ENTRY_NAME(COPPICE_LIFECYCLE_1, coppice_lifecycle, handle_continue),
    COPPICE_ENTRY_NAME(COPPICE_LIFECYCLE_1, coppice_lifecycle, config_change),
    COPPICE_ENTRY_NAME(COPPICE_LIFECYCLE_1, coppice_lifecycle, save_state),
    COPPICE_ENTRY_NAME(COPPICE_LIFECYCLE_1, coppice_lifecycle, restore_state),
    COPPICE_ENTRY_NAME(COPPICE_LIFECYCLE_1, coppice_lifecycle, after_restore),
    COPPICE_ENTRY_NAME(COPPICE_LIFECYCLE_1, coppice_lifecycle, format_status),
    COPPICE_ENTRY_NAME(COPPICE_LIFECYCLE_1, coppice_lifecycle, terminate),
    COPPICE_ENTRY_NAME(COPPICE_LIFECYCLE_1, coppice_lifecycle, destroy),
    COPPICE_ENTRY_NAME(COPPICE_POOL_DRAFT_1, coppice_pool, choose),
    COPPICE_ENTRY_NAME(COPPICE_POOL_DRAFT_1, coppice_pool, on_overload),
    COPPICE_ENTRY_NAME(COPPICE_RAFT_DRAFT_3, coppice_raft, validate),
    COPPICE_ENTRY_NAME(COPPICE_RAFT_DRAFT_3, coppice_raft, apply),
    COPPICE_ENTRY_NAME(COPPICE_RAFT_DRAFT_3, coppice_raft, handle_query),
    COPPICE_ENTRY_NAME(COPPICE_RAFT_DRAFT_3, coppice_raft, on_leader),
    COPPICE_ENTRY_NAME(COPPICE_RAFT_DRAFT_3, coppice_raft, on_quorum),
    COPPICE_ENTRY_NAME(COPPICE_RAFT_DRAFT_3, coppice_raft, on_member),
    COPPICE_ENTRY_NAME(COPPICE_RAFT_DRAFT_3, coppice_raft, apply_info),
    COPPICE_ENTRY_NAME(COPPICE_RAFT_DRAFT_3, coppice_raft, save),
    COPPICE_ENTRY_NAME(COPPICE_ROUTER_DRAFT_2, coppice_router, route),
    COPPICE_ENTRY_NAME(COPPICE_ROUTER_DRAFT_2, coppice_router, failed),
    COPPICE_ENTRY_NAME(COPPICE_SAGA_DRAFT_2, coppice_saga, handle_start),
    COPPICE_ENTRY_NAME(COPPICE_SAGA_DRAFT_2, coppice_saga, handle_result),
    COPPICE_ENTRY_NAME(COPPICE_SAGA_DRAFT_2, coppice_saga, handle_failed),
    COPPICE_ENTRY_NAME(COPPICE_SAGA_DRAFT_2, coppice_saga, handle_interim),
    COPPICE_ENTRY_NAME(COPPICE_SAGA_DRAFT_2, coppice_saga, handle_do),
    COPPICE_ENTRY_NAME(COPPICE_SAGA_DRAFT_2, coppice_saga, handle_undo),
    COPPICE_ENTRY_NAME(COPPICE_SAGA_DRAFT_2, coppice_saga, handle_prepare),
    COPPICE_ENTRY_NAME(COPPICE_SAGA_DRAFT_2, coppice_saga, handle_commit),
    COPPICE_ENTRY_NAME(COPPICE_SAGA_DRAFT_2, coppice_saga, handle_abort),
    COPPICE_ENTRY_NAME(COPPICE_SERVER_1, coppice_server, handle_call),
    COPPICE_ENTRY_NAME(COPPICE_SERVER_1, coppice_server, handle_cast),
    COPPICE_ENTRY_NAME(COPPICE_SERVER_1, coppice_server, handle_info),
    COPPICE_ENTRY_NAME(COPPICE_SERVER_1, coppice_server, on_response),
    COPPICE_ENTRY_NAME(COPPICE_STAGE_DRAFT_2, coppice_stage, handle_demand),
    COPPICE_ENTRY_NAME(COPPICE_STAGE_DRAFT_2, coppice_stage, handle_events),
    COPPICE_ENTRY_NAME(COPPICE_STAGE_DRAFT_2, coppice_stage, handle_subscribe),
    COPPICE_ENTRY_NAME(COPPICE_STAGE_DRAFT_2, coppice_stage, handle_cancel),
    COPPICE_ENTRY_NAME(COPPICE_STAGE_DRAFT_2, coppice_stage, choose),
    COPPICE_ENTRY_NAME(COPPICE_STAGE_DRAFT_2, coppice_stage, format_discarded),
    COPPICE_ENTRY_NAME(COPPICE_STATEM_DRAFT_2, coppice_statem, handle_event),
    COPPICE_ENTRY_NAME(COPPICE_STATEM_DRAFT_2, coppice_statem, enter),
    COPPICE_ENTRY_NAME(COPPICE_EVENT_HANDLER_DRAFT_2, coppice_event_handler, handle_event),
    COPPICE_ENTRY_NAME(COPPICE_EVENT_HANDLER_DRAFT_2, coppice_event_handler, handle_call),
    COPPICE_ENTRY_NAME(COPPICE_EVENT_HANDLER_DRAFT_2, coppice_event_handler, handle_info),
    COPPICE_ENTRY_NAME(COPPICE_EVENT_HANDLER_DRAFT_2, coppice_event_handler, on_response),
    COPPICE_ENTRY_NAME(COPPICE_EVENT_HANDLER_DRAFT_2, coppice_event_handler, removed),
};
#undef COPPICE_ENTRY_NAME

// The offset of a table's first function, and the size of one.
constexpr std::size_t first_entry = 2 * sizeof(std::uint32_t);
constexpr std::size_t entry_size = sizeof(void (*)());

constexpr std::string_view find_entry_name(std::string_view table, std::size_t offset) {
  for (const auto& each : entry_names)
    if (each.table == table && each.offset == offset) return each.name;
  return {};
}
constexpr bool all_named(std::string_view table, std::size_t size) {
  for (std::size_t at = first_entry; at < size; at += entry_size)
    if (find_entry_name(table, at).empty()) return false;
  return true;
}
static_assert(all_named(COPPICE_LIFECYCLE_1, sizeof(coppice_lifecycle)));
static_assert(all_named(COPPICE_POOL_DRAFT_1, sizeof(coppice_pool)));
static_assert(all_named(COPPICE_RAFT_DRAFT_3, sizeof(coppice_raft)));
static_assert(all_named(COPPICE_ROUTER_DRAFT_2, sizeof(coppice_router)));
static_assert(all_named(COPPICE_SAGA_DRAFT_2, sizeof(coppice_saga)));
static_assert(all_named(COPPICE_SERVER_1, sizeof(coppice_server)));
static_assert(all_named(COPPICE_STAGE_DRAFT_2, sizeof(coppice_stage)));
static_assert(all_named(COPPICE_STATEM_DRAFT_2, sizeof(coppice_statem)));
static_assert(all_named(COPPICE_EVENT_HANDLER_DRAFT_2, sizeof(coppice_event_handler)));

// A needed table is missing; the type may have a revision of it that this list does not know.
inline fault missing(const coppice_behaviour& behaviour, std::string_view kind,
                     std::span<const std::string> names) {
  std::vector<std::string> known;
  for (const auto* use = behaviour.tables; use->name != nullptr; ++use)
    if (kind_of(use->name) == kind) known.emplace_back(use->name);
  std::vector<std::string> other;
  for (const auto& name : names)
    if (kind_of(name) == kind) other.push_back(name);
  std::string text = "the behaviour " + std::string(behaviour.name) + " needs the table " +
                     joined(known, " or ") + ", which is missing";
  if (other.empty())
    return {fault::kind::missing, std::move(text),
            "give the actor type that table, in its code and its note"};
  text += "; this host does not know its " + joined(other, ", ");
  return {fault::kind::missing, std::move(text), "rebuild it with this host's headers"};
}

// The functions that are set although this behaviour never calls them.
inline std::vector<std::string> idle_entries(const coppice_table& table, std::size_t size,
                                             std::uint64_t never_called) {
  std::vector<std::string> idle;
  for (std::size_t i = 0; i < 64; ++i) {
    const std::size_t offset = first_entry + i * entry_size;
    if ((never_called >> i & 1) == 0 || offset + entry_size > size) continue;
    void (*function)() = nullptr;
    std::memcpy(&function, static_cast<const char*>(table.callbacks) + offset, sizeof function);
    if (function == nullptr) continue;
    const std::string_view name = find_entry_name(table.name, offset);
    idle.push_back(name.empty() ? "function " + std::to_string(i) + ", counted from 0," : std::string(name));
  }
  return idle;
}

inline void check_callbacks(const coppice_table& table, const coppice_table_use& use,
                            const coppice_behaviour& behaviour, std::vector<fault>& to) {
  const std::string name = use.name;
  if (table.callbacks == nullptr) {
    to.push_back({fault::kind::no_callbacks, "the callbacks of its table " + name + " are a null pointer",
                  "point them to the table's struct"});
    return;
  }
  std::uint32_t size = 0;
  std::memcpy(&size, table.callbacks, sizeof size);
  if (size < use.least_size) {
    to.push_back({fault::kind::small_table,
                  "its table " + name + " has size " + std::to_string(size) + ", below " +
                      std::to_string(use.least_size),
                  "set the size to the struct's sizeof"});
    return;
  }
  for (const auto& entry : idle_entries(table, size, use.never_called))
    to.push_back({fault::kind::never_called,
                  "in its table " + name + " " + entry + " is set, which the behaviour " + behaviour.name +
                      " never calls",
                  "leave it NULL"});
}

} // namespace detail

/// The names of an actor type's tables; of a longer array the first most + 1.
inline std::vector<std::string> names_of(const coppice_actor_type& type) {
  std::vector<std::string> names;
  const coppice_table* each = type.tables;
  for (; each != nullptr && names.size() <= most && each->name != nullptr; ++each)
    names.push_back(detail::text_of(each->name));
  return names;
}

/// Checks that need no code. Empty: no fault. A table that no behaviour in `list` has is skipped, since
/// another host may know it.
inline std::vector<fault> check_names(const std::string& behaviour, std::span<const std::string> names,
                                      const coppice_behaviour* list = coppice_behaviours) {
  std::vector<fault> faults;
  std::vector<std::string> once;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto before = std::ranges::count(names.first(i), names[i]);
    if (before == 0) once.push_back(names[i]);
    if (before == 1)
      faults.push_back({fault::kind::twice, "its table " + names[i] + " stands there twice", "keep one"});
  }
  const coppice_behaviour* const known = coppice_find_behaviour(list, behaviour.c_str());
  if (known == nullptr) {
    std::vector<std::string> all;
    for (const auto* each = list; each->name != nullptr; ++each) all.emplace_back(each->name);
    faults.push_back(
        {fault::kind::unknown_behaviour,
         "unknown behaviour " + detail::in_quotes(behaviour) + ", this host has " + detail::joined(all, ", "),
         "name one it has, or use a newer host"});
    return faults;
  }
  std::string_view done;
  for (const auto* use = known->tables; use->name != nullptr; ++use) {
    const std::string_view kind = kind_of(use->name);
    if (use->use != COPPICE_TABLE_NEEDED || kind == done) continue;
    done = kind; // one fault for all revisions, which are neighbours
    const auto serves = [&](const std::string& name) {
      return kind_of(name) == kind && detail::find_use(*known, name) != nullptr;
    };
    if (std::ranges::none_of(once, serves)) faults.push_back(detail::missing(*known, kind, once));
  }
  for (const auto& name : once) {
    if (detail::find_use(*known, name) != nullptr) continue;
    const auto users = detail::users_of(name, list);
    if (users.empty()) continue;
    const std::string others = detail::joined(users, " or ");
    faults.push_back({fault::kind::never_used,
                      "its table " + name + " is for the behaviour " + others + " and would never be called",
                      "leave it out, or let the behaviour be " + others});
  }
  return faults;
}

/// All checks: those of check_names() and those of the descriptor's actor type.
inline std::vector<fault> check(const coppice_actor_type& type,
                                const coppice_behaviour* list = coppice_behaviours) {
  if (type.size < COPPICE_ACTOR_TYPE_LEAST)
    return {
        {fault::kind::small_type,
         "its size " + std::to_string(type.size) + " is below " + std::to_string(COPPICE_ACTOR_TYPE_LEAST),
         "set it to sizeof(coppice_actor_type)"}};
  if (type.tables == nullptr)
    return {{fault::kind::no_tables, "its tables are a null pointer",
             "point them to an array of coppice_table that ends with {NULL, NULL}"}};
  const auto names = names_of(type);
  if (names.size() > most)
    return {{fault::kind::no_end, "it has more than " + std::to_string(most) + " tables",
             "end their array with {NULL, NULL}"}};
  const std::string behaviour = detail::text_of(type.behaviour);
  auto faults = check_names(behaviour, names, list);
  const coppice_behaviour* const known = coppice_find_behaviour(list, behaviour.c_str());
  if (known == nullptr) return faults;
  for (const auto* each = type.tables; each->name != nullptr; ++each)
    if (const auto* use = detail::find_use(*known, each->name))
      detail::check_callbacks(*each, *use, *known, faults);
  return faults;
}

} // namespace coppice::tables
