// SPDX-License-Identifier: MIT
// Replays every recording of a producer, a producer_consumer or a consumer of GenStage itself: the engine
// gets the input of the recorded stage, and must do the same, in the same order. Where bad input ended
// GenStage's stage, or GenStage accepted input that has no meaning here, our stage does something else. The
// lists below and recordings/README.md have these differences.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <regex>
#include <set>

#include <coppice/etf/order.hpp>

#include "replayed_stage.hpp"
#include "stage_recordings.hpp"

using namespace coppice;
using namespace coppice::test;

namespace {

// From the last input before the recorded stage's end on, or from the given input on, our stage does this
// instead of what was recorded.
struct instead {
  const char* file;
  const char* stage;
  const char* input; // a part of the message; empty: the last input before the end
  std::vector<std::string> ours;
};

const std::vector<instead>& differences() {
  static const std::vector<instead> all = {
      {"broadcast_bad_selector",
       "stage",
       "",
       {"callback {handle_subscribe,consumer,[{selector,no_fun}],{<hand_a>,#Ref<tag1>}}",
        "out {'$gen_consumer',{<stage>,#Ref<tag1>},{cancel,{bad_opts,'TEXT'}}}",
        "callback {handle_cancel,{cancel,{bad_opts,'TEXT'}},{<hand_a>,#Ref<tag1>}}"}},
      {"broadcast_selector",
       "stage",
       "selector",
       {"callback {handle_subscribe,consumer,[{selector,#Fun<selector>}],{<hand_a>,#Ref<tag1>}}",
        "out {'$gen_consumer',{<stage>,#Ref<tag1>},{cancel,{bad_opts,'TEXT'}}}",
        "callback {handle_cancel,{cancel,{bad_opts,'TEXT'}},{<hand_a>,#Ref<tag1>}}"}},
      {"consumer_malformed",
       "stage 2",
       "",
       {"out {'$gen_producer',{<stage_2>,#Ref<tag2>},{cancel,bad_events}}",
        "callback {handle_cancel,{cancel,bad_events},{<hand_2>,#Ref<tag2>}}"}},
      {"consumer_malformed", "stage 22", "", {"callback {handle_info,{'$gen_consumer',{no_pid,t},[1]}}"}},
      {"partition_refusals",
       "stage 1",
       "",
       {"callback {handle_subscribe,consumer,[{partition,0}],{<hand_1b>,#Ref<tag2>}}",
        "out {'$gen_consumer',{<stage_1>,#Ref<tag2>},{cancel,{bad_opts,'TEXT'}}}",
        "callback {handle_cancel,{cancel,{bad_opts,'TEXT'}},{<hand_1b>,#Ref<tag2>}}"}},
      {"partition_refusals",
       "stage 2",
       "",
       {"callback {handle_subscribe,consumer,[],{<hand_2b>,#Ref<tag4>}}",
        "out {'$gen_consumer',{<stage_2>,#Ref<tag4>},{cancel,{bad_opts,'TEXT'}}}",
        "callback {handle_cancel,{cancel,{bad_opts,'TEXT'}},{<hand_2b>,#Ref<tag4>}}"}},
      {"partition_refusals",
       "stage 3",
       "",
       {"callback {handle_subscribe,consumer,[{partition,9}],{<hand_3b>,#Ref<tag6>}}",
        "out {'$gen_consumer',{<stage_3>,#Ref<tag6>},{cancel,{bad_opts,'TEXT'}}}",
        "callback {handle_cancel,{cancel,{bad_opts,'TEXT'}},{<hand_3b>,#Ref<tag6>}}"}},
      {"partition_refusals",
       "stage 4",
       "",
       {"callback {handle_call,{push,[0,7]}}", "out {'$gen_consumer',{<stage_4>,#Ref<tag7>},[0]}",
        "reply {[alias|#Ref<ref4>],ok}", "callback {handle_demand,1}"}},
      // In GenStage the demand of the consumers stays at 1, though both events were accepted for it. So one
      // of them leaves the buffer when another consumer comes, and is put back behind the other one. Without
      // a consumer the stage accepts all events until its buffer is full and events are lost. Here the
      // demand is used up when as many events were accepted.
      {"pc_consumer_leaves",
       "stage",
       "<hand_other>,#Ref<tag3>},{ask,2}",
       {"out {'$gen_consumer',{<stage>,#Ref<tag3>},[3,4]}"}},
      {"pc_wrong_role_and_demand", "stage", "", {"reply {[alias|#Ref<ref2>],forward}"}},
      {"producer_malformed",
       "stage 2",
       "{ask,-1}",
       {"out {'$gen_consumer',{<stage_2>,#Ref<tag2>},{cancel,{bad_demand,-1}}}",
        "callback {handle_cancel,{cancel,{bad_demand,-1}},{<hand_2>,#Ref<tag2>}}"}},
      {"producer_malformed",
       "stage 5",
       "{ask,1000",
       {"out {'$gen_consumer',{<stage_5>,#Ref<tag5>},{cancel,{bad_demand,1000000000000000000000000}}}",
        "callback {handle_cancel,{cancel,{bad_demand,1000000000000000000000000}},{<hand_5>,#Ref<tag5>}}"}},
      {"producer_malformed",
       "stage 10",
       "",
       {"out {'$gen_consumer',{<stage_10>,#Ref<tag12>},{cancel,{bad_opts,'TEXT'}}}"}},
      {"producer_malformed",
       "stage 32",
       "",
       {"callback {handle_info,{'$gen_producer',{no_pid,t},{subscribe,nil,[]}}}"}},
  };
  return all;
}

// What our stage does beyond the recording, after everything else that an input leads to.
struct beyond {
  const char* file;
  const char* input; // a part of the message
  const char* ours;
};

const std::vector<beyond>& additions() {
  // In GenStage, events that `hash` sends nowhere leave their demand unanswered, and the consumers that
  // asked for them wait for ever if none asks anew. Here the producer is asked for as many events again.
  static const std::vector<beyond> all = {
      {"partition_hash_none", "<hand_a>,#Ref<tag1>},{ask,4}", "callback {handle_demand,1}"},
      {"partition_hash_none", "<hand_b>,#Ref<tag2>},{ask,4}", "callback {handle_demand,1}"},
      {"partition_hash_none", "<hand_a>,#Ref<tag1>},{ask,2}", "callback {handle_demand,1}"}};
  return all;
}

// Options with which a stage starts here but not in GenStage, or the other way round.
const std::set<std::pair<std::string, std::string>>& other_starts() {
  static const std::set<std::pair<std::string, std::string>> all = {
      {"partition_refusals", "[{partitions,0}]"}, {"producer_buffer_zero_and_infinity", "{buffer_size,0}"}};
  return all;
}

std::optional<std::uint64_t> by_thirds(std::int64_t event) {
  if (event % 3 == 0) return std::nullopt;
  return event % 3 == 1 ? 0 : 1; // the partitions `odd` and `even`, by their index
}
std::optional<std::uint64_t> by_halves(std::int64_t event) {
  return static_cast<std::uint64_t>(event % 2);
}
std::optional<std::uint64_t> by_itself(std::int64_t event) {
  return static_cast<std::uint64_t>(event);
}

chooser chooser_of(const std::string& file) {
  if (file == "partition_hash_none") return by_thirds;
  if (file == "partition_refusals") return by_itself;
  return file == "partition_info" || file == "partition_queue_and_cancel" ? by_halves : nullptr;
}

// Whether the recording is of a stage of these roles, not of GenStage's supervisors and streams.
bool is_of_a_stage(const std::string& file) {
  return !file.starts_with("cs_") && !file.starts_with("stream_") && !file.starts_with("from_enumerable");
}

// Two changes before the comparison: a `hash` of GenStage may change an event, and its stages report `pid`
// in place of the pid of a lost producer.
std::string comparable(const std::string& recorded) {
  static const std::regex changed(R"(\{changed,(\d+)\})");
  return std::regex_replace(recorded, changed, "$1");
}
std::string forgetful(const std::string& ours) {
  static const std::regex origin(R"(,\{<[a-z0-9_]+>,(#Ref<own \d+>\}\})$)");
  return std::regex_replace(ours, origin, ",{pid,$1");
}

class replay {
 public:
  explicit replay(std::string file)
      : file_(std::move(file)),
        lines_(read_recording(std::string(stage_recordings) + "/" + file_ + ".jsonl")) {
    for (auto& line : lines_) {
      if (line.from.empty() && (line.kind == "init" || line.kind == "out" || line.kind == "reply" ||
                                line.kind == "callback" || line.kind == "exit" || line.kind == "between"))
        line.from = "stage";
      if (line.from.starts_with("hand")) names_.pid_of(pid_name(line.from));
      if (line.to.starts_with("hand")) names_.pid_of(pid_name(line.to));
      if (line.to.empty() && (line.kind == "in" || line.kind == "signal" || line.kind == "between"))
        line.to = "stage";
    }
  }

