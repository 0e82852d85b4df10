// SPDX-License-Identifier: MIT
// The workload of datagrams: on each host an actor `datagrams` of the bundled plugin `echo` with a UDP
// socket, or two with a socket each. Clients on every host send it datagrams, each with a number of its own,
// from sockets that they close at times. On the way datagrams are lost, doubled and late, so that they
// overtake others. The plugin is reloaded, the actor is killed, and its socket stays open meanwhile.
// Invariants: an answer is a datagram that the client has sent to that host, byte for byte, and comes from
// the address to which it was sent. The network doubles a datagram and its answer once at most, so it is
// answered four times at most. One that is longer than the actor takes is not answered. A node sends no more
// answers than it has received datagrams. The engine's counters fit what has passed its sockets. After the
// faults, on a network that loses nothing, each datagram is answered once.
// rooms: node
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "../machine/datagrams.hpp"
#include "behaviours/gen/native_server.hpp"
#include "calls.hpp"
#include "ledger.hpp"
#include "reloads.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/system.hpp"
#include "workload.hpp"

namespace coppice::simulated {
namespace {

using behaviours::native_server;
using runtime::message;
using runtime::process;

constexpr std::string_view mirror = "mirror";
constexpr std::uint16_t port = 7301;
constexpr std::size_t most_bytes = 2048; // longest datagram that the actor takes
constexpr std::size_t most_kept = 5000;  // datagrams of which a client knows whether it has sent them
constexpr unsigned most_answers = 4;     // to one datagram
constexpr std::uint64_t last_round = 20; // datagrams of a client to each host, after the faults

// The orders for the clients of the run, and what they have seen after the faults.
struct datagram_log {
  bool last_round = false; // each client sends to each host once more
  std::uint64_t sent = 0, answered = 0;
};

sockaddr_in address(unsigned host) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(port);
  out.sin_addr.s_addr = htonl(address_of(host));
  return out;
}

class sender final : public native_server {
 public:
  sender(const cluster& of, unsigned host, datagram_log& log)
      : native_server("sender"), of_(of), host_(host), log_(log) {}
  ~sender() override {
    if (fd_ >= 0) ::close(fd_);
  }
  sender(const sender&) = delete;
  sender& operator=(const sender&) = delete;

 private:
  // A datagram that was sent, and how often it was answered.
  struct flying {
    unsigned to = 0;
    std::string bytes;
    unsigned answers = 0;
    bool last = false;
  };

  runtime::outcome on_start(process& self) override {
    go_on(self);
    return runtime::carry_on();
  }
  runtime::outcome handle_info(process& self, const message&) override {
    take_all();
    if (!the_ledger().quiet) {
      if (fd_ >= 0 && one_in(60)) leave();
      for (std::uint64_t left = one_in(10) ? draw_below(100) : draw_below(6); left > 0; --left)
        send(1 + static_cast<unsigned>(draw_below(of_.hosts())), false);
    } else if (log_.last_round && begin()) {
      for (unsigned to = 1; to <= of_.hosts(); ++to)
        if (last_sent_[to] < last_round && send(to, true)) ++last_sent_[to];
    }
    go_on(self);
    return runtime::carry_on();
  }
  void go_on(process& self) const {
    const nanos pause = log_.last_round      ? 10 * millisecond
                        : the_ledger().quiet ? second
                                             : draw_between(millisecond / 10, 200 * millisecond);
    self.remind(self.now() + pause, message::atom("go"));
  }

  // False: there is no descriptor for a socket now.
  bool begin() {
    if (fd_ < 0) fd_ = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    return fd_ >= 0;
  }
  void leave() {
    ::close(fd_);
    fd_ = -1;
    sent_.clear();
  }
  // False: the socket is full, or there is none.
  bool send(unsigned to, bool last) {
    if (!begin()) return false;
    const std::uint64_t number = the_ledger().next();
    std::string bytes = fmt::format("{} ", number);
    const bool too_long = !last && one_in(20);
    bytes.append(too_long             ? most_bytes
                 : !last && one_in(4) ? draw_below(most_bytes - 30)
                                      : draw_below(60),
                 static_cast<char>('a' + number % 26));
    sockaddr_in where = address(to);
    iovec piece{bytes.data(), bytes.size()};
    msghdr head{};
    head.msg_name = &where;
    head.msg_namelen = sizeof where;
    head.msg_iov = &piece;
    head.msg_iovlen = 1;
    if (sendmsg(fd_, &head, 0) < 0) return false;
    if (last) ++log_.sent;
    if (sent_.size() >= most_kept) sent_.erase(sent_.begin());
    sent_[number] = {to, std::move(bytes), 0, last};
    return true;
  }
  void take_all() {
    std::string room(most_bytes * 2, '\0');
    while (fd_ >= 0) {
      sockaddr_in from{};
      iovec piece{room.data(), room.size()};
      msghdr head{};
      head.msg_name = &from;
      head.msg_namelen = sizeof from;
      head.msg_iov = &piece;
      head.msg_iovlen = 1;
      const ssize_t count = recvmsg(fd_, &head, 0);
      if (count < 0) return;
      take(room.substr(0, static_cast<std::size_t>(count)), from);
    }
  }
  void take(const std::string& bytes, const sockaddr_in& from) {
    the_ledger().datagram_came();
    const std::uint64_t number = std::strtoull(bytes.c_str(), nullptr, 10);
    const auto found = sent_.find(number);
    // It closed the socket from which it had sent that datagram, or has forgotten it.
    if (found == sent_.end() && number < (sent_.empty() ? UINT64_MAX : sent_.begin()->first)) return;
    if (found == sent_.end() || found->second.bytes != bytes)
      the_ledger().broken(
          fmt::format("an answer is what was sent: host {} got {}", host_, bytes.substr(0, 100)));
    flying& one = found->second;
    const sockaddr_in wanted = address(one.to);
    if (std::memcmp(&wanted.sin_addr, &from.sin_addr, sizeof from.sin_addr) != 0 ||
        from.sin_port != wanted.sin_port)
      the_ledger().broken(
          fmt::format("an answer comes from where the datagram went: {} of host {} came from {:x}:{}", number,
                      host_, ntohl(from.sin_addr.s_addr), ntohs(from.sin_port)));
    if (bytes.size() > most_bytes)
      the_ledger().broken(fmt::format("a datagram that is too long is dropped: host {} answered {} bytes",
                                      one.to, bytes.size()));
    if (++one.answers > (one.last ? 1 : most_answers))
      the_ledger().broken(fmt::format("a datagram is answered once: {} to host {} was answered {} times",
                                      number, one.to, one.answers));
    if (one.last) ++log_.answered;
  }

