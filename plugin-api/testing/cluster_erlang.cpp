// SPDX-License-Identifier: MIT
// The Erlang node beside a cluster under test, and its EPMD. In the thread that made the node.
#include <coppice/testing/cluster_erlang.hpp>

#include <poll.h>
#include <sys/socket.h>
#include <array>
#include <functional>
#include <thread>
#include <utility>

namespace coppice::testing::detail {

port_mapper::port_mapper(std::function<std::uint16_t(std::string_view)> port_of,
                         std::function<void(std::uint16_t)> registered)
    : port_of_(std::move(port_of)), registered_(std::move(registered)), listener_(listen_on_loopback()) {
  std::tie(ended_, ends_) = make_pipe();
  thread_ = std::thread([this] { serve(); });
}

port_mapper::~port_mapper() {
  ends_.close();
  thread_.join();
}

void port_mapper::serve() {
  for (;;) {
    std::array<pollfd, 2> watched{{{ended_.get(), POLLIN, 0}, {listener_.get(), POLLIN, 0}}};
    ::poll(watched.data(), watched.size(), -1);
    if (watched[0].revents != 0) return;
    descriptor asks(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!asks.is_open()) continue;
    const timeval patience{5, 0};
    ::setsockopt(asks.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    const std::string request = read_request(asks);
    if (request.empty()) continue;
    if (std::uint8_t(request[0]) == alive_request && request.size() >= 7) {
      registered_(number_at(request, 1));
      const bool is_long = number_at(request, 5) >= newest_version;
      write(asks, is_long ? std::string{char(alive_long_answer), 0, 0, 0, 0, 1}
                          : std::string{char(alive_answer), 0, 0, 1});
      alive_.push_back(std::move(asks)); // the node is registered as long as this is open
    } else if (std::uint8_t(request[0]) == port_request) {
      answer_port(asks, request.substr(1));
    }
  }
}

void port_mapper::answer_port(const descriptor& to, const std::string& name) const {
  const std::uint16_t port = port_of_(name);
  if (port == 0) return write(to, std::string{char(port_answer), 1});
  const auto two = [](std::size_t n) { return std::string{char(n >> 8U), char(n & 0xffU)}; };
  const std::string visible_over_tcp{'M', 0};
  write(to, std::string{char(port_answer), 0} + two(port) + visible_over_tcp + two(newest_version) + two(5) +
                two(name.size()) + name + two(0));
}

std::uint16_t port_mapper::number_at(const std::string& bytes, std::size_t at) {
  return static_cast<std::uint16_t>(std::uint8_t(bytes[at]) << 8U | std::uint8_t(bytes[at + 1]));
}

std::string port_mapper::read_request(const descriptor& from) {
  std::string size(2, '\0');
  if (::recv(from.get(), size.data(), 2, MSG_WAITALL) != 2) return {};
  std::string request(number_at(size, 0), '\0');
  const auto got = ::recv(from.get(), request.data(), request.size(), MSG_WAITALL);
  return got == static_cast<ssize_t>(request.size()) ? request : std::string();
}

void port_mapper::write(const descriptor& to, const std::string& bytes) {
  [[maybe_unused]] const auto ignored = ::send(to.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
}

} // namespace coppice::testing::detail
namespace coppice::testing {

erlang_node::erlang_node(std::string name, std::size_t number, const std::string& cookie,
                         std::uint16_t epmd_port)
    : name_(std::move(name)), number_(number) {
  auto [reads, input] = detail::make_pipe();
  auto [output, writes] = detail::make_pipe();
  input_ = std::move(input);
  output_ = std::move(output);
  const std::vector<std::string> command{
      "erl",         "-noshell", "-name",   name_,          "-setcookie", cookie,
      "-start_epmd", "false",    "-kernel", "logger_level", "error",      "inet_dist_use_interface",
      "{127,0,0,1}", "-eval",    loop};
  program_ =
      detail::child(command, {"ERL_EPMD_PORT=" + std::to_string(epmd_port), "ERL_CRASH_DUMP_SECONDS=0"},
                    reads.get(), writes.get(), writes.get());
  reads.close();
  writes.close();
  evaluate("up");
}

std::string erlang_node::evaluate(std::string expression) {
  for (char& each : expression)
    if (each == '\n') each = ' ';
  expression += ".\n";
  if (::write(input_.get(), expression.data(), expression.size()) != static_cast<ssize_t>(expression.size()))
    throw failure(name_ + " takes no expression: " + said_);
  for (;;) {
    const std::size_t end = said_.find('\n');
    if (end == std::string::npos) {
      read_more();
      continue;
    }
    const std::string line = said_.substr(0, end);
    said_.erase(0, end + 1);
    if (line.starts_with(mark)) return line.substr(mark.size());
  }
}

void erlang_node::read_more() {
  std::array<char, 4096> part{};
  const ssize_t got = ::read(output_.get(), part.data(), part.size());
  if (got > 0)
    said_.append(part.data(), static_cast<std::size_t>(got));
  else if (got == 0 || errno != EINTR)
    throw failure(name_ + " has ended: " + said_);
}

} // namespace coppice::testing
