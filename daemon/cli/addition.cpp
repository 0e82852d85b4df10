// SPDX-License-Identifier: MIT
// The tree is read from the configuration as it is now, since people edit it: names are compared as they are
// written there. An entry that is there already, word for word, is no mistake; nothing is changed then.
#include "cli/addition.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/suggest.hpp"
#include "cli/init_arguments.hpp"
#include "cli/list_edit.hpp"
#include "cli/plugin_names.hpp"
#include "cli/templates.hpp"

namespace coppice::cli {

namespace {

using nlohmann::json;

// An application or a supervisor of the configuration.
struct holder {
  yaml_path children;
  bool is_template = false; // simple_one_for_one: its one child is the template of all others
};

std::string text_at(const json& map, const char* key) {
  const auto found = map.is_object() ? map.find(key) : map.end();
  return map.is_object() && found != map.end() && found->is_string() ? found->get<std::string>() : "";
}
const json& value_at(const json& map, const char* key) {
  static const json nothing;
  if (!map.is_object()) return nothing;
  const auto found = map.find(key);
  return found == map.end() ? nothing : *found;
}

// The names in a configuration, and the places where children can be added.
struct present_tree {
  std::set<std::string> names;
  std::map<std::string, holder> holders;

  explicit present_tree(const json& document) {
    const json& applications = value_at(document, "applications");
    for (std::size_t i = 0; applications.is_array() && i < applications.size(); ++i)
      add_holder(text_at(applications[i], "name"), applications[i], {"applications", i});
    for (const json& one : value_at(document, "events")) names.insert(text_at(one, "name"));
    for (const json& one : value_at(value_at(document, "cron"), "jobs"))
      names.insert("the job " + text_at(one, "name"));
    for (const json& one : value_at(value_at(value_at(document, "node"), "log"), "files"))
      names.insert("the file " + text_at(one, "path"));
    names.erase("");
    holders.erase("");
  }

 private:
  void add_holder(const std::string& name, const json& one, yaml_path at) {
    const json& supervisor = value_at(one, "supervisor");
    at.insert(at.end(), {"supervisor", "children"});
    names.insert(name);
    holders.emplace(name, holder{at, text_at(supervisor, "strategy") == "simple_one_for_one"});
    const json& children = value_at(supervisor, "children");
    for (std::size_t i = 0; children.is_array() && i < children.size(); ++i) {
      const json& child = children[i];
      const std::string id = text_at(child, "id"), registered = text_at(child, "name");
      names.insert({id, registered});
      if (!value_at(child, "supervisor").is_object()) continue;
      const std::string own = text_at(child["supervisor"], "name");
      yaml_path below = at;
      below.emplace_back(i);
      names.insert(id);
      add_holder(own.empty() ? id : own, child, std::move(below));
    }
  }
};

std::string shown(const yaml_path& path, const json& document) {
  std::string out;
  const json* at = &document;
  for (const auto& step : path) {
    std::string word;
    if (const auto* index = std::get_if<std::size_t>(&step)) {
      at = &at->at(*index);
      word = text_at(*at, "name").empty() ? text_at(*at, "id") : text_at(*at, "name");
    } else {
      word = std::get<std::string>(step);
      at = &value_at(*at, word.c_str());
    }
    out += (out.empty() ? "" : ": ") + word;
  }
  return out;
}

class planner {
 public:
  planner(const init_option& given, const project_texts& project) : given_(given), project_(project) {}

  expected<addition, std::vector<std::string>> run() {
    check_kind();
    const auto document = read_yaml(project_.configuration.text);
    if (!document) wrong_.push_back(project_.configuration.path + ":" + document.error());
    auto entry = known_kind_ ? read_entry(given_, "", wrong_) : std::nullopt;
    if (!document || !entry) return unexpected(wrong_);
    made_.entry = std::move(*entry);
    document_ = *document;
    made_.node = text_at(value_at(document_, "node"), "name");
    if (made_.node.empty()) made_.node = stem_of(project_.configuration.path);
    const present_tree present(document_);
    find_place(present);
    check_names(present);
    edit_build();
    if (!wrong_.empty()) return unexpected(wrong_);
    edit_test();
    if (!there_) edit_configuration();
    add_plugin();
    return std::move(made_);
  }

