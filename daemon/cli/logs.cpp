// SPDX-License-Identifier: MIT
// The node sends one page at a time. A request that waits for a line is answered within twenty seconds in any
// case, and is then repeated.
#include "cli/logs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <memory>

#include "api/socket_path.hpp"
#include "base/json_text.hpp"
#include "base/log_event.hpp"
#include "base/log_sinks.hpp"
#include "cli/terminal.hpp"

namespace coppice::cli {

namespace {

using nlohmann::json;

constexpr const char* command = "logs";
// Longer than the node lets a waiting request wait before it answers.
constexpr std::chrono::milliseconds following_patience{40'000};
constexpr std::uint64_t lines_when_following = 10;

struct parameters {
  bool follow = false;
  std::uint64_t last = std::numeric_limits<std::uint64_t>::max();
  std::string level;
  std::string module;
  std::string process;
};

std::string text_at(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

colour colour_of(base::log::level level) {
  switch (level) {
    case base::log::level::error:
      return colour::red;
    case base::log::level::warning:
      return colour::yellow;
    case base::log::level::debug:
    case base::log::level::trace:
      return colour::dim;
    case base::log::level::info:
    case base::log::level::notice:
      break;
  }
  return colour::plain;
}

// Prints pages as they come. With --json: one document of all lines, or with -f one document in each line.
class printer {
 public:
  printer(const parameters& given, const common_options& common)
      : follow_(given.follow), json_(common.json), colours_(with_colours()) {}

  // False: the output is closed.
  bool show(const json& page) {
    const long long missed = page.value("missed", 0LL);
    if (json_ && !follow_) {
      for (const json& line : page.value("lines", json::array())) all_.push_back(line);
      missed_ += missed;
      return true;
    }
    if (missed > 0) complain(command, fmt::format("{} lines went by before they could be read", missed));
    std::string text;
    for (const json& line : page.value("lines", json::array()))
      text += (json_ ? json_to_show(line) : render_line(line, colours_)) + "\n";
    return print_exactly(text);
  }
  void finish() {
    if (!json_ || follow_) return;
    const json document{{"lines", std::move(all_)}, {"missed", missed_}};
    print_json(document);
  }

 private:
  bool follow_;
  bool json_;
  bool colours_;
  json all_ = json::array();
  long long missed_ = 0;
};

api::exit_code no_log(const no_reply& problem, const common_options& common) {
  if (problem.code != api::exit_code::no_node || problem.forbidden) return fail(command, problem, common);
  const auto socket = api::choose_socket(common.socket);
  complain(command, problem.why, where_log_is(socket ? socket->string() : "", has_service()));
  return problem.code;
}

api::exit_code follow(const parameters& given, const common_options& common) {
  auto connection = reach(common);
  if (!connection) return no_log(connection.error(), common);
  api::request request{command,
                       {{"last", given.last},
                        {"level", given.level},
                        {"module", given.module},
                        {"process", given.process},
                        {"wait", given.follow}}};
  printer out(given, common);
  for (bool more = true; more || given.follow;) {
    auto reply = connection->ask(request, given.follow ? following_patience : node_patience);
    if (!reply && given.follow && reply.error().answered) {
      // A restarted node numbers its lines from the beginning; all of them are new.
      connection = reach_again(command, common);
      if (!connection) return no_log(connection.error(), common);
      request.arguments.erase("after");
      request.arguments["last"] = std::numeric_limits<std::uint64_t>::max();
      continue;
    }
    if (!reply) return no_log(reply.error(), common);
    if (!*reply) {
      if (given.follow && reply->error().code == base::errc::timeout) continue;
      return fail(reply->error());
    }
    if (!out.show(**reply)) return api::exit_code::done;
    more = (**reply).value("more", false);
    request.arguments["after"] = (**reply).value("next", std::uint64_t{1});
  }
  out.finish();
  return api::exit_code::done;
}

} // namespace

std::string render_line(const json& line, bool colours) {
  const auto level = base::log::parse_level(text_at(line, "level")).value_or(base::log::level::info);
  using base::log::render_text;
  base::log::record made{0, level, text_at(line, "module"), text_at(line, "message"), {}};
  // The text of an event contains its fields already.
  const auto fields = line.find("fields");
  if (fields != line.end() && fields->is_object() && !fields->contains(base::log::event_field)) {
    for (const auto& [name, value] : fields->items())
      made.fields.push_back({name, value.is_string() ? value.get<std::string>() : base::json_text(value)});
  }
  return painted(render_text(text_at(line, "time"), made), colour_of(level), colours);
}

std::string where_log_is(const std::string& socket, bool with_service) {
  if (const std::string unit = unit_of(socket); !unit.empty()) return "what it said: journalctl -u " + unit;
  if (with_service && socket.empty()) return "what a service said: journalctl -u coppice -u 'coppice@*'";
  return "what it said is where its standard error went: the terminal, the file, or the journal of its unit";
}

void declare_logs(CLI::App& app, const common_options& common, std::function<api::exit_code()>& run) {
  CLI::App* sub = app.add_subcommand(command, "the node's last lines, and those that come");
  auto given = std::make_shared<parameters>(); // owned by the closures, which CLI11 keeps
  sub->add_flag("-f,--follow", given->follow, "and go on with what comes");
  const auto* last =
      sub->add_option("-n,--lines", given->last, "only the last N (with -f 10, else all that are kept)")
          ->check(CLI::NonNegativeNumber)
          ->type_name("N");
  sub->add_option("--level", given->level, "this level and above")
      ->check(CLI::IsMember({"trace", "debug", "info", "notice", "warning", "error"}));
  sub->add_option("--module", given->module, "only lines of this module, a plugin's being its id");
  sub->add_option("--process", given->process, "only lines of this process: PID, NAME or a child's path");
  sub->callback([&common, &run, given, last] {
    if (given->follow && last->count() == 0) given->last = lines_when_following;
    run = [&common, given] { return follow(*given, common); };
  });
}

} // namespace coppice::cli
