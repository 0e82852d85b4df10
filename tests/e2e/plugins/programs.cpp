// SPDX-License-Identifier: MIT
// An actor with a program: it passes on to the program what it is told, and keeps what the program writes.
#include <coppice/tcp.hpp>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

namespace {

using namespace coppice;

struct say {
  static constexpr std::string_view etf_tag = "say";
  std::string_view text;
};
struct fill {
  static constexpr std::string_view etf_tag = "fill";
  std::uint64_t bytes;
};

class talk : public tcp {
 public:
  static constexpr std::string_view name = "talk";
  using calls = std::variant<say, fill, etf::constant<"lines">, etf::constant<"count">, etf::constant<"info">,
                             etf::constant<"end">, etf::constant<"close">, etf::constant<"pause">,
                             etf::constant<"resume">, etf::constant<"crash">>;

  void on_connect(connection with, const connection_info& info) {
    with_ = with.id();
    peer_ = info.peer;
  }
  void on_frame(connection, bytes line) {
    ++count_;
    if (lines_.size() < 1000) lines_.emplace_back(to_text(line));
  }
  void on_drained(connection) { lines_.emplace_back("drained"); }
  void on_close(connection, close_reason, std::string_view why) {
    log(COPPICE_LOG_WARNING, "closed: " + std::string(why));
  }

  etf::atom handle_call(const say& what) {
    const std::int32_t status = program().write(what.text);
    return etf::atom{status == COPPICE_OK ? "ok" : status == COPPICE_E_FULL ? "full" : "closed"};
  }
  // Writes until a write is refused, at most that much; returns the number of bytes.
  std::uint64_t handle_call(const fill& most) {
    const std::string block(65536, 'f');
    std::uint64_t done = 0;
    while (done < most.bytes && program().write(block) == COPPICE_OK) done += block.size();
    return done;
  }
  std::vector<std::string> handle_call(etf::constant<"lines">) { return lines_; }
  std::uint64_t handle_call(etf::constant<"count">) { return count_; }
  std::string handle_call(etf::constant<"info">) { return peer_; }
  std::int64_t handle_call(etf::constant<"end">) { return program().end(); }
  std::int64_t handle_call(etf::constant<"close">) { return program().close(); }
  std::int64_t handle_call(etf::constant<"pause">) { return program().pause(); }
  std::int64_t handle_call(etf::constant<"resume">) { return program().resume(); }
  std::int64_t handle_call(etf::constant<"crash">) { throw std::runtime_error("told to"); }

  std::tuple<std::uint64_t, std::string, std::uint64_t, std::vector<std::string>> save_state() const {
    return {with_, peer_, count_, lines_};
  }
  void restore_state(
      std::uint32_t,
      const std::tuple<std::uint64_t, std::string, std::uint64_t, std::vector<std::string>>& saved) {
    std::tie(with_, peer_, count_, lines_) = saved;
  }

 private:
  connection program() const { return connection(*this, with_); }

  std::uint64_t with_ = 0;
  std::string peer_;
  std::uint64_t count_ = 0;
  std::vector<std::string> lines_;
};

} // namespace

#ifndef VERSION
#define VERSION "1.0.0"
#endif
COPPICE_PLUGIN("programs", VERSION, talk);
