// SPDX-License-Identifier: MIT
// See application_order.hpp.
#include "spec/application_order.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "base/suggest.hpp"

namespace coppice::spec {
namespace {

class application_order {
 public:
  application_order(std::vector<application_spec>& all, const node* written, report& to)
      : all_(all), written_(written), to_(to) {}

  void run() {
    const std::size_t count = all_.size();
    std::map<std::string_view, std::size_t> index;
    std::vector<std::string_view> names;
    for (std::size_t i = 0; i < count; ++i)
      if (index.emplace(all_[i].name, i).second) names.push_back(all_[i].name);
    std::vector<std::vector<std::size_t>> needs(count);
    for (std::size_t i = 0; i < count; ++i) {
      const node* at = element(written_, i);
      const node* list = at ? at->find("depends_on") : nullptr;
      const auto& wanted = all_[i].depends_on;
      for (std::size_t j = 0; j < wanted.size(); ++j) {
        auto found = index.find(wanted[j]);
        if (found != index.end()) {
          needs[i].push_back(found->second);
        } else if (const node* where = element(list, j); where && !wanted[j].empty()) {
          to_.error(where->at, "depends_on: there is no application " + in_quotes(wanted[j]),
                    base::did_you_mean(wanted[j], names));
        }
      }
    }
    sort(needs);
  }

 private:
  // Depth first without recursion, since the user decides how many applications there are.
  void sort(const std::vector<std::vector<std::size_t>>& needs) {
    enum class mark { unseen, open, done };
    std::vector<mark> marks(needs.size(), mark::unseen);
    std::vector<std::size_t> sorted;
    for (std::size_t root = 0; root < needs.size(); ++root) {
      if (marks[root] != mark::unseen) continue;
      std::vector<std::pair<std::size_t, std::size_t>> path{{root, 0}};
      marks[root] = mark::open;
      while (!path.empty()) {
        auto& [at, next] = path.back();
        if (next == needs[at].size()) {
          marks[at] = mark::done;
          sorted.push_back(at);
          path.pop_back();
          continue;
        }
        const std::size_t needed = needs[at][next++];
        if (marks[needed] == mark::open) {
          report_cycle(path, needed);
        } else if (marks[needed] == mark::unseen) {
          marks[needed] = mark::open;
          path.emplace_back(needed, 0);
        }
      }
    }
    std::vector<application_spec> ordered;
    ordered.reserve(sorted.size());
    for (auto i : sorted) ordered.push_back(std::move(all_[i]));
    all_ = std::move(ordered);
  }

  void report_cycle(const std::vector<std::pair<std::size_t, std::size_t>>& path, std::size_t start) {
    auto first =
        std::find_if(path.begin(), path.end(), [start](const auto& one) { return one.first == start; });
    std::string names;
    for (auto at = first; at != path.end(); ++at) names += all_[at->first].name + " -> ";
    names += all_[start].name;
    const node* where = element(written_, path.back().first);
    const node* key = key_of(where, "depends_on");
    to_.error(key ? key->at : all_[start].at, "depends_on goes in a circle: " + names);
  }

  std::vector<application_spec>& all_;
  const node* written_;
  report& to_;
};

} // namespace

void put_in_start_order(std::vector<application_spec>& all, const node* written, report& to) {
  application_order(all, written, to).run();
}

} // namespace coppice::spec