  void run() {
    for (at_ = 0; at_ < lines_.size(); ++at_) {
      CAPTURE(file_);
      CAPTURE(lines_[at_].kind);
      CAPTURE(lines_[at_].term);
      step(lines_[at_]);
    }
    for (const auto& one : stages_) {
      CAPTURE(one.first);
      CHECK(one.second->done == std::deque<std::string>{});
    }
  }

 private:
  static std::string pid_name(std::string name) {
    std::ranges::replace(name, ' ', '_');
    return name;
  }
  replayed_stage* stage(const std::string& name) {
    const auto found = stages_.find(name);
    return found == stages_.end() ? nullptr : found->second.get();
  }

  void init(const recorded_line& line) {
    std::deque<recorded_line> callbacks;
    for (std::size_t i = at_ + 1; i < lines_.size(); ++i)
      if (lines_[i].kind == "callback" && lines_[i].from == line.from) callbacks.push_back(lines_[i]);
    stages_[line.from] = std::make_unique<replayed_stage>(names_, nodes_, pid_name(line.from),
                                                          std::move(callbacks), chooser_of(file_));
    differs_.erase(line.from);
    refused_.erase(line.from);
    bool refused = false; // in the recording
    for (std::size_t i = at_ + 1; i < lines_.size() && lines_[i].kind != "init" && lines_[i].kind != "in";
         ++i)
      refused |= lines_[i].kind == "exit" && lines_[i].from == line.from && lines_[i].term != "noproc";
    for (const auto& [file, part] : other_starts())
      if (file == file_ && line.term.find(part) != std::string::npos) {
        CHECK(stage(line.from)->start(names_.term_of(line.term)) == refused);
        stages_.erase(line.from);
        refused_.insert(line.from);
        return;
      }
    CHECK(stage(line.from)->start(names_.term_of(line.term)) != refused);
    if (refused) refused_.insert(line.from);
  }

