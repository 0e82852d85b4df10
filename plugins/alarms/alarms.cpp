// SPDX-License-Identifier: MIT
// alarms: an event handler that keeps the alarms that are set, with the events of OTP's alarm_handler.
#include <coppice/event_handler.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

namespace alarms {

namespace etf = coppice::etf;
using coppice::term;

// A term from another process, kept as its bytes.
using kept = std::vector<std::uint8_t>;

struct options {
  static constexpr etf::form etf_form = etf::form::map;
  std::optional<std::uint32_t> limit;
};

// {set_alarm, {Id, Description}}
using set_alarm = std::pair<etf::constant<"set_alarm">, std::pair<term, term>>;
// {clear_alarm, Id}
using clear_alarm = std::pair<etf::constant<"clear_alarm">, term>;
using get_alarms = etf::constant<"get_alarms">;

class handler : public coppice::event_handler {
 public:
  static constexpr std::string_view name = "alarms";
  static constexpr auto unhandled = coppice::unhandled::reply_error;
  static constexpr std::string_view args_schema = R"({
    "type": "object",
    "additionalProperties": false,
    "properties": {
      "limit": {"type": "integer", "minimum": 1, "default": 100, "description": "alarms that are kept; one more ends the handler"}
    }
  })";
  using events = std::variant<set_alarm, clear_alarm>;

  // `given`: from the configuration, or from gen_event:add_handler, which may pass any term.
  void init(term given) {
    options wanted;
    etf::cursor at(given.encoded);
    etf::mismatch why;
    if (etf::read(at, wanted, why)) limit_ = wanted.limit.value_or(limit_);
  }

  void handle_event(const set_alarm& one) {
    const auto& [id, description] = one.second;
    clear(id);
    if (set_.size() >= limit_) throw std::length_error("more alarms are set than may be kept");
    set_.push_back({copied(id), copied(description)});
  }
  void handle_event(const clear_alarm& one) { clear(one.second); }

  // The last alarm comes first, as in alarm_handler.
  std::vector<std::pair<term, term>> handle_call(const get_alarms&) const {
    std::vector<std::pair<term, term>> all;
    for (auto one = set_.rbegin(); one != set_.rend(); ++one)
      all.emplace_back(lent(one->first), lent(one->second));
    return all;
  }

  // The result of delete_handler, which is also passed to a handler that replaces this one.
  std::vector<std::pair<term, term>> removed(term) const { return handle_call({}); }

  static constexpr std::uint32_t state_version = 1;
  using state = std::pair<std::uint32_t, std::vector<std::pair<term, term>>>;
  state save_state() const { return {limit_, handle_call({})}; }
  void restore_state(const state& saved) {
    limit_ = saved.first;
    for (auto one = saved.second.rbegin(); one != saved.second.rend(); ++one)
      set_.push_back({copied(one->first), copied(one->second)});
  }

 private:
  static kept copied(const term& one) { return {one.encoded.begin(), one.encoded.end()}; }
  static term lent(const kept& one) { return term{etf::bytes(one.data(), one.size())}; }
  void clear(const term& id) {
    std::erase_if(set_, [&](const auto& one) { return std::ranges::equal(one.first, id.encoded); });
  }

  std::uint32_t limit_ = 100;              // most alarms that are kept; one more ends the handler
  std::vector<std::pair<kept, kept>> set_; // in the order in which they were set
};

} // namespace alarms

COPPICE_PLUGIN("alarms", "1.0.0", alarms::handler);
