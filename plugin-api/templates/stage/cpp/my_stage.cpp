// SPDX-License-Identifier: MIT
// my_stage: a pipeline. The producer counts from 0 up to args.last, `doubler` doubles, `sink` adds up. The
// call `get` at the producer is answered with the count of its numbers, at the sink with {Count, Sum}.
#include <coppice/server.hpp>
#include <coppice/stage.hpp>

namespace {

namespace etf = coppice::etf;

using get = etf::constant<"get">;

struct options {
  static constexpr etf::form etf_form = etf::form::map;
  std::optional<std::int64_t> last;
};

class numbers : public coppice::producer {
 public:
  // The schema of the `args` of a child of this type: `coppice check` holds a configuration against it.
  static constexpr std::string_view args_schema =
      R"({"type":"object","additionalProperties":false,"properties":{)"
      R"("last":{"type":"integer","minimum":0,"description":"the last number; none without it"}}})";
  // The version of the state that save_state returns. Raise it when its form changes, and overload
  // restore_state by the number: restore_state(coppice::version<1>, …) reads the former state.
  static constexpr std::uint32_t state_version = 1;

  void init(const options& args) { end_ = args.last ? *args.last + 1 : INT64_MAX; }

  // It may return fewer events than wanted now, and emit the others later.
  std::vector<std::int64_t> handle_demand(std::uint64_t wanted) {
    std::vector<std::int64_t> events;
    for (; wanted > 0 && next_ < end_; --wanted) events.push_back(next_++);
    return events;
  }
  std::int64_t handle_call(const get&) { return next_; }

  using state = std::pair<std::int64_t, std::int64_t>;
  state save_state() const { return {next_, end_}; }
  void restore_state(const state& saved) { std::tie(next_, end_) = saved; }

 private:
  std::int64_t next_ = 0, end_ = 0;
};

class doubler : public coppice::producer_consumer {
 public:
  static constexpr std::string_view name = "doubler";

  std::vector<std::int64_t> handle_events(const std::vector<std::int64_t>& events) {
    std::vector<std::int64_t> doubled;
    for (const std::int64_t each : events) doubled.push_back(2 * each);
    return doubled;
  }
};

class sink : public coppice::consumer {
 public:
  static constexpr std::string_view name = "sink";
  static constexpr std::uint32_t state_version = 1;

  void handle_events(const std::vector<std::int64_t>& events) {
    for (const std::int64_t each : events) sum_ += each;
    count_ += static_cast<std::int64_t>(events.size());
  }
  using state = std::pair<std::int64_t, std::int64_t>;
  state handle_call(const get&) { return {count_, sum_}; }

  state save_state() const { return {count_, sum_}; }
  void restore_state(const state& saved) { std::tie(count_, sum_) = saved; }

 private:
  std::int64_t count_ = 0, sum_ = 0;
};

} // namespace

COPPICE_PLUGIN("my_stage", "0.1.0", numbers, doubler, sink);
