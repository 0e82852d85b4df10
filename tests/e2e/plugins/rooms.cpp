// SPDX-License-Identifier: MIT
// Workers that choose in their pool: {join, Room} goes to the worker of that room, {wrong} to a worker that
// does not exist, {fails} throws. On overload a request is answered with `later`, but {drop} is dropped and
// {usual} handled as usual.
#include <coppice/pool.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <tuple>
#include <variant>

namespace {

using namespace coppice;

struct join {
  static constexpr std::string_view etf_tag = "join";
  std::uint32_t room;
};
struct sleep_for {
  static constexpr std::string_view etf_tag = "sleep";
  std::uint32_t milliseconds;
};
using wrong = etf::constant<"wrong">;
using fails = etf::constant<"fails">;
using dropped = etf::constant<"drop">;
using usual = etf::constant<"usual">;
using who = etf::constant<"who">;

class rooms : public server {
 public:
  using calls = std::variant<join, sleep_for, wrong, fails, dropped, usual, who>;

  static std::optional<std::uint32_t> choose(const pool_request& what) {
    if (what.as<wrong>()) return what.workers();
    if (what.as<fails>()) throw std::runtime_error("told to");
    const auto one = what.as<join>();
    if (!one) return std::nullopt;
#ifdef BACKWARDS
    return what.workers() - 1 - one->room % what.workers();
#else
    return one->room % what.workers();
#endif
  }
  static overload on_overload(const pool_request& what) {
    if (what.as<dropped>()) return overload::drop();
    if (what.as<usual>()) return overload::usual();
    if (what.as<fails>()) throw std::runtime_error("told to");
    return overload::answer(std::tuple(etf::atom{"later"}, what.queued(), what.load(0)));
  }

  term handle_call(const join&) {
    return self();
  }
  term handle_call(const who&) {
    return self();
  }
  etf::atom handle_call(const sleep_for& how_long) {
    sleep(std::chrono::milliseconds(how_long.milliseconds));
    return etf::atom{"ok"};
  }
  etf::atom handle_call(const wrong&) {
    return etf::atom{"ok"};
  }
  etf::atom handle_call(const fails&) {
    return etf::atom{"ok"};
  }
  etf::atom handle_call(const dropped&) {
    return etf::atom{"ok"};
  }
  etf::atom handle_call(const usual&) {
    return etf::atom{"ok"};
  }
};

} // namespace

#ifndef VERSION
#define VERSION "1.0.0"
#endif
COPPICE_PLUGIN("rooms", VERSION, rooms);