  const cluster& of_;
  unsigned host_;
  datagram_log& log_;
  int fd_ = -1; // -1: no socket
  std::map<std::uint64_t, flying> sent_;
  std::array<std::uint64_t, most_hosts> last_sent_{};
};

class killer final : public native_server {
 public:
  killer() : native_server("killer") {}

 private:
  runtime::outcome on_start(process& self) override {
    go_on(self);
    return runtime::carry_on();
  }
  runtime::outcome handle_info(process& self, const message&) override {
    if (the_ledger().quiet) return runtime::carry_on();
    if (const auto whom = self.host().whereis(mirror))
      self.exit(*whom, one_in(2) ? runtime::reasons::kill() : message::atom("crash"));
    go_on(self);
    return runtime::carry_on();
  }
  static void go_on(process& self) {
    self.remind(self.now() + draw_between(100 * millisecond, 8 * second), message::atom("go"));
  }
};

class mirrors final : public workload {
 public:
  mirrors()
      : hosts_(2 + static_cast<unsigned>(draw_below(2))),
        kills_(one_in(2)),
        handlers_(one_in(3) ? 2 : 1),
        small_buffer_(one_in(3)),
        batch_(one_in(2) ? 64 : 1 + draw_below(4)) {
    weather() = {2 + draw_below(30), 2 + draw_below(30), 2 + draw_below(30), 2 + draw_below(60)};
  }

  unsigned hosts() const override { return hosts_; }
  std::string children(const cluster&, unsigned host) const override {
    return fmt::format(
        "        - id: {0}\n"
        "          name: {0}\n"
        "          udp:\n"
        "            listen: [ {{ address: 10.0.0.{1}, port: {2} }} ]\n"
        "            actor: \"echo:datagrams\"\n"
        "            max_datagram: 2KiB\n"
        "            handlers: {3}\n"
        "            batch: {4}\n"
        "{5}",
        mirror, host, port, handlers_, batch_, small_buffer_ ? "            receive_buffer: 8KiB\n" : "");
  }
  void populate(cluster& all, unsigned host) override {
    if (kills_ && handlers_ == 1) add_process(all, host, "killer", std::make_unique<killer>());
    for (std::uint64_t count = 1 + draw_below(3); count > 0; --count)
      add_process(all, host, fmt::format("sender_{}", the_ledger().next()),
                  std::make_unique<sender>(all, host, log_));
  }
  void lost(unsigned host) override {
    reloads_.lost(host);
    before_[host] = counts_of(host, port);
  }
  void look(cluster& all) override {
    reloads_.maybe(all, 1 + static_cast<unsigned>(draw_below(hosts_)), "echo");
    for (unsigned host = 1; host <= hosts_; ++host) {
      const datagram_counts seen = counts_of(host, port);
      if (seen.sent > seen.taken)
        the_ledger().broken(fmt::format("no more is answered than has come: host {} has sent {}, for {}",
                                        host, seen.sent, seen.taken));
    }
  }
  void check(cluster& all) override {
    weather() = {};
    log_.last_round = true;
    for (const nanos until = now() + 30 * second; now() < until && !is_done();) let_pass(second);
    let_pass(2 * second); // for an answer that comes twice
    if (!is_done())
      the_ledger().broken(
          fmt::format("after the faults each datagram is answered: {} of {} were", log_.answered, log_.sent));
    reloads_.check_answered(hosts_);
    for (unsigned host = 1; host <= hosts_; ++host) check_sockets(all, host);
  }

 private:
  bool is_done() const { return log_.sent > 0 && log_.answered == log_.sent; }
  void check_sockets(cluster& all, unsigned host) const {
    const unsigned sockets = datagram_sockets(host, port);
    if (sockets != handlers_)
      the_ledger().broken(
          fmt::format("an actor has one socket: host {} has {}, for {}", host, sockets, handlers_));
    if (handlers_ != 1) return;
    const datagram_counts seen = counts_of(host, port);
    auto has = all.report(host, mirror);
    if (has["received"] != std::to_string(seen.taken - before_[host].taken) ||
        has["sent"] != std::to_string(seen.sent - before_[host].sent))
      the_ledger().broken(fmt::format(
          "the counters of a socket are what has passed it: host {} says {} and {}, for {} and {}", host,
          has["received"], has["sent"], seen.taken - before_[host].taken, seen.sent - before_[host].sent));
  }

  unsigned hosts_;
  bool kills_;
  unsigned handlers_;
  bool small_buffer_;
  std::uint64_t batch_;
  std::array<datagram_counts, most_hosts> before_{}; // of the host's earlier lives
  reloads reloads_;
  datagram_log& log_ = *new datagram_log; // NOLINT: never destroyed: senders of a killed host do not end
};

} // namespace

std::unique_ptr<workload> make_datagrams() {
  return std::make_unique<mirrors>();
}

} // namespace coppice::simulated
