// SPDX-License-Identifier: MIT
// The keys of an actor with a program.
#include "spec/kinds/port.hpp"

#include <coppice/draft/stream.h>
#include <algorithm>

#include "spec/kinds/kinds.hpp"
#include "spec/kinds/of_class.hpp"
#include "spec/kinds/tcp.hpp"
#include "spec/schema/actor_rows.hpp"
#include "spec/schema/args_term.hpp"
#include "spec/schema/child_check.hpp"
#include "spec/schema/kind.hpp"
#include "spec/schema/names.hpp"
#include "spec/schema/simple_types.hpp"

namespace coppice::spec {
namespace {

constexpr std::uint64_t most_bytes = std::uint64_t{1} << 30;

std::string check_word(std::string_view word) {
  if (word.size() > 131'072) return "must have at most 128 KiB"; // what Linux takes as one argument
  return word.find('\0') == std::string_view::npos ? "" : "must have no null byte";
}
std::string check_variable(std::string_view written) {
  const std::size_t cut = written.find('=');
  if (cut == 0 || cut == std::string_view::npos) return "must be NAME=VALUE";
  return check_word(written);
}

const table<port_limits>& limits_table() {
  static const auto rows =
      table<port_limits>()
          .add<&port_limits::memory>("memory", size(),
                                     "bytes of address space of each process; 0: no limit of its own")
          .add<&port_limits::cpu>(
              "cpu", duration(),
              "processor time of each, in whole seconds, then it is killed; 0s: no limit of its own")
          .check([](reader& from, const node& at, port_limits& limits) {
            if (limits.cpu.count() % 1000 != 0)
              from.error(*at.find("cpu"), from.path + ".cpu: must be whole seconds");
          });
  return rows;
}

const table<port_write_options>& write_table() {
  static const auto rows =
      table<port_write_options>()
          .add<&port_write_options::high>(
              "high", size(),
              "bytes that wait for the program; beyond, what the actor writes is refused as full")
          .add<&port_write_options::low>("low", size(), "once so few are left it is told that there is room")
          .check([](reader& from, const node& at, port_write_options& write) {
            if (!at.find("low")) write.low = std::min(write.low, write.high / 4);
            if (write.high == 0 || write.high > most_bytes)
              from.error(at, from.path + ".high: must be from 1B to 1GiB");
            if (write.low > write.high) from.error(at, from.path + ".low: must be at most `high`");
          });
  return rows;
}

void check_port(reader& from, const node& at, port_options& port) {
  const node* const command = at.find("command");
  if (command != nullptr && (port.command.empty() || !port.command.front().starts_with('/')))
    from.error(*command, from.path + ".command: must begin with a program's path from / on");
  if (port.credit == 0 || port.credit > most_bytes)
    from.error(value_or_map(at, "credit"), from.path + ".credit: must be from 1B to 1GiB");
  if (port.kill_after > std::chrono::minutes(10))
    from.error(value_or_map(at, "kill_after"), from.path + ".kill_after: must be at most 10m");
}

// Prints durations with their unit.
void prune_port(const port_options& from, json& port) {
  print_durations(port, "args", from.durations);
}

const table<port_options>& port_table() {
  using words = list<std::string, text>;
  using optional_path = maybe<std::optional<std::string>, path>;
  static const auto rows =
      table<port_options>()
          .add<&port_options::command>(
              "command", words(text("a word", &check_word)),
              "the program, by its path from / on, and its arguments; no shell reads them")
          .needed()
          .add<&port_options::actor>("actor", actor_name(), "who talks with it, and ends with it")
          .needed()
          .elsewhere()
          .add<&port_options::args>("args", args_term(), "its arguments, checked against the plugin's schema")
          .add<&port_options::environment>("environment", words(text("NAME=VALUE", &check_variable)),
                                           "variables for the program, besides the daemon's own")
          .add<&port_options::clean_environment>("clean_environment", flag(),
                                                 "true: none of the daemon's own")
          .add<&port_options::directory>("directory", optional_path(path()),
                                         "where it starts; absent: where the daemon is")
          .add<&port_options::frame>("frame", section<frame_options>(&frame_table), "how its output is cut")
          .add<&port_options::credit>("credit", size(),
                                      "bytes that wait for the actor; beyond, nothing is read")
          .add<&port_options::write>("write", section<port_write_options>(&write_table),
                                     "bounds of what goes to it")
          .add<&port_options::errors>(
              "stderr", choice<port_errors>({{"log", port_errors::log}, {"discard", port_errors::discard}}),
              "what it writes to standard error. log: lines of the node's log, module port")
          .add<&port_options::kill_after>(
              "kill_after", duration(),
              "between SIGTERM and SIGKILL for it and its group, when its actor ends")
          .add<&port_options::limits>("limits", section<port_limits>(&limits_table), "what it may use")
          .add<&port_options::unhandled>("unhandled", optional_unhandled(), "as a child's, of the actor")
          .check(&check_port)
          .prune(&prune_port);
  return rows;
}

class port_of_children final : public kind_of<port_options> {
 public:
  port_of_children()
      : kind_of("port", form{"an actor with a program", "the 'port' map"}, &port_table,
                "an actor with a program, by whose input and output they talk", compared::by_key) {}
  bool brings_streams() const override { return true; }

 private:
  bool is_one_actor_with(const port_options&) const override { return true; }
  void args_of(const port_options& of, const use_args& use) const override { use(of.args); }
  void check_options(child_check& with, child_spec& child, port_options& of, const node&,
                     const node& written) const override {
    with.check_leaf(child, {of.actor, of.args, of.durations}, written, with.part_of_args());
  }
  void check_class(child_check& with, const named_actor& actor) const override {
    if (is_in(actor.child) && !has_streams(actor.type))
      with.to.error(actor.name.at, "the actor '" + actor.type.name + "' cannot talk with a program",
                    "it has no table " + std::string(COPPICE_STREAM_DRAFT_2));
  }
};

} // namespace

const kind& port_kind() {
  static const port_of_children made;
  return made;
}

} // namespace coppice::spec
