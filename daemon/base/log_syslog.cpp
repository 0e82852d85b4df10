// SPDX-License-Identifier: MIT
// See log_syslog.hpp. The socket is connected, so that the kernel reports a port without a listener: at the
// send after the one that was refused.
#include "base/log_syslog.hpp"

#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "base/printable.hpp"
#include "base/thread.hpp"
#include "base/utf8.hpp"

namespace coppice::base::log {
namespace {

constexpr int facility_daemon = 3;
constexpr std::size_t longest_message_id = 32;
constexpr std::size_t longest_param_name = 32;
constexpr std::size_t longest_datagram = 60'000;
// For structured data that no standard names, RFC 5424 wants NAME@NUMBER; this number is the one of RFC 5612
// for examples.
constexpr std::string_view data_id = "coppice@32473";

constexpr nanos before_next_try = 5 * nanos_per_second; // of a name that does not resolve
constexpr nanos calm = 10 * nanos_per_second;           // without a failure: the server takes lines again
constexpr nanos name_is_good_for = 30 * nanos_per_second;
constexpr std::chrono::seconds patience_at_end{2};
constexpr std::size_t batch_lines = 100;
constexpr std::size_t batch_bytes = std::size_t{256} << 10;

bool is_graphic(char c) {
  return c > ' ' && c < 0x7f;
}

// A name with only the characters that both kinds of names may have; "-" stands for an empty one.
std::string name_of(std::string_view text, std::size_t longest, std::string_view without) {
  std::string out;
  for (const char c : text.substr(0, longest))
    out += is_graphic(c) && without.find(c) == without.npos ? c : '_';
  return out.empty() ? "-" : out;
}

void append_value(std::string& out, std::string_view value) {
  for (const char c : printable(value)) {
    if (c == '"' || c == '\\' || c == ']') out += '\\';
    out += c;
  }
}

// At the end of a character.
void cut(std::string& text) {
  if (text.size() <= longest_datagram) return;
  std::size_t kept = longest_datagram;
  while (kept != 0 && is_utf8_continuation(text[kept])) --kept;
  text.resize(kept);
}

std::string host_name() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return {};
  return name.data();
}

std::string text_of(int number) {
  return std::system_category().message(number);
}

struct found_addresses {
  addrinfo* first = nullptr;
  found_addresses() = default;
  ~found_addresses() {
    if (first != nullptr) freeaddrinfo(first);
  }
  found_addresses(const found_addresses&) = delete;
  found_addresses& operator=(const found_addresses&) = delete;
};

} // namespace

int syslog_severity(level of) {
  switch (of) {
    case level::trace:
    case level::debug:
      return 7;
    case level::info:
      return 6;
    case level::notice:
      return 5;
    case level::warning:
      return 4;
    case level::error:
      return 3;
  }
  return 6;
}

std::string render_syslog(const record& line, std::string_view host, int process) {
  std::string out = fmt::format(
      "<{}>1 {} {} coppiced {} {} ", facility_daemon * 8 + syslog_severity(line.level),
      format_wall(line.wall), name_of(host, 255, ""), process, name_of(line.module, longest_message_id, ""));
  if (line.fields.empty()) {
    out += '-';
  } else {
    out.append("[").append(data_id);
    for (const field& each : line.fields) {
      out.append(" ").append(name_of(each.name, longest_param_name, "=]\"")).append("=\"");
      append_value(out, each.value);
      out += '"';
    }
    out += ']';
  }
  out += ' ';
  out += printable(line.text);
  cut(out);
  return out;
}

struct syslog_sender::sending {
  sending(std::string its_label, std::string its_address, std::shared_ptr<log_queue> its_queue)
      : label(std::move(its_label)), address(std::move(its_address)), queue(std::move(its_queue)) {}
  ~sending() { close_socket(); }
  sending(const sending&) = delete;
  sending& operator=(const sending&) = delete;

  void run();

  const std::string label;
  const std::string address;
  const std::shared_ptr<log_queue> queue;
  std::atomic<std::uint64_t> lost{0};

  std::mutex lock; // of `ended`
  std::condition_variable change;
  bool ended = false;

 private:
  void send(const record& line);
  bool open();
  void close_socket() {
    if (socket_ >= 0) ::close(std::exchange(socket_, -1));
  }
  void failed(std::string why);
  void worked();