  // The different answer of our stage to this input. Null: the answer is the recorded one.
  const instead* difference(const recorded_line& input) {
    for (const auto& one : differences()) {
      if (one.file != file_ || one.stage != input.to) continue;
      if (*one.input != 0) return input.term.find(one.input) != std::string::npos ? &one : nullptr;
      std::size_t last = 0;
      for (std::size_t i = 0; i < lines_.size(); ++i) {
        if (lines_[i].kind == "in" && lines_[i].to == input.to && !lines_[i].lost) last = i;
        if (lines_[i].kind == "exit" && lines_[i].from == input.to) break;
      }
      return last == at_ ? &one : nullptr;
    }
    return nullptr;
  }

  void input(const recorded_line& line) {
    replayed_stage* const to = stage(line.to);
    if (to == nullptr || line.lost || differs_.contains(line.to)) return;
    const instead* const other = difference(line);
    if (other != nullptr) CHECK(to->done == std::deque<std::string>{});
    to->receive(names_.term_of(line.term));
    for (const beyond& one : additions())
      if (one.file == file_ && line.term.find(one.input) != std::string::npos) {
        CHECK(!to->done.empty());
        if (to->done.empty()) continue;
        CHECK(to->done.back() == one.ours);
        to->done.pop_back();
      }
    if (other == nullptr) return;
    differs_.insert(line.to);
    CHECK(to->lives());
    CHECK(to->done.size() == other->ours.size());
    for (const auto& expected : other->ours) expect(*to, expected);
    to->done.clear();
  }

