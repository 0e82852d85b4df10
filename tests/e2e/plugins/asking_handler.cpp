// SPDX-License-Identifier: MIT
// asking_handler: an event handler that asks `kv` for each event, which is a key, and keeps the answers. A
// key that kv does not have gives -1, or, if the handler is `strict`, makes on_response fail.
#include <coppice/event_handler.hpp>

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace coppice;

struct options {
  static constexpr etf::form etf_form = etf::form::map;
  std::optional<bool> strict;
};

class asking : public event_handler {
 public:
  static constexpr std::string_view name = "asking_handler";

  void init(const options& given) { strict_ = given.strict.value_or(false); }
  void handle_event(const etf::atom& key) { request("kv", std::pair(etf::atom{"get"}, key)); }
  void on_response(std::uint64_t, std::uint64_t, const answer& got) {
    const auto found = got.as<std::pair<etf::constant<"ok">, std::int64_t>>();
    if (!found && strict_) throw std::runtime_error("kv does not have it");
    values_.push_back(found ? found->second : -1);
  }
  std::vector<std::int64_t> handle_call(etf::constant<"values">) const { return values_; }

 private:
  bool strict_ = false;
  std::vector<std::int64_t> values_;
};

} // namespace

COPPICE_PLUGIN("asking_handler", "1.0.0", asking);
