// SPDX-License-Identifier: MIT
// Actors for connections and datagrams. `echo` sends back all bytes at once. `lines` sends back whole lines,
// for listeners with `frame: { kind: line }`; it closes after `quit`, and answers calls with the number of
// lines. A reload in the middle of a line keeps the line and the count. Neither reads on while its client
// does not read what was sent back. `datagrams` sends back UDP datagrams.
#include <coppice/tcp.hpp>
#include <coppice/udp.hpp>

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace {

class echo : public coppice::tcp {
 public:
  static constexpr auto unhandled = coppice::unhandled::reply_error;
  // Where too much waits for the client, these bytes come again when there is room.
  std::size_t on_data(coppice::connection from, coppice::bytes data) {
    if (from.write(data) != COPPICE_E_FULL) return data.size();
    from.pause();
    return 0;
  }
  void on_drained(coppice::connection to) { to.resume(); }
};

class lines : public coppice::tcp {
 public:
  static constexpr std::string_view name = "lines";
  static constexpr auto unhandled = coppice::unhandled::reply_error;

  void on_frame(coppice::connection from, coppice::bytes line) {
    ++count_;
    if (coppice::to_text(line) == "quit") {
      from.close();
      return;
    }
    std::string answer(coppice::to_text(line));
    answer += '\n';
    if (from.write(answer) != COPPICE_E_FULL) return;
    waiting_[from.id()] = std::move(answer);
    from.pause();
  }
  void on_drained(coppice::connection to) {
    const auto its = waiting_.find(to.id());
    if (its == waiting_.end()) return;
    to.write(its->second);
    waiting_.erase(its);
    to.resume();
  }
  void on_close(coppice::connection of) { waiting_.erase(of.id()); }

  std::uint64_t handle_call(coppice::etf::constant<"count">) { return count_; }

  static constexpr std::uint32_t state_version = 2;
  using answers = std::map<std::uint64_t, std::string>;
  std::pair<std::uint64_t, answers> save_state() const { return {count_, waiting_}; }
  void restore_state(coppice::version<1>, std::uint64_t count) { count_ = count; }
  void restore_state(coppice::version<2>, const std::pair<std::uint64_t, answers>& saved) {
    std::tie(count_, waiting_) = saved;
  }

 private:
  std::uint64_t count_ = 0;
  answers waiting_; // by connection: the answer for which there is no room yet, if there is one
};

class datagrams : public coppice::udp {
 public:
  static constexpr std::string_view name = "datagrams";
  static constexpr auto unhandled = coppice::unhandled::reply_error;

  void on_datagrams(std::span<const coppice::datagram> all) {
    answers_.clear();
    for (const coppice::datagram& one : all) answers_.push_back(one.answer(one.bytes()));
    count_ += all.size();
    // Answers that find no room are lost, as datagrams may be.
    socket_of(all).send(answers_);
  }

  std::uint64_t handle_call(coppice::etf::constant<"count">) { return count_; }

  static constexpr std::uint32_t state_version = 1;
  std::uint64_t save_state() const { return count_; }
  void restore_state(std::uint64_t saved) { count_ = saved; }

 private:
  std::uint64_t count_ = 0;
  std::vector<coppice::datagram> answers_;
};

} // namespace

COPPICE_PLUGIN("echo", "1.0.0", echo, lines, datagrams);