  void expect(replayed_stage& from, const std::string& recorded) {
    CHECK_MESSAGE(!from.done.empty(), "nothing instead of: ", recorded.substr(0, 400));
    if (from.done.empty()) return;
    std::string ours = from.done.front();
    from.done.pop_front();
    const std::string expected = comparable(recorded);
    if (expected.find(",{pid,#Ref<") != std::string::npos) ours = forgetful(ours);
    CHECK_MESSAGE(names_.same(expected, ours), "recorded ", recorded.substr(0, 400), " and ours ",
                  ours.substr(0, 400));
  }

  void step(const recorded_line& line) {
    if (line.kind == "init") return init(line);
    if (line.kind == "in") return input(line);
    if (line.kind == "signal") {
      static const std::regex down(R"(^\{'DOWN',#Ref<(\w+)>,process,(<\w+>))");
      std::smatch name;
      replayed_stage* const to = stage(line.to);
      if (to != nullptr && !differs_.contains(line.to) && std::regex_search(line.term, name, down))
        to->down(name[1], name[2], line.term);
      return;
    }
    if (line.kind == "result" && line.of == "phash2") return check_hash(line.term);
    if (line.kind != "out" && line.kind != "reply" && line.kind != "callback" && line.kind != "between" &&
        line.kind != "exit")
      return;
    replayed_stage* const from = stage(line.from);
    if (from != nullptr && !differs_.contains(line.from) && !refused_.contains(line.from))
      expect(*from, (line.kind == "between" && line.from != line.to ? "out" : line.kind) + " " + line.term);
    if (line.kind == "between" && line.from != line.to) input(line);
  }

  // `text`: {Term, [phash2(Term, 1), …]}.
  void check_hash(const std::string& text) {
    static constexpr std::uint32_t ranges[] = {1, 2, 3, 5, 7, 16, 1000, 1U << 27};
    const auto row = names_.term_of(text);
    etf::cursor at(row.bytes());
    etf::bytes term;
    REQUIRE(at.read_tuple_of(2));
    REQUIRE(at.read_term(term));
    const auto values = behaviours::event_list::of(row.slice(at.rest()));
    REQUIRE(values);
    std::size_t i = 0;
    values->each([&](const runtime::message& value) {
      std::uint64_t number = 0;
      CHECK(etf::cursor(value.bytes()).read_unsigned(number));
      CHECK(etf::phash2(term, ranges[i++]) == number);
    });
    CHECK(i == std::size(ranges));
  }

  std::string file_;
  std::vector<recorded_line> lines_;
  std::size_t at_ = 0;
  recorded_names names_;
  runtime::node_names nodes_{"nonode@nohost"};
  std::map<std::string, std::unique_ptr<replayed_stage>> stages_;
  std::set<std::string> differs_; // stages that differ from the recording from here on
  std::set<std::string> refused_;
};

} // namespace

TEST_CASE("a stage does what GenStage's did in every recording") {
  std::vector<std::string> files;
  for (const auto& each : std::filesystem::directory_iterator(stage_recordings))
    if (each.path().extension() == ".jsonl" && is_of_a_stage(each.path().stem()))
      files.push_back(each.path().stem());
  CHECK(files.size() == 78);
  std::ranges::sort(files);
  for (const auto& file : files) {
    SUBCASE(file.c_str()) {
      replay(file).run();
    }
  }
}