 private:
  static std::string stem_of(const std::string& path) {
    const std::string name = path.substr(path.rfind('/') + 1);
    return name.substr(0, name.rfind('.'));
  }

  // If the kind is unknown, mistakes in the name are reported all the same.
  void check_kind() {
    const auto kinds = entry_kinds();
    const std::vector<std::string_view> known(kinds.begin(), kinds.end());
    known_kind_ = std::ranges::find(known, given_.option) != known.end();
    if (known_kind_) return;
    const std::string meant = base::did_you_mean(given_.option, known);
    wrong_.push_back(fmt::format("there is no kind {}: {}", given_.option,
                                 meant.empty() ? fmt::format("it is {}", fmt::join(known, ", ")) : meant));
    if (const auto read = parse_written_node(given_.text))
      for (const std::string& why : check_plugin_name(read->name))
        wrong_.push_back(fmt::format("the name '{}' {}", read->name, why));
  }

  void find_place(const present_tree& present) {
    tree_entry& one = made_.entry;
    std::vector<tree_entry> below{one};
    if (one.kind == "app") {
      path_ = {"applications"};
    } else if (one.kind == "events") {
      path_ = {"events"};
    } else if (one.kind == "cron") {
      path_ = {"cron", "jobs"};
    } else if (one.kind == "logger") {
      path_ = {"node", "log", "files"};
    } else if (one.parent.empty()) {
      one.parent = plugin_name_of(made_.node.substr(0, made_.node.find('@')));
      if (!present.holders.contains(one.parent)) {
        // The application for entries without a parent is added too.
        path_ = {"applications"};
        below.front().parent = one.parent;
        if (wrong_.empty()) items_ = tree_items({"app", "", one.parent}, below, made_.node);
        return;
      }
      use_holder(present.holders.at(one.parent));
    } else {
      const auto found = present.holders.find(one.parent);
      const auto written = present.holders.find(written_parent());
      if (written != present.holders.end()) one.parent = written->first;
      if (found == present.holders.end() && written == present.holders.end()) return refuse_parent(present);
      use_holder(written != present.holders.end() ? written->second : found->second);
    }
    if (wrong_.empty()) items_ = tree_items(one, {}, made_.node);
  }
  std::string written_parent() const { return given_.text.substr(0, given_.text.find(':')); }

  void use_holder(const holder& found) {
    path_ = found.children;
    if (found.is_template)
      wrong_.push_back(fmt::format("{} is simple_one_for_one: its one child is what it starts others from",
                                   made_.entry.parent));
  }
  void refuse_parent(const present_tree& present) {
    std::vector<std::string_view> parents;
    for (const auto& each : present.holders) parents.push_back(each.first);
    const std::string meant = base::did_you_mean(made_.entry.parent, parents);
    wrong_.push_back(fmt::format("there is no application or supervisor {} in {}{}", made_.entry.parent,
                                 project_.configuration.path, meant.empty() ? "" : ": " + meant));
  }

  // An entry that is there word for word was added before. No items: a mistake was found already.
  void check_names(const present_tree& present) {
    there_ = !items_.empty() && is_there();
    if (there_) return;
    for (const std::string& name : process_names(made_.entry))
      if (present.names.contains(name))
        wrong_.push_back(fmt::format("{} is there already, in {}", name, project_.configuration.path));
  }
  bool is_there() const {
    const auto items = read_yaml(blocks());
    const json* list = &document_;
    for (const auto& step : path_) {
      const auto* index = std::get_if<std::size_t>(&step);
      list = index != nullptr ? &list->at(*index) : &value_at(*list, std::get<std::string>(step).c_str());
    }
    return items && list->is_array() && std::ranges::all_of(*items, [list](const json& item) {
             return std::ranges::find(*list, item) != list->end();
           });
  }

  std::string blocks() const {
    std::string out;
    for (const list_item& one : items_) out += one.block;
    return out;
  }

  void edit_configuration() {
    const project_file& file = project_.configuration;
    auto edited = add_to_list(file.text, path_, items_);
    if (edited)
      made_.edits.push_back({file.path, std::move(*edited)});
    else
      made_.by_hand.push_back({file.path, shown(path_, document_), blocks(), edited.error()});
  }

