// SPDX-License-Identifier: MIT
// A YAML document as a tree of our own: every value with its position, aliases resolved by sharing, keys
// unique. Things that the library lets pass (duplicate keys, alias cycles and bombs, depth, odd encodings)
// are refused while the tree is built, within bounds of bytes, values and depth. One thread; the nodes live
// as long as their `tree`.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "spec/schema/fingerprint.hpp"
#include "spec/schema/report.hpp"

namespace coppice::spec {

struct node {
  enum class kind : std::uint8_t { null, scalar, sequence, map };

  kind what = kind::null;
  bool quoted = false;      // a scalar that is a text whatever it looks like
  bool is_secret = false;   // at or below a key that names a secret: its text is not shown (secrecy.hpp)
  std::uint32_t weight = 1; // values in it, aliases counted as often as they are used
  std::uint64_t bytes = 0;  // of text in it, aliases counted as often as they are used
  place at;                 // column in bytes
  place end;                // where what follows in the text begins; line 0: nothing follows
  std::string text;         // of a scalar
  std::vector<node*> items; // of a sequence; of a map: key, value, key, value…
  mutable std::optional<fingerprint> known_print;

  bool is_map() const { return what == kind::map; }
  bool is_sequence() const { return what == kind::sequence; }
  // A map's value; nullptr if this is no map or has no such key.
  const node* find(std::string_view key) const;
  // The fingerprint of all that was written in the node, wherever it stands. It is kept, so it may be asked
  // for only when the tree is complete.
  const fingerprint& print() const;
};

struct tree_limits {
  std::size_t bytes = 32u << 20;
  std::size_t line = 1u << 20; // bytes of a line: the parser keeps a whole line's tokens, each a few hundred
  std::uint32_t values = 4u << 20;
  // Values, and bytes of text, that all aliases together stand for. A document of a few bytes must not take
  // all memory: a child takes some kilobytes, and args have the text once for each alias.
  std::uint32_t aliased = 512u << 10;
  std::uint64_t aliased_text = 64u << 20;
  std::uint32_t depth = 400;
};

class yaml_tree {
 public:
  node* make(node::kind what, const place& at);

 private:
  std::deque<node> nodes_;
};

// The document in source `file`; nullptr: it cannot be read, and at least one error is reported. Duplicate
// keys are reported and left out. An empty document is an empty map. `is_secret`: all of it is a secret, as
// the value of a key that is not in the text.
node* parse_yaml(const sources& texts, std::uint32_t file, yaml_tree& into, report& to,
                 const tree_limits& limits = {}, bool is_secret = false);

// The element of a list; nullptr: it is no list, or has fewer.
const node* element(const node* list, std::size_t index);

// The value of a map's key; nullptr: it is no map, or has no such key.
const node* value_of(const node* map, std::string_view key);

// The key of a map, as it was written; nullptr: it is no map, or has no such key.
const node* key_of(const node* map, std::string_view key);

// The value of a map's key, else the map itself: where a mistake about that key is shown.
const node& value_or_map(const node& map, std::string_view key);

} // namespace coppice::spec
