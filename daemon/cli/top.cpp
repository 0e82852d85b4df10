// SPDX-License-Identifier: MIT
// Each picture is drawn over the one before, from the top left, so that the picture needs no clean-up when a
// signal ends the program.
#include "cli/top.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <thread>

#include "cli/keys.hpp"
#include "cli/render.hpp"
#include "cli/top_view.hpp"

namespace coppice::cli {

namespace {

using nlohmann::json;

constexpr std::size_t wide = 110; // columns from which on everything is shown
constexpr std::size_t usual_processes = 20;
constexpr std::chrono::milliseconds first_look{250}; // short, so that the first picture has rates soon
constexpr std::chrono::milliseconds longest_look{60'000};
constexpr std::chrono::milliseconds look_with_keys{500}; // a key waits for the node's answer

struct parameters {
  std::string sort = "messages";
  std::string every = "2s";
  bool once = false;
};

std::string text_of(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return "";
  return found->is_string() ? found->get<std::string>() : found->dump();
}

long long number_of(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number() ? found->get<long long>() : 0;
}

// The process's name, otherwise its label in the tree, otherwise its behaviour.
std::string who(const json& process) {
  for (const char* key : {"name", "label", "behaviour"}) {
    if (std::string text = text_of(process, key); !text.empty()) return text;
  }
  return "-";
}

// Reductions per second. Empty: the node has no rate yet.
std::string rate_of(const json& of) {
  const std::string number = text_of(of, "reductions_per_second");
  return number.empty() ? number : number + "/s";
}

// The share of one processor: 378 per mille → "37.8%". Empty: the node has no rate yet.
std::string share_of(const json& of) {
  if (text_of(of, "cpu_permille").empty()) return {};
  return fmt::format("{:.1f}%", static_cast<double>(number_of(of, "cpu_permille")) / 10);
}

// Which optional columns are shown.
struct columns {
  bool behaviour;
  bool mailbox; // its bytes
  bool reductions;
  bool rate;
  bool time;
  bool share; // of a processor
};

// Rates are known once the node has measured over a time. On a narrow screen they replace the totals.
columns columns_of(const json& d, const std::string& sort, const screen& size) {
  const bool all = size.columns >= wide;
  const bool rated = !text_of(d, "over_ms").empty();
  return {all,
          all || sort == "mailbox",
          all || !rated || sort == "reductions",
          rated && (all || sort != "reductions"),
          all || !rated || sort == "time",
          rated && (all || sort != "time")};
}

std::vector<std::string> row_of(const json& process, const columns& shown) {
  std::vector<std::string> row{text_of(process, "pid"),
                               who(process),
                               text_of(process, "status"),
                               text_of(process, "mailbox"),
                               duration_text(number_of(process, "oldest_ms")),
                               size_text(number_of(process, "memory"))};
  if (shown.time) row.push_back(short_time_text(number_of(process, "cpu_us")));
  if (shown.share) row.push_back(share_of(process));
  if (shown.reductions) row.push_back(text_of(process, "reductions"));
  if (shown.rate) row.push_back(rate_of(process));
  if (shown.mailbox) row.insert(row.begin() + 4, size_text(number_of(process, "mailbox_bytes")));
  if (shown.behaviour) row.insert(row.begin() + 2, text_of(process, "behaviour"));
  return row;
}

// The handler that has held a thread for the longest time. Empty: none does.
std::string stuck_text(const json& d) {
  const auto found = d.find("stuck");
  if (found == d.end() || !found->is_array() || found->empty()) return {};
  const json& first = found->front();
  const std::string others =
      found->size() == 1 ? "" : fmt::format(", and {} other threads", found->size() - 1);
  return fmt::format("stuck: {} for {} in {}{}; see coppice health", text_of(first, "who"),
                     duration_text(number_of(first, "since_ms")), text_of(first, "callback"), others);
}

std::string head_of(const json& d) {
  const std::string rate = rate_of(d);
  const std::string share = share_of(d);
  return fmt::format(
      "{}  {}  up {}{}{}\n{} processes  {} of {} workers awake  messages {}  {} connections\n{}\n",
      text_of(d, "name"), text_of(d, "state"), duration_text(number_of(d, "uptime_ms")),
      share.empty() ? share : "  cpu " + share, rate.empty() ? rate : "  reductions " + rate,
      number_of(d, "process_count"), number_of(d, "workers_awake"), number_of(d, "workers"),
      size_text(number_of(d, "message_memory")), number_of(d, "connections"), stuck_text(d));
}

// Over the picture before. No line feed after the last row, which would scroll.
bool draw(const std::string& picture) {
  std::string drawn = "\x1b[H";
  for (const char c : picture) drawn += c == '\n' ? "\x1b[K\n" : std::string(1, c);
  drawn.pop_back();
  return print_exactly(drawn + "\x1b[J");
}

// Shows a document until the next one is due. False: the person has seen enough.
bool look_at(top_view& view, keyboard* keys, const json& document,
             std::chrono::steady_clock::time_point until) {
  if (!draw(view.picture(document, screen_size(), with_colours()))) return false;
  if (keys == nullptr) {
    std::this_thread::sleep_until(until);
    return true;
  }
  while (const auto pressed = keys->wait(until)) {
    const screen size = screen_size();
    switch (view.press(*pressed, document, size)) {
      case top_view::then::nothing:
        break;
      case top_view::then::draw:
        if (!draw(view.picture(document, size, with_colours()))) return false;
        break;
      case top_view::then::ask:
        return true;
      case top_view::then::quit:
        return false;
    }
  }
  return true;
}

api::request request_for(const top_view& view, const screen& size, std::chrono::milliseconds over) {
  if (!view.alone().empty()) return {"info", {{"name", view.alone()}}};
  return {"top", {{"sort", view.sort()}, {"count", view.wanted(size)}, {"over_ms", over.count()}}};
}

api::exit_code watch_live(const parameters& given, const common_options& common) {
  const std::chrono::milliseconds every{*parse_timeout(given.every)};
  auto connection = reach(common);
  if (!connection) return fail("top", connection.error(), common);
  const std::unique_ptr<keyboard> keys = keyboard::open();
  top_view view(given.sort);
  // The node measures over this time before it answers. Without keys it replaces the pause.
  std::chrono::milliseconds over = std::min(every, first_look);
  for (;;) {
    const auto asked_at = std::chrono::steady_clock::now();
    auto reply = connection->ask(request_for(view, screen_size(), over), node_patience + over);
    if (!reply && reply.error().answered) {
      connection = reach_again("top", common);
      if (!connection) return fail("top", connection.error(), common);
      continue;
    }
    if (!reply) return fail("top", reply.error(), common);
    if (!*reply && view.alone().empty()) return fail(reply->error());
    if (!*reply) { // it has ended
      view.show_list();
      continue;
    }
    make_printable(**reply);
    if (!look_at(view, keys.get(), **reply, asked_at + every)) return api::exit_code::done;
    over = std::min(every, keys == nullptr ? longest_look : look_with_keys);
  }
}

api::exit_code watch(const parameters& given, const common_options& common) {
  if (!given.once && !common.json && on_terminal()) return watch_live(given, common);
  const std::chrono::milliseconds every{*parse_timeout(given.every)};
  auto connection = reach(common);
  if (!connection) return fail("top", connection.error(), common);
  const bool is_rated = given.sort == "rate" || given.sort == "cpu";
  const std::chrono::milliseconds over{is_rated ? std::min(every, longest_look)
                                                : std::chrono::milliseconds(0)};
  const screen size = on_terminal() ? screen_size() : screen{any_width, usual_processes + rows_of_top_head};
  const std::size_t count = size.rows > rows_of_top_head + 1 ? size.rows - rows_of_top_head : 1;
  auto reply = connection->ask({"top", {{"sort", given.sort}, {"count", count}, {"over_ms", over.count()}}},
                               node_patience + over);
  if (!reply) return fail("top", reply.error(), common);
  if (!*reply) return fail(reply->error());
  if (common.json) return print_json(**reply), api::exit_code::done;
  make_printable(**reply);
  return print_exactly(render_top(**reply, given.sort, size, with_colours())), api::exit_code::done;
}

} // namespace

std::string render_top(const json& d, const std::string& sort, const screen& size, bool colours) {
  const columns shown = columns_of(d, sort, size);
  std::vector<std::vector<std::string>> rows{{"PID", "NAME", "STATUS", "MESSAGES", "AGE", "MEMORY"}};
  if (shown.time) rows[0].push_back("TIME");
  if (shown.share) rows[0].push_back("CPU");
  if (shown.reductions) rows[0].push_back("REDUCTIONS");
  if (shown.rate) rows[0].push_back("RATE");
  if (shown.mailbox) rows[0].insert(rows[0].begin() + 4, "MAILBOX");
  if (shown.behaviour) rows[0].insert(rows[0].begin() + 2, "BEHAVIOUR");
  for (const auto& process : d.value("processes", json::array())) {
    if (rows.size() + rows_of_top_head > size.rows) break;
    rows.push_back(row_of(process, shown));
  }
  std::string column = sort;
  std::ranges::transform(column, column.begin(),
                         [](char c) { return c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c; });
  std::string body = table(rows, size.columns);
  // With colours the column that is sorted by is bold. The colour is added after the widths are computed.
  if (const std::size_t at = body.find(column); colours && at < body.find('\n'))
    body.replace(at, column.size(), painted(column, colour::bold, true));
  return fitted(head_of(d), size.columns) + body;
}

void declare_top(CLI::App& app, const common_options& common, std::function<api::exit_code()>& run) {
  CLI::App* sub =
      app.add_subcommand("top", "the processes with most messages, memory or processor time, live");
  auto given = std::make_shared<parameters>(); // owned by the closures, which CLI11 keeps
  sub->add_option("--sort", given->sort,
                  "largest first; memory: of the process and its messages, without what its plugin allocates")
      ->check(CLI::IsMember({"messages", "mailbox", "age", "memory", "time", "cpu", "reductions", "rate"}))
      ->capture_default_str();
  sub->add_option("--every", given->every, "between two pictures, and of rates: 500ms, 2s")
      ->check([](const std::string& text) {
        const auto time = parse_timeout(text);
        return time && *time >= 100 ? "" : "a time of 100ms or more";
      })
      ->capture_default_str();
  sub->add_flag("--once", given->once, "one picture, also on a terminal");
  sub->callback([&common, &run, given] { run = [&common, given] { return watch(*given, common); }; });
}

} // namespace coppice::cli
