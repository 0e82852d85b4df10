// SPDX-License-Identifier: MIT
// kv: a table in memory. Keys and values are any terms; keys are equal if Erlang's =:= says so. The table
// survives a reload.
#include <coppice/metric.hpp>
#include <coppice/server.hpp>
#include <coppice/term_map.hpp>

namespace kv {

using coppice::term;
namespace etf = coppice::etf;

// Messages.
using ok = etf::constant<"ok">;
using full = std::pair<etf::constant<"error">, etf::constant<"full">>;
using badarg = std::pair<etf::constant<"error">, etf::constant<"badarg">>;
struct put {
  term key, value;
};
struct get {
  term key;
};
struct erase {
  static constexpr std::string_view etf_tag = "delete";
  term key;
};
struct update_counter {
  term key, by;
};
using size = etf::constant<"size">;
using keys = etf::constant<"keys">;
using clear = etf::constant<"clear">;

struct status {
  static constexpr etf::form etf_form = etf::form::map;
  std::uint64_t entries, max_entries;
};
struct settings {
  std::optional<std::uint64_t> max_entries;
};

class kv_server : public coppice::server {
 public:
  static constexpr std::string_view args_schema =
      R"({"type":"object","additionalProperties":false,"properties":{"max_entries":{"type":"integer",)"
      R"("minimum":0,"description":"entries the table holds at most; without it there is no bound"}}})";
  static constexpr std::uint32_t state_version = 1;
  static constexpr auto unhandled = coppice::unhandled::reply_error;
  static constexpr coppice::taken takes[] = {coppice::taken::calls, coppice::taken::casts};

  using calls = std::variant<put, get, erase, update_counter, size, keys>;
  using casts = std::variant<put, clear>;

  void configure(const settings& args) { max_entries_ = args.max_entries.value_or(UINT64_MAX); }

  std::variant<ok, full, badarg> handle_call(const put& request) {
    puts_.add();
    if (!is_fit(request)) return badarg{};
    if (!store(request.key, request.value)) return full{};
    return ok{};
  }

  std::variant<std::pair<ok, term>, etf::constant<"not_found">> handle_call(const get& request) {
    gets_.add();
    const auto found = table_.find(request.key);
    if (found == table_.end()) return etf::constant<"not_found">{};
    return std::pair(ok{}, found->second.term());
  }

  ok handle_call(const erase& request) {
    deletes_.add();
    table_.erase(request.key);
    return {};
  }

  std::variant<std::int64_t, full, badarg> handle_call(const update_counter& request) {
    updates_.add();
    std::int64_t value = 0;
    std::int64_t by = 0;
    if (!etf::cursor(request.by.encoded).read_integer(by)) return badarg{};
    if (!coppice::is_well_formed(request.key)) return badarg{};
    const auto found = table_.find(request.key);
    if (found != table_.end() && !etf::cursor(found->second.bytes()).read_integer(value)) return badarg{};
    if (__builtin_add_overflow(value, by, &value)) return badarg{};
    if (!store(request.key, coppice::owned_term::of(value))) return full{};
    return value;
  }

  std::uint64_t handle_call(const size&) { return table_.size(); }

  std::vector<term> handle_call(const keys&) { return table_.keys(); }

  void handle_cast(const put& request) {
    puts_.add();
    if (is_fit(request)) store(request.key, request.value);
  }
  void handle_cast(const clear&) { table_.clear(); }

  std::vector<std::pair<term, term>> save_state() const { return {table_.begin(), table_.end()}; }
  void restore_state(const std::vector<std::pair<term, term>>& saved) {
    for (const auto& [key, value] : saved) table_.insert_or_assign(key, value);
  }

  status format_status() const { return {table_.size(), max_entries_}; }

 private:
  // Whether a term may be sent to other nodes: any of them may ask for it.
  static bool is_fit(const put& request) {
    return coppice::is_well_formed(request.key) && coppice::is_well_formed(request.value);
  }

  // The node keeps the counters, so another actor of this plugin, or a later version, continues them.
  coppice::counter operations(std::string_view operation) const {
    return {*this, "operations", "Requests to read or change an entry", {{"operation", operation}}};
  }

  // False: the table is full.
  bool store(const term& key, const term& value) {
    if (table_.size() >= max_entries_ && !table_.contains(key)) return false;
    table_.insert_or_assign(key, value);
    return true;
  }

  const coppice::counter puts_ = operations("put");
  const coppice::counter gets_ = operations("get");
  const coppice::counter deletes_ = operations("delete");
  const coppice::counter updates_ = operations("update_counter");
  std::uint64_t max_entries_ = UINT64_MAX;
  coppice::term_map<coppice::owned_term> table_;
};

} // namespace kv

COPPICE_PLUGIN("kv", "1.0.0", kv::kv_server);
