// SPDX-License-Identifier: MIT
// yaml-cpp's events into a tree. The library's own node API is not used: it keeps duplicate keys, takes
// cycles and looks keys up one by one. Its exceptions, and ours that end a hopeless parse early, stay
// in parse_yaml().
#include "spec/schema/tree.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <sstream>
#include <unordered_set>
#include <utility>

#include "base/utf8.hpp"
#include "spec/schema/secrecy.hpp"

namespace coppice::spec {
namespace {

// Ends the parse: the error is reported already.
struct hopeless {};

// Added behind the text: without it the parser accepts a text whose closing quote is missing.
constexpr std::string_view end_mark = "\n...\n";

class builder : public YAML::EventHandler {
 public:
  builder(std::uint32_t file, yaml_tree& into, report& to, const tree_limits& limits, bool is_secret)
      : file_(file), tree_(into), report_(to), limits_(limits), is_secret_(is_secret) {}

  node* root() const { return root_; }

  // Hides the secrets that have been read so far, also secrets whose end has not been read.
  void hide_secrets() {
    for (const node* one : secrets_) report_.hide(one->at, one->end);
  }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (documents_++ > 0)
      fail(at(mark), "a second document begins here", "a configuration file is one document");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    node* made = make(node::kind::null, mark);
    remember(anchor, made, true);
    ended_.push_back(made);
    attach(made, 0);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    node* made = make(node::kind::scalar, mark);
    check_tag(made, tag);
    made->quoted = tag == "!" || tag == "tag:yaml.org,2002:str";
    made->text = value;
    made->bytes = value.size();
    remember(anchor, made, true);
    ended_.push_back(made);
    attach(made, 0);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (anchor >= anchors_.size() || !anchors_[anchor].target)
      fail(at(mark), "this alias stands for nothing", "");
    if (!anchors_[anchor].closed) fail(at(mark), "this alias stands for a value that contains it", "");
    end_at(at(mark));
    if (stands_at_secret() && !anchors_[anchor].target->is_secret) {
      secrets_.push_back(anchors_[anchor].target);
      make_secret(*anchors_[anchor].target);
    }
    attach(anchors_[anchor].target, anchors_[anchor].height, &mark);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(node::kind::sequence, mark, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(node::kind::map, mark, tag, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  struct frame {
    node* container;
    YAML::anchor_t anchor;
    node* key = nullptr;      // of a map, waiting for its value
    std::uint32_t height = 1; // levels of lists and maps from here down, through aliases
    std::unordered_set<std::string_view> keys;
  };
  struct anchor_state {
    node* target = nullptr;
    bool closed = false;
    std::uint32_t height = 0; // 0: a scalar or null
  };

  // Whether the next value belongs to a key that names a secret, or lies in a secret.
  bool stands_at_secret() const {
    if (stack_.empty()) return is_secret_;
    const frame& in = stack_.back();
    return in.container->is_secret || (in.key != nullptr && names_secret(in.key->text));
  }

  // Sets the end of the values that have ended: where the next thing begins, behind blanks and comments.
  void end_at(const place& where) {
    for (node* const one : ended_) one->end = where;
    ended_.clear();
  }

  static void make_secret(node& one) {
    if (std::exchange(one.is_secret, true)) return;
    for (node* const below : one.items) make_secret(*below);
  }

  node* make(node::kind what, const YAML::Mark& mark) {
    end_at(at(mark));
    node* made = tree_.make(what, at(mark));
    made->is_secret = stands_at_secret();
    const bool is_outermost = what != node::kind::null && made->is_secret &&
                              (stack_.empty() || !stack_.back().container->is_secret);
    if (is_outermost) secrets_.push_back(made);
    return made;
  }

  place at(const YAML::Mark& mark) const {
    return {file_, static_cast<std::uint32_t>(mark.line + 1), static_cast<std::uint32_t>(mark.column + 1)};
  }

  [[noreturn]] void fail(const place& where, std::string message, std::string hint) {
    report_.error(where, std::move(message), std::move(hint));
    throw hopeless{};
  }

  [[noreturn]] void fail_too_deep(const place& where, std::string hint) {
    fail(where, "nested deeper than " + std::to_string(limits_.depth) + " levels", std::move(hint));
  }

  void check_tag(const node* made, const std::string& tag) {
    if (tag.empty() || tag == "?" || tag == "!" || tag == "tag:yaml.org,2002:str") return;
    report_.error(made->at, "tags are not understood" + (made->is_secret ? "" : ": " + printable(tag)),
                  "leave the tag out; quotes make a text");
  }

  void remember(YAML::anchor_t anchor, node* target, bool closed) {
    if (anchor == 0) return;
    if (anchor >= anchors_.size()) anchors_.resize(anchor + 1);
    anchors_[anchor] = {target, closed, 0};
  }

  void open(node::kind what, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    if (stack_.size() >= limits_.depth) fail_too_deep(at(mark), "");
    node* made = make(what, mark);
    check_tag(made, tag);
    remember(anchor, made, false);
    stack_.push_back({made, anchor, nullptr, 1, {}});
  }

  void close() {
    frame done = std::move(stack_.back());
    stack_.pop_back();
    ended_.push_back(done.container);
    if (done.anchor) {
      anchors_[done.anchor].closed = true;
      anchors_[done.anchor].height = done.height;
    }
    attach(done.container, done.height);
  }

  void attach(node* made, std::uint32_t height, const YAML::Mark* alias = nullptr) {
    if (stack_.empty()) {
      root_ = made;
      return;
    }
    frame& parent = stack_.back();
    const place where = alias ? at(*alias) : made->at;
    if (alias) count_alias(*made, where);
    if (made->weight > limits_.values - parent.container->weight)
      fail(where, "the document grows to more than " + std::to_string(limits_.values) + " values",
           alias ? "aliases of aliases multiply" : "");
    if (height > limits_.depth - stack_.size())
      fail_too_deep(where, alias ? "what an alias stands for is counted where the alias stands" : "");
    parent.container->weight += made->weight;
    parent.container->bytes += made->bytes;
    parent.height = std::max(parent.height, height + 1);
    if (parent.container->is_sequence()) {
      parent.container->items.push_back(made);
    } else if (!parent.key) {
      parent.key = as_key(made, where);
    } else {
      add_pair(parent, made);
    }
  }

  void count_alias(const node& of, const place& where) {
    if (of.weight > limits_.aliased - aliased_)
      fail(where, "aliases stand for more than " + std::to_string(limits_.aliased) + " values",
           "aliases of aliases multiply");
    if (of.bytes > limits_.aliased_text - aliased_text_)
      fail(where,
           "aliases stand for more than " + std::to_string(limits_.aliased_text >> 20) + " MiB of text", "");
    aliased_ += of.weight;
    aliased_text_ += of.bytes;
  }

  node* as_key(node* made, const place& where) {
    if (made->what == node::kind::sequence || made->what == node::kind::map)
      fail(where, "a key must be a text, this is a list or a map", "");
    if (made->what == node::kind::scalar) return made;
    // A key written `null` or `~` is the text "null".
    node* named = tree_.make(node::kind::scalar, where);
    named->text = "null";
    return named;
  }

  void add_pair(frame& parent, node* value) {
    node* key = std::exchange(parent.key, nullptr);
    if (!parent.keys.insert(key->text).second) {
      const node* first = nullptr;
      for (std::size_t i = 0; i < parent.container->items.size(); i += 2)
        if (parent.container->items[i]->text == key->text) first = parent.container->items[i];
      const std::string which = key->is_secret ? "a key" : "the key " + in_quotes(key->text);
      report_.error(key->at, which + " stands here a second time",
                    "first on line " + std::to_string(first->at.line));
      return;
    }
    if (key->text == "<<" && !key->quoted) {
      report_.error(key->at, "merge keys (<<) are not understood",
                    "write the values out, or alias them one by one");
      return;
    }
    // The parser gives a value that is not written the place of whatever comes next.
    if (value->what == node::kind::null && value->at.line != key->at.line) value->at = key->at;
    parent.container->items.push_back(key);
    parent.container->items.push_back(value);
  }

  std::uint32_t file_;
  yaml_tree& tree_;
  report& report_;
  const tree_limits& limits_;
  node* root_ = nullptr;
  int documents_ = 0;
  std::vector<frame> stack_;
  std::vector<anchor_state> anchors_;
  std::uint32_t aliased_ = 0; // values that aliases stand for
  std::uint64_t aliased_text_ = 0;
  const bool is_secret_;
  std::vector<node*> ended_;         // values that end where the next thing begins
  std::vector<const node*> secrets_; // the outermost secrets
};

place position(const source& from, std::uint32_t file, std::size_t offset) {
  auto after = std::upper_bound(from.lines.begin(), from.lines.end(), offset);
  auto line = static_cast<std::size_t>(after - from.lines.begin());
  return {file, static_cast<std::uint32_t>(line),
          static_cast<std::uint32_t>(offset - from.lines[line - 1] + 1)};
}

// The library takes some control characters for the end of the file and guesses at encodings.
bool check_characters(const source& from, std::uint32_t file, report& to) {
  std::string_view text = from.text;
  for (std::size_t at = 0; at < text.size();) {
    auto byte = static_cast<unsigned char>(text[at]);
    std::size_t length = base::utf8_length(text.substr(at));
    if (length == 0) {
      to.error(position(from, file, at), "this is not UTF-8", "save the file as UTF-8");
      return false;
    }
    bool line_end =
        byte == '\n' || byte == '\t' || (byte == '\r' && at + 1 < text.size() && text[at + 1] == '\n');
    if ((byte < 0x20 && !line_end) || byte == 0x7f) {
      to.error(position(from, file, at), "a control character has no place in a configuration", "");
      return false;
    }
    at += length;
  }
  return true;
}

bool check_lines(const source& from, std::uint32_t file, std::size_t longest, report& to) {
  for (std::size_t at = 0; at < from.lines.size(); ++at) {
    const std::size_t end = at + 1 < from.lines.size() ? from.lines[at + 1] : from.text.size();
    if (end - from.lines[at] <= longest) continue;
    to.error({file, static_cast<std::uint32_t>(at + 1), 1},
             "the line is longer than " + std::to_string(longest) + " bytes", "break it up");
    return false;
  }
  return true;
}

// A tab in the indentation at or above the line where the parser gave up.
bool blame_tab(const source& from, std::uint32_t file, std::size_t line, report& to) {
  for (std::size_t at = 0; at < std::min(line, from.lines.size()); ++at) {
    std::size_t offset = from.lines[at];
    while (offset < from.text.size() && from.text[offset] == ' ') ++offset;
    if (offset >= from.text.size() || from.text[offset] != '\t') continue;
    to.error(position(from, file, offset), "a tab in the indentation", "YAML indents with spaces only");
    return true;
  }
  return false;
}

std::string hint_for(const std::string& message) {
  if (message == "illegal map value" || message == "illegal map key")
    return "a text with ': ' or ' #' in it wants quotes; else look at the indentation";
  if (message.find("end of map") == 0) return "is a closing brace missing, or the indentation wrong?";
  if (message.find("end of sequence") == 0) return "is a closing bracket missing, or the indentation wrong?";
  if (message == "illegal EOF in scalar" || message == "illegal document indicator in scalar")
    return "is a closing quote missing?";
  if (message == "unknown token") return "a text that starts with this character wants quotes";
  return {};
}

} // namespace

const node* node::find(std::string_view key) const {
  if (what != kind::map) return nullptr;
  for (std::size_t i = 0; i + 1 < items.size(); i += 2)
    if (items[i]->text == key) return items[i + 1];
  return nullptr;
}

const fingerprint& node::print() const {
  if (known_print) return *known_print;
  fingerprinter all;
  all.add(static_cast<std::uint64_t>(what) << 1 | static_cast<std::uint64_t>(quoted));
  all.add(text);
  all.add(items.size());
  for (const node* one : items) all.add(one->print());
  return known_print.emplace(all.done());
}

node* yaml_tree::make(node::kind what, const place& at) {
  node& made = nodes_.emplace_back();
  made.what = what;
  made.at = at;
  return &made;
}

namespace {

// The parser's message, without the name of an anchor that it may add: that may be a value that begins with
// *.
std::string words_of(const YAML::Exception& error) {
  return error.msg.substr(0, error.msg.find(": "));
}

// False: an error is reported.
bool parse(const source& from, std::uint32_t file, builder& events, report& to) {
  try {
    std::istringstream stream(from.text + std::string(end_mark));
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(events)) {
    }
    return true;
  } catch (const hopeless&) {
    return false;
  } catch (const YAML::Exception& error) {
    const bool placed = !error.mark.is_null();
    auto line = placed ? static_cast<std::size_t>(error.mark.line) + 1 : from.lines.size();
    if (blame_tab(from, file, line, to)) return false;
    place where{file, static_cast<std::uint32_t>(line),
                placed ? static_cast<std::uint32_t>(error.mark.column) + 1 : 1};
    to.error(where, "not YAML: " + words_of(error), hint_for(error.msg));
    return false;
  } catch (const std::exception& error) {
    to.error({file, 0, 0}, std::string("not YAML: ") + error.what());
    return false;
  }
}

} // namespace

node* parse_yaml(const sources& texts, std::uint32_t file, yaml_tree& into, report& to,
                 const tree_limits& limits, bool is_secret) {
  const source& from = texts.at(file);
  if (from.text.size() > limits.bytes) {
    to.error({file, 0, 0}, "the file is larger than " + std::to_string(limits.bytes >> 20) + " MiB");
    return nullptr;
  }
  if (is_secret) to.hide({file, 1, 1}, {});
  if (!check_characters(from, file, to) || !check_lines(from, file, limits.line, to)) {
    to.hide_by_words(file);
    return nullptr;
  }
  builder events(file, into, to, limits, is_secret);
  const bool good = parse(from, file, events, to);
  events.hide_secrets();
  if (!good) {
    to.hide_by_words(file);
    return nullptr;
  }
  if (!events.root() || events.root()->what == node::kind::null)
    return into.make(node::kind::map, {file, 1, 1});
  return events.root();
}

const node* element(const node* list, std::size_t index) {
  return list != nullptr && list->is_sequence() && index < list->items.size() ? list->items[index] : nullptr;
}

const node* value_of(const node* map, std::string_view key) {
  return map != nullptr && map->is_map() ? map->find(key) : nullptr;
}

const node* key_of(const node* map, std::string_view key) {
  if (map == nullptr || !map->is_map()) return nullptr;
  for (std::size_t i = 0; i + 1 < map->items.size(); i += 2)
    if (map->items[i]->text == key) return map->items[i];
  return nullptr;
}

const node& value_or_map(const node& map, std::string_view key) {
  const node* const value = map.find(key);
  return value != nullptr ? *value : map;
}

} // namespace coppice::spec
