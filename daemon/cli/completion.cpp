// SPDX-License-Identifier: MIT
// A shell waits for this while its user types, so a node that does not answer within a second counts as
// absent.
#include "cli/completion.hpp"

#include <algorithm>
#include <iterator>
#include <memory>

#include "api/socket_path.hpp"
#include "cli/completion_scripts.hpp"

namespace coppice::cli {

namespace {

using nlohmann::json;
using words_span = const std::vector<std::string>&;

constexpr std::chrono::milliseconds shell_patience{1000};
constexpr std::size_t most_processes = 1000;

// Kinds by the name of an argument or option; a name means the same in all commands.
constexpr std::pair<std::string_view, completes> kinds[] = {
    {"application", completes::application},
    {"path", completes::child},
    {"plugin", completes::plugin},
    {"node", completes::node},
    {"name", completes::process},
    {"job", completes::job},
    {"event", completes::event},
    {"listener", completes::listener},
    {"--process", completes::process},
    {"--module", completes::module},
    {"--of", completes::log_target},
    {"--socket", completes::socket},
};

completes kind_of(std::string_view name) {
  const auto found = std::ranges::find(kinds, name, &std::pair<std::string_view, completes>::first);
  return found == std::end(kinds) ? completes::nothing : found->second;
}

// The values of a choice. CLI11 shows them in the option's type: "TEXT:{a,b}".
std::vector<std::string> choices_of(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const std::size_t begin = type.find('{');
  const std::size_t end = type.find('}');
  if (begin == std::string::npos || end == std::string::npos || end < begin) return {};
  return CLI::detail::split(type.substr(begin + 1, end - begin - 1), ',');
}

std::vector<std::string> values_of(const CLI::Option& option, const live_names& names) {
  if (auto choices = choices_of(option); !choices.empty()) return choices;
  const auto longs = option.get_lnames();
  const completes kind = kind_of(longs.empty() ? option.get_name(true) : "--" + longs.front());
  return kind == completes::nothing ? std::vector<std::string>() : names(kind);
}

// The option of the command, or one that all commands have.
const CLI::Option* option_of(const CLI::App& app, const CLI::App& command, const std::string& word) {
  for (const CLI::App* at : {&command, &app}) {
    if (const CLI::Option* const found = at->get_option_no_throw(word)) return found;
  }
  return nullptr;
}

bool takes_value(const CLI::Option* option) {
  return option != nullptr && option->get_expected_min() != 0;
}

void add_option_names(const CLI::App& of, std::vector<std::string>& to) {
  for (const CLI::Option* option : of.get_options()) {
    if (option->get_positional()) continue;
    for (const std::string& name : option->get_lnames()) to.push_back("--" + name);
    for (const std::string& name : option->get_snames()) to.push_back("-" + name);
  }
}

// Null: there is no command of that name.
CLI::App* command_of(CLI::App& of, const std::string& name) {
  for (CLI::App* command : of.get_subcommands(nullptr)) {
    if (command->get_name() == name) return command;
  }
  return nullptr;
}

std::vector<std::string> command_names(CLI::App& of) {
  std::vector<std::string> all;
  for (const CLI::App* command : of.get_subcommands(nullptr)) {
    if (!command->get_group().empty()) all.push_back(command->get_name());
  }
  return all;
}

std::vector<std::string> positional(const CLI::App& of, std::size_t index, const live_names& names) {
  for (const CLI::Option* option : of.get_options()) {
    if (!option->get_positional()) continue;
    if (index == 0 || option->get_expected_max() > 1) return values_of(*option, names);
    --index;
  }
  return {};
}

// The position that a command line has reached.
struct place {
  CLI::App* command;
  std::size_t arguments = 0;         // arguments of the command so far
  const CLI::Option* open = nullptr; // an option whose value comes next. Null: none
};

place place_after(CLI::App& app, words_span words) {
  place at{&app};
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    const std::string& word = words[i];
    if (at.open != nullptr) {
      at.open = nullptr;
    } else if (word.size() > 1 && word.front() == '-') {
      const CLI::Option* const option = option_of(app, *at.command, word);
      at.open = takes_value(option) ? option : nullptr;
    } else if (CLI::App* const next = at.arguments == 0 ? command_of(*at.command, word) : nullptr) {
      at.command = next;
    } else {
      ++at.arguments;
    }
  }
  return at;
}

// The value of --socket. Empty: not given.
std::string socket_in(words_span words) {
  for (std::size_t i = 0; i + 2 < words.size(); ++i) {
    if (words[i] == "--socket") return words[i + 1];
  }
  return {};
}

using wanted_child = bool (*)(const json&);

void add_children(const json& of, const std::string& path, wanted_child wanted,
                  std::vector<std::string>& to) {
  if (!of.is_object()) return;
  for (const json& child : of.value("children", json::array())) {
    const std::string below = path + "/" + child.value("id", "");
    if (wanted(child)) to.push_back(below);
    add_children(child, below, wanted, to);
  }
}

// The strings under `key` in a list of objects.
std::vector<std::string> column(const json& document, const char* list, const char* key) {
  std::vector<std::string> all;
  for (const json& one : document.value(list, json::array())) {
    if (const auto found = one.find(key); found != one.end() && found->is_string()) all.push_back(*found);
  }
  return all;
}

json ask_node(const std::string& socket, const char* command, json arguments = json::object()) {
  common_options common;
  common.socket = socket;
  auto connection = reach(common, shell_patience);
  if (!connection) return json::object();
  const auto reply = connection->ask({command, std::move(arguments)}, shell_patience);
  return reply && *reply && (**reply).is_object() ? **reply : json::object();
}

std::vector<std::string> sockets() {
  std::vector<std::string> all;
  for (const auto& folder : {std::filesystem::path(api::service_folder), api::socket_folder()}) {
    for (const auto& socket : api::sockets_in(folder)) all.push_back(socket.string());
  }
  return all;
}

std::vector<std::string> names_of_processes(const std::string& socket) {
  return column(ask_node(socket, "top", {{"sort", "reductions"}, {"count", most_processes}}), "processes",
                "name");
}

std::vector<std::string> modules(const std::string& socket) {
  return ask_node(socket, "log-level").value("modules", std::vector<std::string>());
}

std::vector<std::string> ask_names(completes kind, const std::string& socket) {
  switch (kind) {
    case completes::application:
      return column(ask_node(socket, "status"), "applications", "name");
    case completes::child:
      return child_paths(ask_node(socket, "tree"));
    case completes::plugin:
      return column(ask_node(socket, "plugins"), "plugins", "id");
    case completes::node:
      return column(ask_node(socket, "nodes"), "nodes", "name");
    case completes::process:
      return names_of_processes(socket);
    case completes::module:
      return modules(socket);
    case completes::log_target: {
      auto all = modules(socket);
      std::ranges::move(names_of_processes(socket), std::back_inserter(all));
      return all;
    }
    case completes::job:
      return column(ask_node(socket, "cron"), "jobs", "name");
    case completes::event:
      return column(ask_node(socket, "events"), "events", "name");
    case completes::listener:
      return listener_paths(ask_node(socket, "tree"));
    case completes::socket:
      return sockets();
    case completes::nothing:
      break;
  }
  return {};
}

} // namespace

