// SPDX-License-Identifier: MIT
// my_event_manager: a handler of an event manager. It keeps the last args.keep events; the call `get` is
// answered with them, the newest first, and so is the process that removes the handler.
#include <coppice/event_handler.hpp>
#include <coppice/owned.hpp>

#include <deque>

namespace {

namespace etf = coppice::etf;
using coppice::owned_term;
using coppice::term;

using get = etf::constant<"get">;

struct options {
  static constexpr etf::form etf_form = etf::form::map;
  std::optional<std::uint64_t> keep;
};

class last_events : public coppice::event_handler {
 public:
  // The schema of the `args` of a handler of this type: `coppice check` holds a configuration against it.
  static constexpr std::string_view args_schema =
      R"({"type":"object","additionalProperties":false,"properties":{)"
      R"("keep":{"type":"integer","minimum":1,"description":"how many events are kept; 10 without it"}}})";
  // The version of the state that save_state returns. Raise it when its form changes, and overload
  // restore_state by the number: restore_state(coppice::version<1>, …) reads the former state.
  static constexpr std::uint32_t state_version = 1;

  void init(const options& args) { most_ = args.keep.value_or(10); }

  void handle_event(term event) {
    events_.emplace_front(event);
    if (events_.size() > most_) events_.pop_back();
    log(COPPICE_LOG_DEBUG, "events that are kept: " + std::to_string(events_.size()));
  }
  std::vector<owned_term> handle_call(const get&) { return kept(); }
  std::vector<owned_term> removed(term) { return kept(); }

  using state = std::pair<std::uint64_t, std::vector<owned_term>>;
  state save_state() const { return {most_, kept()}; }
  void restore_state(const state& saved) {
    most_ = saved.first;
    events_.assign(saved.second.begin(), saved.second.end());
  }

 private:
  std::vector<owned_term> kept() const { return {events_.begin(), events_.end()}; }

  std::uint64_t most_ = 10;
  std::deque<owned_term> events_;
};

} // namespace

COPPICE_PLUGIN("my_event_manager", "0.1.0", last_events);
