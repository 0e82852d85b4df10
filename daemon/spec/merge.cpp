// SPDX-License-Identifier: MIT
// Copies the nodes on the path that changes and shares the rest, since aliases may share a value.
#include "spec/merge.hpp"

#include <charconv>

namespace coppice::spec {
namespace {

node* copy(const node& from, yaml_tree& into) {
  node* made = into.make(from.what, from.at);
  *made = from;
  return made;
}

std::size_t find_key(const node& map, std::string_view key) {
  for (std::size_t i = 0; i + 1 < map.items.size(); i += 2)
    if (map.items[i]->text == key) return i + 1;
  return map.items.size();
}

// The index of an element of a list. `step`: that index, or the element's name or id. items.size(): none.
std::size_t find_element(const node& list, std::string_view step) {
  std::size_t index = 0;
  auto read = std::from_chars(step.data(), step.data() + step.size(), index);
  if (read.ec == std::errc() && read.ptr == step.data() + step.size())
    return std::min(index, list.items.size());
  for (std::size_t i = 0; i < list.items.size(); ++i)
    for (std::string_view key : {"name", "id"})
      if (const node* value = list.items[i]->find(key); value && value->text == step) return i;
  return list.items.size();
}

} // namespace

node* merge(node* under, node* over, yaml_tree& into, std::vector<replaced>& notes, const std::string& path) {
  if (!under->is_map() || !over->is_map()) {
    notes.push_back({path, over->at, under->at});
    return over;
  }
  node* result = copy(*under, into);
  for (std::size_t i = 0; i + 1 < over->items.size(); i += 2) {
    node* key = over->items[i];
    node* value = over->items[i + 1];
    std::size_t at = find_key(*result, key->text);
    const bool adds_up = (path.empty() && (key->text == "applications" || key->text == "events")) ||
                         (path == "cron" && key->text == "jobs");
    if (at == result->items.size()) {
      result->items.push_back(key);
      result->items.push_back(value);
    } else if (adds_up && result->items[at]->is_sequence() && value->is_sequence()) {
      node* both = copy(*result->items[at], into);
      both->items.insert(both->items.end(), value->items.begin(), value->items.end());
      result->items[at] = both;
    } else {
      const std::string below = path.empty() ? key->text : path + "." + key->text;
      result->items[at] = merge(result->items[at], value, into, notes, below);
    }
  }
  return result;
}

node* put(node* root, std::string_view path, node* value, yaml_tree& into, const place& at,
          std::vector<replaced>& notes, report& to) {
  const std::string whole(path);
  bool fresh = false;
  node* result = copy(*root, into);
  node* here = result;
  while (true) {
    auto dot = path.find('.');
    std::string_view step = path.substr(0, dot);
    std::size_t index = 0;
    if (here->is_map()) {
      index = find_key(*here, step);
      if (index == here->items.size()) {
        node* key = into.make(node::kind::scalar, at);
        key->text = step;
        here->items.push_back(key);
        here->items.push_back(into.make(node::kind::map, at));
        ++index;
        fresh = true;
      }
    } else {
      index = here->is_sequence() ? find_element(*here, step) : 0;
      if (index >= here->items.size()) {
        to.error(at, here->is_sequence() ? "the list has no element " + in_quotes(step)
                                         : "there is no map to hold " + in_quotes(step));
        return nullptr;
      }
    }
    if (dot == path.npos) {
      if (!fresh) notes.push_back({whole, value->at, here->items[index]->at});
      here->items[index] = value;
      return result;
    }
    path.remove_prefix(dot + 1);
    here->items[index] = copy(*here->items[index], into);
    here = here->items[index];
  }
}

} // namespace coppice::spec
