// SPDX-License-Identifier: MIT
// An actor that does what datagrams say, and answers calls about what it has seen. "echo TEXT" and an empty
// datagram are answered at once, "later N TEXT" after N milliseconds, in any order, and every other one with
// its size.
#include <coppice/udp.hpp>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <variant>
#include <vector>

namespace {

using namespace coppice;

struct late_answer {
  static constexpr std::string_view etf_tag = "late_answer";
  std::uint64_t number = 0;
  auto operator<=>(const late_answer&) const = default;
};

struct change_group {
  static constexpr std::string_view etf_tag = "group"; // {group, join, <<239,0,0,1>>, <<"lo">>}
  std::variant<etf::constant<"join">, etf::constant<"leave">> what;
  std::vector<std::uint8_t> address{};
  std::string interface {};
};

struct send_to {
  static constexpr std::string_view etf_tag = "send_to"; // sends that many bytes to 127.0.0.1:port
  std::uint16_t port = 0;
  std::uint64_t bytes = 0;
};

class pings : public udp {
 public:
  using calls = std::variant<etf::constant<"count">, etf::constant<"error">, etf::constant<"no_socket">,
                             etf::constant<"writable">, etf::constant<"port">, send_to, change_group>;
  outcome on_datagrams(std::span<const datagram> all) {
    std::vector<datagram> answers;
    std::vector<std::string> texts(all.size());
    for (std::size_t i = 0; i < all.size(); ++i) {
      ++count_;
      if (take(all[i], texts[i])) answers.push_back(all[i].answer(to_bytes(texts[i])));
    }
    socket_of(all).send(answers);
    return outcome::go_on();
  }
  void on_error(udp_socket, std::optional<udp_address> to, int number) {
    last_error_ = number;
    error_port_ = to ? to->port() : 0;
  }
  void on_writable(udp_socket) { ++writable_; }

  void handle_info(const late_answer& due) {
    const auto found = waiting_.find(due.number);
    if (found == waiting_.end()) return;
    udp_socket(*this).send(found->second.text, found->second.to);
    waiting_.erase(found);
  }

  std::uint64_t handle_call(etf::constant<"count">) { return count_; }
  // errno and the port of the last datagram that did not arrive.
  std::tuple<int, int> handle_call(etf::constant<"error">) { return {last_error_, error_port_}; }
  // How often on_writable was called.
  std::uint64_t handle_call(etf::constant<"writable">) { return writable_; }
  std::uint64_t handle_call(etf::constant<"port">) { return udp_socket(*this).address().port(); }
  std::int64_t handle_call(const change_group& how) {
    coppice_udp_address group{};
    group.family = how.address.size() == 4 ? 4 : 6;
    std::copy_n(how.address.begin(), std::min(how.address.size(), sizeof group.bytes), group.bytes);
    const udp_socket socket(*this);
    return how.what.index() == 0 ? socket.join(udp_address(group), how.interface)
                                 : socket.leave(udp_address(group), how.interface);
  }
  std::int64_t handle_call(const send_to& what) {
    return udp_socket(*this).send(std::string(what.bytes, 'x'), udp_address::v4(127, 0, 0, 1, what.port));
  }
  std::int64_t handle_call(etf::constant<"no_socket">) {
    return udp_socket(*this, 99).send("x", udp_address::v4(127, 0, 0, 1, 1));
  }

  std::uint64_t save_state() const { return count_; }
  void restore_state(std::uint32_t, std::uint64_t saved) { count_ = saved; }

 private:
  struct waiting {
    std::string text;
    udp_address to;
  };

  // Whether the datagram is answered now; `answer` is the text.
  bool take(const datagram& one, std::string& answer) {
    const std::string_view text = to_text(one.bytes());
    const std::string_view word = text.substr(0, text.find(' '));
    std::string_view rest = text.substr(std::min(text.size(), word.size() + 1));
    int number = 0;
    const char* const end = std::from_chars(rest.data(), rest.data() + rest.size(), number).ptr;
    if (word == "crash") throw std::runtime_error("told to");
    if (word == "quiet") return false;
    if (word == "sleep")
      blocking_run([number] { std::this_thread::sleep_for(std::chrono::milliseconds(number)); });
    if (word == "later") {
      rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
      waiting_[++last_] = {std::string(rest), one.peer()};
      send_after(std::chrono::milliseconds(number), late_answer{last_});
      return false;
    }
    answer = text.empty() ? "empty" : word == "echo" ? std::string(rest) : std::to_string(text.size());
    return true;
  }

  std::uint64_t count_ = 0;
  std::uint64_t last_ = 0;
  std::map<std::uint64_t, waiting> waiting_;
  std::uint64_t writable_ = 0;
  int last_error_ = 0;
  int error_port_ = 0;
};

} // namespace

#ifndef VERSION
#define VERSION "1.0.0"
#endif
COPPICE_PLUGIN("pings", VERSION, pings);