  const std::string host_ = host_name(); // this and the rest are for the thread
  const int process_ = getpid();
  int socket_ = -1;
  nanos opened_ = 0;
  std::string failing_; // why, as the log was told. Empty: it does not fail
  nanos last_failure_ = 0;
  std::uint64_t lost_before_ = 0; // when it began to fail
  bool given_up_ = false;         // the queue was closed before the server's name could be resolved
};

void syslog_sender::sending::run() {
  for (;;) {
    const std::vector<record> lines = queue->wait_and_take(batch_lines, batch_bytes);
    if (lines.empty()) break; // closed, and all is sent
    for (const record& line : lines) send(line);
  }
  const std::scoped_lock held(lock);
  ended = true;
  change.notify_all();
}

bool syslog_sender::sending::open() {
  const std::size_t colon = address.rfind(':');
  std::string host = address.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  const std::string port = address.substr(colon + 1);
  addrinfo wanted{};
  wanted.ai_family = AF_UNSPEC;
  wanted.ai_socktype = SOCK_DGRAM;
  wanted.ai_flags = AI_NUMERICSERV;
  found_addresses found;
  if (const int why = getaddrinfo(host.c_str(), port.c_str(), &wanted, &found.first); why != 0) {
    failed(why == EAI_SYSTEM ? text_of(errno) : std::string(gai_strerror(why)));
    return false;
  }
  std::string why;
  for (const addrinfo* one = found.first; one != nullptr; one = one->ai_next) {
    socket_ = ::socket(one->ai_family, one->ai_socktype | SOCK_CLOEXEC, one->ai_protocol);
    if (socket_ >= 0 && connect(socket_, one->ai_addr, one->ai_addrlen) == 0) {
      const timeval most{1, 0};
      (void)setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof(most));
      opened_ = mono_now();
      return true;
    }
    why = text_of(errno);
    close_socket();
  }
  failed(why.empty() ? "it has no address" : why);
  return false;
}

void syslog_sender::sending::send(const record& line) {
  while (socket_ < 0 && (given_up_ || !open())) {
    given_up_ = given_up_ || !queue->pause(before_next_try);
    if (!given_up_) continue;
    lost.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  std::string text = render_syslog(line, host_, process_);
  iovec part{text.data(), text.size()};
  msghdr datagram{};
  datagram.msg_iov = &part;
  datagram.msg_iovlen = 1;
  const auto sent = [&] { return sendmsg(socket_, &datagram, MSG_NOSIGNAL) >= 0; };
  if (sent()) return worked();
  const int first = errno; // ECONNREFUSED is about a datagram before, which was lost
  failed(text_of(first));
  lost.fetch_add(1, std::memory_order_relaxed);
  if (first == ECONNREFUSED && !sent()) lost.fetch_add(1, std::memory_order_relaxed);
  if (mono_now() - opened_ > name_is_good_for) close_socket(); // the name may stand for another address now
}

void syslog_sender::sending::failed(std::string why) {
  last_failure_ = mono_now();
  if (!failing_.empty()) return;
  failing_ = std::move(why);
  queue->set_failing("the syslog server " + address + " cannot be reached: " + failing_);
  lost_before_ = lost.load(std::memory_order_relaxed);
  submit({wall_now(),
          level::warning,
          "log",
          fmt::format("{}: the syslog server {} cannot be reached: {}; lines are lost meanwhile", label,
                      address, failing_),
          {{"label", label}}});
}

void syslog_sender::sending::worked() {
  if (failing_.empty() || mono_now() - last_failure_ < calm) return;
  failing_.clear();
  queue->set_failing({});
  submit({wall_now(),
          level::notice,
          "log",
          fmt::format("{}: the syslog server {} is reached again; at least {} lines were lost", label,
                      address, lost.load(std::memory_order_relaxed) - lost_before_),
          {{"label", label}}});
}

syslog_sender::syslog_sender(std::string label, std::string address, std::shared_ptr<log_queue> from)
    : does_(std::make_shared<sending>(std::move(label), std::move(address), std::move(from))) {
  auto made = start_thread([does = does_] { does->run(); });
  if (made) {
    made->detach();
    return;
  }
  does_->ended = true;
  submit({wall_now(), level::error, "log", does_->label + " sends nothing: " + made.error().text, {}});
}

syslog_sender::~syslog_sender() {
  does_->queue->close();
  std::unique_lock held(does_->lock);
  does_->change.wait_for(held, patience_at_end, [this] { return does_->ended; });
}

std::uint64_t syslog_sender::lost() const {
  return does_->lost.load(std::memory_order_relaxed);
}

} // namespace coppice::base::log