  // Adds to a line such as `plugins = {'cart': 'c'}`, which init has written.
  void edit_build() {
    const tree_entry& one = made_.entry;
    if (!is_plugin(one.kind)) return;
    const std::string line = fmt::format("'{}': '{}'", one.name, one.language());
    const std::string path = project_.build ? project_.build->path : "meson.build";
    const std::string text = project_.build ? project_.build->text : "";
    constexpr std::string_view head = "plugins = {";
    const std::size_t at = text.starts_with(head) ? 0 : text.find("\n" + std::string(head));
    const auto found = at == text.npos ? std::nullopt : find_brackets(text, text.find('{', at));
    const auto pairs =
        found ? pairs_of(std::string_view(text).substr(found->open + 1, found->close - found->open - 1))
              : std::nullopt;
    if (!pairs) {
      made_.by_hand.push_back(
          {path, "plugins", line + ",\n",
           project_.build ? "it has no list of plugins as coppice init writes it" : "it is missing"});
      return;
    }
    const auto same = pairs->find(one.name);
    if (same == pairs->end())
      made_.edits.push_back({path, add_to_brackets(text, *found, {line}, "")});
    else if (same->second != one.language())
      wrong_.push_back(
          fmt::format("the plugin {} is there already, in {} ({})", one.name, same->second, path));
  }

  // Reads "'a': 'b', 'c': 'd'" with comments. Empty: it has another form.
  static std::optional<std::map<std::string, std::string>> pairs_of(std::string_view text) {
    std::vector<std::string> tokens; // words with their first quote, and signs
    for (std::size_t at = 0; at < text.size(); ++at) {
      const char c = text[at];
      if (c == '#') {
        at = std::min(text.find('\n', at), text.size());
      } else if (c == '\'') {
        const std::size_t end = text.find('\'', at + 1);
        if (end == text.npos) return std::nullopt;
        tokens.emplace_back(text.substr(at, end - at));
        at = end;
      } else if (c != ' ' && c != '\t' && c != '\n' && c != '\r') {
        tokens.emplace_back(1, c);
      }
    }
    std::map<std::string, std::string> pairs;
    for (std::size_t at = 0; at < tokens.size(); at += 4) {
      if (at + 2 >= tokens.size() || tokens[at][0] != '\'' || tokens[at + 1] != ":" ||
          tokens[at + 2][0] != '\'')
        return std::nullopt;
      if (at + 3 < tokens.size() && tokens[at + 3] != ",") return std::nullopt;
      pairs.emplace(tokens[at].substr(1), tokens[at + 2].substr(1));
    }
    return pairs;
  }

  // A test without such a line has been rewritten by its author, and is left alone.
  void edit_test() {
    const tree_entry& one = made_.entry;
    if (!project_.test || (one.kind != "sup" && !is_plugin(one.kind))) return;
    constexpr std::string_view head = "\nfor process in ", tail = "; do\n";
    std::string text = project_.test->text;
    const std::size_t begin = text.find(head);
    if (begin == text.npos) return;
    const std::size_t end = text.find('\n', begin + 1);
    if (end == text.npos || !std::string_view(text).substr(0, end + 1).ends_with(tail)) return;
    std::string names =
        " " + text.substr(begin + head.size(), end + 1 - tail.size() - begin - head.size()) + " ";
    if (names == "  ") names = " ";
    for (const std::string& name : process_names(one))
      if (names.find(" " + name + " ") == names.npos) names += name + " ";
    const std::string edited = text.substr(0, begin + head.size()) + names.substr(1, names.size() - 2) +
                               text.substr(end + 1 - tail.size());
    if (edited != text) made_.edits.push_back({project_.test->path, edited});
  }

  void add_plugin() {
    const tree_entry& one = made_.entry;
    if (!is_plugin(one.kind)) return;
    const auto kinds = template_kinds();
    const auto& kind = *std::ranges::find(kinds, one.kind, &template_kind::name);
    made_.plugin = plugin_files(kind, one.language(), builder::project, one.name);
  }

  const init_option& given_;
  const project_texts& project_;
  bool known_kind_ = false, there_ = false;
  json document_;
  yaml_path path_; // of the list that gets the items
  std::vector<list_item> items_;
  addition made_;
  std::vector<std::string> wrong_;
};

} // namespace

expected<addition, std::vector<std::string>> plan_addition(const init_option& given,
                                                           const project_texts& project) {
  return planner(given, project).run();
}

} // namespace coppice::cli
