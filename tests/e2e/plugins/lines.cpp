// SPDX-License-Identifier: MIT
// lines: an actor of node.log.handlers, which gets lines of the log; it registers as args.name. It logs "took
// N" for each batch, and makes the talker args.echo log "echo" for it. While the file args.gate exists, it
// holds the batch. call `kept` -> [Text], the last thousand lines as LEVEL MODULE: MESSAGE [NAME]; call
// `times` -> {First, Last}, the times of the first and the last line in microseconds. `die` ends it.
#include <coppice/server.hpp>

#include <deque>
#include <filesystem>
#include <map>
#include <stdexcept>

namespace {

namespace etf = coppice::etf;

struct settings {
  static constexpr etf::form etf_form = etf::form::map;
  std::string name;
  std::optional<std::string> echo;
  std::optional<std::string> gate;
};

struct line {
  static constexpr etf::form etf_form = etf::form::map;
  std::int64_t time;
  etf::atom level;
  etf::atom module;
  std::string message;
  std::map<std::string, std::string> fields;
};

struct batch {
  static constexpr std::string_view etf_tag = "log";
  std::vector<line> lines;
};

struct say {
  std::int32_t level;
  std::string text;
  std::int64_t times;
};
using die = etf::constant<"die">;

class lines_server : public coppice::server {
 public:
  static constexpr std::string_view name = "lines";
  static constexpr std::string_view args_schema =
      R"({"type":"object","additionalProperties":false,"required":["name"],"properties":{)"
      R"("name":{"type":"string"},"echo":{"type":"string"},"gate":{"type":"string"}}})";
  using calls = std::variant<etf::constant<"kept">, etf::constant<"times">>;
  using infos = std::variant<batch, die>;

  void init(const settings& given) {
    args_ = given;
    register_name(args_.name);
    log(COPPICE_LOG_INFO, "begun");
  }
  void handle_info(const batch& some) {
    while (args_.gate && std::filesystem::exists(*args_.gate)) sleep(std::chrono::milliseconds(10));
    for (const line& one : some.lines) keep(one);
    log(COPPICE_LOG_WARNING, "took " + std::to_string(some.lines.size()));
    if (args_.echo) call<bool>(*args_.echo, say{COPPICE_LOG_WARNING, "echo", 1});
  }
  void handle_info(die) { throw std::runtime_error("it was told to"); }
  std::vector<std::string> handle_call(etf::constant<"kept">) const { return {kept_.begin(), kept_.end()}; }
  std::pair<std::int64_t, std::int64_t> handle_call(etf::constant<"times">) const { return {first_, last_}; }

 private:
  void keep(const line& one) {
    std::string text = std::string(one.level.name) + " " + std::string(one.module.name) + ": " + one.message;
    if (const auto who = one.fields.find("name"); who != one.fields.end()) text += " [" + who->second + "]";
    kept_.push_back(std::move(text));
    if (kept_.size() > 1000) kept_.pop_front();
    if (first_ == 0) first_ = one.time;
    last_ = one.time;
  }

  settings args_;
  std::deque<std::string> kept_;
  std::int64_t first_ = 0, last_ = 0;
};

} // namespace

COPPICE_PLUGIN("lines", "1.0.0", lines_server);
