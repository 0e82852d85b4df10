// SPDX-License-Identifier: MIT
// Following an event reads pages from the node, as following its log does.
#include "cli/events.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <memory>
#include <optional>

#include "base/printable_lines.hpp"
#include "cli/render.hpp"
#include "cli/terminal.hpp"

namespace coppice::cli {

namespace {

using nlohmann::json;

constexpr const char* command = "events";
// Longer than the node lets a waiting request wait before it answers.
constexpr std::chrono::milliseconds following_patience{40'000};

struct parameters {
  std::string name;
  std::string term;
  std::string since; // empty: all events that are kept
  std::string sort;  // the counter to sort by. Empty: by name
  std::uint64_t count = std::numeric_limits<std::uint64_t>::max();
};

std::string number_cell(const json& row, const char* key) {
  return std::to_string(row.value(key, std::uint64_t{0}));
}

std::string show_events(const json& document, std::size_t columns) {
  std::vector<std::vector<std::string>> rows{{"EVENT", "PRODUCER", "SUBSCRIBERS", "PUBLISHED", "LAST", "HERE",
                                              "AWAY", "LAG", "KEPT", "LOST", "SLOW", "OPEN"}};
  for (const json& one : document.value("events", json::array())) {
    const bool is_elsewhere = one.value("node", json()).is_string();
    std::string name = one.value("name", "");
    if (is_elsewhere) name += "@" + one["node"].get<std::string>();
    const bool has_producer = one.value("producer", json()).is_string();
    rows.push_back({std::move(name), has_producer ? one["producer"].get<std::string>() : "-",
                    number_cell(one, "subscribers"), number_cell(one, "published"), number_cell(one, "last"),
                    number_cell(one, "sent_here"), number_cell(one, "sent_away"), number_cell(one, "lag"),
                    number_cell(one, "kept"), number_cell(one, "lost"),
                    is_elsewhere ? "-" : one.value("slow", ""), one.value("open", false) ? "yes" : "no"});
  }
  return table(rows, columns);
}

// Sorts by the counter, the largest first. An empty key keeps the node's order, by name.
void sort_by(json& document, const std::string& key) {
  const auto events = document.find("events");
  if (key.empty() || events == document.end() || !events->is_array()) return;
  std::stable_sort(events->begin(), events->end(), [&key](const json& a, const json& b) {
    return a.value(key, std::uint64_t{0}) > b.value(key, std::uint64_t{0});
  });
}

api::exit_code list(const parameters& p, const common_options& common) {
  auto connection = reach(common);
  if (!connection) return fail(command, connection.error(), common);
  auto reply = connection->ask({command, json::object()}, node_patience);
  if (!reply) return fail(command, reply.error(), common);
  if (!*reply) return fail(reply->error());
  sort_by(**reply, p.sort);
  common.json ? print_json(**reply)
              : print(show_events(**reply, on_terminal() ? screen_size().columns : any_width));
  return api::exit_code::done;
}

api::exit_code publish(const parameters& p, const common_options& common) {
  constexpr const char* what = "events publish";
  auto connection = reach(common);
  if (!connection) return fail(what, connection.error(), common);
  const auto reply =
      connection->ask({command, {{"change", "publish"}, {"name", p.name}, {"term", p.term}}}, node_patience);
  if (!reply) return fail(what, reply.error(), common);
  if (!*reply) return fail(reply->error());
  common.json ? print_json(**reply) : print(fmt::format("{}\n", (**reply).value("seq", std::uint64_t{0})));
  return api::exit_code::done;
}

std::string line_text(const json& line) {
  if (const auto gap = line.find("gap"); gap != line.end())
    return fmt::format("lost: {} to {}", gap->value("first", std::uint64_t{0}),
                       gap->value("last", std::uint64_t{0}));
  if (line.contains("end")) return "the event has ended: " + line.value("end", "");
  return fmt::format("{} {} {}", line.value("seq", std::uint64_t{0}), line.value("time", ""),
                     line.value("payload", ""));
}

// The value of --since. Empty: it is invalid.
std::optional<json> since_of(const std::string& text) {
  if (text.empty() || text == "now") return json(text);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return json(number);
}

api::exit_code tail(const parameters& p, const common_options& common) {
  constexpr const char* what = "events tail";
  const auto since = since_of(p.since);
  if (!since) {
    complain("--since", "the number of an event, or now, is wanted");
    return api::exit_code::usage;
  }
  auto connection = reach(common);
  if (!connection) return fail(what, connection.error(), common);
  const auto opened = connection->ask({command, {{"name", p.name}, {"since", *since}}}, node_patience);
  if (!opened) return fail(what, opened.error(), common);
  if (!*opened) return fail(opened->error());
  api::request next{command,
                    {{"tail", (**opened).value("tail", std::uint64_t{0})}, {"after", 0}, {"wait", true}}};
  for (std::uint64_t left = p.count; left != 0;) {
    const auto reply = connection->ask(next, following_patience);
    if (!reply) return fail(what, reply.error(), common);
    if (!*reply && reply->error().code == base::errc::timeout) continue;
    if (!*reply) return fail(reply->error());
    const json& page = **reply;
    if (const auto missed = page.value("missed", std::uint64_t{0}); missed != 0)
      complain(what, fmt::format("{} went by before they could be read", missed));
    std::string text;
    for (const json& line : page.value("lines", json::array())) {
      if (left == 0) break;
      --left;
      text += (common.json ? json_to_show(line) : base::printable_lines(line_text(line))) + "\n";
    }
    if (!print_exactly(text) || page.value("ended", false)) break;
    next.arguments["after"] = page.value("next", std::uint64_t{0});
  }
  next.arguments["close"] = true;
  (void)connection->ask(next, node_patience);
  return api::exit_code::done;
}

} // namespace

void declare_events(CLI::App& app, const common_options& common, std::function<api::exit_code()>& run) {
  CLI::App* group = app.add_subcommand(command, "the node's named events, and those it follows elsewhere");
  group->require_subcommand(0, 1);
  auto p = std::make_shared<parameters>();
  group->add_option("--sort", p->sort, "the most of it first: published, or lag, of the slowest subscriber")
      ->check(CLI::IsMember({"published", "lag"}))
      ->type_name("WHAT");
  group->final_callback([&common, &run, group, p] {
    if (group->get_subcommands().empty()) run = [&common, p] { return list(*p, common); };
  });
  CLI::App* follow = group->add_subcommand("tail", "the events of one that are kept, and those that come");
  follow->add_option("event", p->name, "its NAME here, or NAME@ALIVE@HOST")->required();
  follow->add_option("--since", p->since, "those after this number, or now: only those that come")
      ->type_name("NUMBER");
  follow->add_option("-n,--count", p->count, "only so many")->type_name("N");
  follow->callback([&common, &run, p] { run = [&common, p] { return tail(*p, common); }; });
  CLI::App* put = group->add_subcommand("publish", "publishes to an event that is open");
  put->add_option("event", p->name, "its name")->required();
  put->add_option("term", p->term, "the payload, an Erlang term")->required();
  put->callback([&common, &run, p] { run = [&common, p] { return publish(*p, common); }; });
}

} // namespace coppice::cli
