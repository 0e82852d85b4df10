// SPDX-License-Identifier: MIT
// See template_secrets.hpp. A value belongs to the template if its bytes are the same.
#include "behaviours/supervision/template_secrets.hpp"

#include <algorithm>
#include <coppice/etf/cursor.hpp>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/bytes.hpp"

namespace coppice::behaviours {
namespace {

// Calls `use` with the key and value of each pair.
template <class Use>
void each_pair(etf::bytes map, const Use& use) {
  etf::cursor at(map);
  std::uint32_t count = 0;
  if (!at.read_map(count)) return;
  etf::bytes key, value;
  for (; count > 0 && at.read_term(key) && at.read_term(value); --count) use(key, value);
}

} // namespace

base::secrets_ptr left_in(const runtime::message& merged, const runtime::message& of_template,
                          const base::secrets_ptr& secrets) {
  if (secrets == nullptr) return nullptr;
  std::unordered_map<std::string_view, etf::bytes> own;
  each_pair(of_template.bytes(), [&](etf::bytes key, etf::bytes value) { own[base::as_text(key)] = value; });
  base::secrets left;
  each_pair(merged.bytes(), [&](etf::bytes key, etf::bytes value) {
    const auto known = own.find(base::as_text(key));
    if (known == own.end() || !std::ranges::equal(known->second, value)) return;
    const auto from = static_cast<std::size_t>(known->second.data() - of_template.bytes().data());
    const auto to = static_cast<std::size_t>(value.data() - merged.bytes().data());
    for (const base::secret& one : secrets->all) {
      if (one.offset < from || one.offset >= from + value.size()) continue;
      left.all.push_back(one);
      left.all.back().offset = one.offset - from + to;
    }
  });
  std::ranges::sort(left.all, {}, &base::secret::offset);
  return left.all.empty() ? nullptr : std::make_shared<const base::secrets>(std::move(left));
}

} // namespace coppice::behaviours
