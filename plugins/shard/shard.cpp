// SPDX-License-Identifier: MIT
// shard: a router. Requests with a key, {Tag, Key, …}, go to one of several routes, always the same for the
// same key. If that route fails, they go to the next. Requests without a key are handled by the router
// itself.
#include <coppice/order.hpp>
#include <coppice/router.hpp>

namespace shard {

using coppice::routed;
using coppice::routing;
using coppice::term;
namespace etf = coppice::etf;

// Messages.
using routes = etf::constant<"routes">;

struct settings {
  static constexpr etf::form etf_form = etf::form::map;
  std::vector<std::string> among;
};

class shard_router : public coppice::router {
 public:
  static constexpr std::string_view args_schema =
      R"({"type":"object","additionalProperties":false,"required":["among"],"properties":{)"
      R"("among":{"type":"array","minItems":1,"items":{"type":"string"},)"
      R"("description":"the routes that share the keys, by name"}}})";
  static constexpr std::uint32_t state_version = 1;
  static constexpr auto unhandled = coppice::unhandled::reply_error;

  void init(const settings& args) { among_ = args.among; }

  routing route(const routed& what) {
    const auto key = key_of(what.content());
    return key ? to_route(among_[at(*key)]) : own();
  }

  // Tries each of the other routes once.
  routing failed(const routed& what, std::string_view route, term) {
    const auto key = key_of(what.content());
    if (!key) return own();
    const std::size_t first = at(*key);
    for (std::size_t i = 0; i + 1 < among_.size(); ++i)
      if (among_[(first + i) % among_.size()] == route)
        return to_route(among_[(first + i + 1) % among_.size()]);
    return own();
  }

  std::vector<std::string> handle_call(const routes&) { return among_; }

  std::vector<std::string> save_state() const { return among_; }
  void restore_state(const std::vector<std::string>& saved) { among_ = saved; }

 private:
  static std::optional<term> key_of(term request) {
    etf::cursor at(request.encoded);
    std::uint32_t arity = 0;
    etf::bytes key;
    if (!at.read_tuple(arity) || arity < 2 || !at.skip() || !at.read_term(key)) return std::nullopt;
    return term{key};
  }
  std::size_t at(term key) const { return coppice::hash(key) % among_.size(); }

  std::vector<std::string> among_;
};

} // namespace shard

COPPICE_PLUGIN("shard", "1.0.0", shard::shard_router);