std::vector<std::string> child_paths(const json& tree) {
  std::vector<std::string> all;
  for (const json& application : tree.value("applications", json::array())) {
    const std::string name = application.value("name", "");
    all.push_back(name);
    add_children(
        application.value("supervisor", json()), name, [](const json&) { return true; }, all);
  }
  return all;
}

std::vector<std::string> listener_paths(const json& tree) {
  const auto listens = [](const json& child) {
    const std::string behaviour = child.value("behaviour", "");
    return behaviour == "tcp" || behaviour == "web";
  };
  std::vector<std::string> all;
  for (const json& application : tree.value("applications", json::array()))
    add_children(application.value("supervisor", json()), application.value("name", ""), listens, all);
  return all;
}

std::vector<std::string> candidates(CLI::App& app, words_span words, const live_names& names) {
  const place at = place_after(app, words);
  const std::string half = words.empty() ? "" : words.back();
  std::vector<std::string> all;
  if (at.open != nullptr) {
    all = values_of(*at.open, names);
  } else if (!half.empty() && half.front() == '-') {
    add_option_names(*at.command, all);
    if (at.command != &app) add_option_names(app, all);
  } else {
    all = command_names(*at.command);
    if (all.empty()) all = positional(*at.command, at.arguments, names);
  }
  std::erase_if(all, [&half](const std::string& one) {
    return !one.starts_with(half) || one.find('\n') != std::string::npos;
  });
  std::ranges::sort(all);
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

api::exit_code complete(CLI::App& app, const std::vector<std::string>& words) {
  const live_names names = [socket = socket_in(words)](completes kind) {
    try {
      return ask_names(kind, socket);
    } catch (const json::exception&) { // the document of another version
      return std::vector<std::string>();
    }
  };
  std::string text;
  for (const std::string& one : candidates(app, words, names)) text += one + "\n";
  print(text);
  return api::exit_code::done;
}

void declare_completion(CLI::App& app, std::function<api::exit_code()>& run) {
  CLI::App* script =
      app.add_subcommand("completion", "a script that completes commands and names in a shell");
  auto shell = std::make_shared<std::string>(); // owned by the closures, which CLI11 keeps
  script->add_option("shell", *shell, "whose")->required()->check(CLI::IsMember({"bash", "zsh", "fish"}));
  script->callback([&run, shell] {
    run = [shell] {
      print_exactly(completion_script(*shell));
      return api::exit_code::done;
    };
  });
}

} // namespace coppice::cli
