// SPDX-License-Identifier: MIT
// Actors for connections and datagrams. `echo` sends back all bytes at once. `lines` sends back whole lines,
// for listeners with `frame: { kind: line }`; it closes after `quit`, and answers calls with the number of
// lines. A reload in the middle of a line keeps the line and the count. `datagrams` sends back UDP datagrams.
#include <coppice/tcp.hpp>
#include <coppice/udp.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace {

class echo : public coppice::tcp {
 public:
  static constexpr auto unhandled = coppice::unhandled::reply_error;
  void on_data(coppice::connection from, coppice::bytes data) { from.write(data); }
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
    from.write(answer);
  }

  std::uint64_t handle_call(coppice::etf::constant<"count">) { return count_; }

  static constexpr std::uint32_t state_version = 1;
  std::uint64_t save_state() const { return count_; }
  void restore_state(std::uint64_t saved) { count_ = saved; }

 private:
  std::uint64_t count_ = 0;
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
