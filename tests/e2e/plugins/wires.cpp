// SPDX-License-Identifier: MIT
// Actors that do with streams what they are told: `session` is the actor of a connection of lines; `dialer`
// is a server that connects to others and reports the results.
#include <coppice/statem.hpp>
#include <coppice/tcp.hpp>

#include <charconv>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

namespace {

using namespace coppice;
using namespace std::chrono_literals;

class session : public tcp {
 public:
  static constexpr std::string_view name = "session";

  void on_connect(connection with, const connection_info& info) {
    if (info.peer.empty()) return;
    with.write("hello " + std::string(info.peer.substr(0, info.peer.rfind(':'))) +
               " tls=" + std::string(info.tls) + " alpn=" + std::string(info.protocol) +
               " subject=" + std::string(info.subject) + "\n");
  }

  outcome on_frame(connection from, bytes frame) {
    const std::string_view line = to_text(frame);
    const std::string_view word = line.substr(0, line.find(' '));
    const std::string_view rest = line.substr(std::min(line.size(), word.size() + 1));
    int number = 0;
    std::from_chars(rest.data(), rest.data() + rest.size(), number);
    if (word == "crash") throw std::runtime_error("told to");
    if (word == "stop") return outcome::stop(etf::atom{"told_to"});
    if (word == "close") from.close();
    if (word == "reset") from.reset();
    if (word == "hand" && from.hand_over(rest) == COPPICE_OK) return outcome::go_on();
    if (word == "end") from.end();
    if (word == "pause")
      from.pause(), send_after(std::chrono::milliseconds(number), self(), etf::atom{"resume"});
    if (word == "sleep")
      blocking_run([number] { std::this_thread::sleep_for(std::chrono::milliseconds(number)); });
    if (word == "fill") fill(from);
    if (word == "flood") floods_ = true, fill(from);
    if (word == "big") from.write(std::string(static_cast<std::size_t>(number), 'x') + "\n");
    if (word == "raw") from.set_framing(unframed());
    if (word == "echo") from.write(std::string(rest) + "\n");
    if (word == "starttls") secure(from, rest);
    if (word == "keep") kept_ = from.keep(to_bytes(rest));
    if (word == "kept") from.write(kept_), from.write("\n");
    paused_ = from.id();
    return outcome::go_on();
  }
  // After `raw`: a line "starttls" means the same as in on_frame; pairs of bytes are echoed, after a while if
  // they begin with "zz"; text that begins with < is left until it ends with >, and then counted. "lines"
  // goes back to lines.
  std::size_t on_data(connection from, bytes data) {
    if (to_text(data).starts_with("lines\n")) return from.set_framing(lines()), 6;
    if (to_text(data).starts_with("<")) {
      if (!to_text(data).ends_with(">")) return 0;
      from.write(std::to_string(data.size()) + "\n");
      return data.size();
    }
    if (constexpr std::string_view order = "starttls "; to_text(data).starts_with(order)) {
      const std::size_t end = to_text(data).find('\n');
      if (end == std::string_view::npos) return 0;
      secure(from, to_text(data).substr(order.size(), end - order.size()));
      return end + 1;
    }
    const std::size_t even = data.size() / 2 * 2;
    if (to_text(data).starts_with("zz")) blocking_run([] { std::this_thread::sleep_for(500ms); });
    from.write(data.first(even));
    return even;
  }
  void on_secured(connection with) { with.write("secured tls=" + std::string(with.info().tls) + "\n"); }
  void on_eof(connection from) { from.write("eof\n"), from.close(); }
  void on_drained(connection to) { floods_ ? fill(to) : static_cast<void>(to.write("drained\n")); }
  void handle_info(etf::constant<"resume">) { connection(*this, paused_).resume(); }

  std::uint64_t save_state() const { return paused_; }
  void restore_state(std::uint32_t, std::uint64_t saved) { paused_ = saved; }

 private:
  // `files`: CERTIFICATE KEY
  static void secure(connection from, std::string_view files) {
    const std::size_t end = files.find(' ');
    from.write("go\n");
    from.start_tls({.server = true, .certificate = files.substr(0, end), .key = files.substr(end + 1)});
  }
  // Writes until a write is refused.
  static void fill(connection to) {
    const std::string block(65536, 'f');
    for (int i = 0; i < 10'000; ++i)
      if (to.write(block) == COPPICE_E_FULL) return;
  }
  kept_bytes kept_; // the kept line
  std::uint64_t paused_ = 0;
  bool floods_ = false; // whether it writes as long as there is room
};

struct dial {
  static constexpr std::string_view etf_tag = "connect";
  std::string_view host;
  std::int64_t port;
};
struct dial_tls {
  static constexpr std::string_view etf_tag = "connect_tls";
  std::string_view host;
  std::int64_t port;
  std::string_view authorities;
};
// Connects with a certificate of its own.
struct dial_as {
  static constexpr std::string_view etf_tag = "connect_as";
  std::string_view host;
  std::int64_t port;
  std::string_view authorities, certificate, key;
};
// Begins TLS on an open connection, as the client. The server's certificate is for `host`.
struct secure {
  static constexpr std::string_view etf_tag = "start_tls";
  std::uint64_t id;
  std::string_view host, authorities;
};
struct put {
  static constexpr std::string_view etf_tag = "write";
  std::uint64_t id;
  std::string_view text;
};
struct shut {
  static constexpr std::string_view etf_tag = "close";
  std::uint64_t id;
};

class dialer : public server {
 public:
  static constexpr std::string_view name = "dialer";
  using calls = std::variant<dial, dial_tls, dial_as, secure, put, shut, etf::constant<"events">>;
  std::uint64_t handle_call(const dial& to) {
    connect_options how;
    how.framing = lines();
    how.within = 2s;
    return connect_to(*this, to.host, static_cast<std::uint16_t>(to.port), how);
  }
  std::uint64_t handle_call(const dial_tls& to) {
    connect_options how;
    how.framing = lines();
    how.tls = tls_options{.authorities = to.authorities};
    return connect_to(*this, to.host, static_cast<std::uint16_t>(to.port), how);
  }
  std::uint64_t handle_call(const dial_as& to) {
    connect_options how;
    how.framing = lines();
    how.tls = tls_options{.authorities = to.authorities, .certificate = to.certificate, .key = to.key};
    return connect_to(*this, to.host, static_cast<std::uint16_t>(to.port), how);
  }
  std::int64_t handle_call(const secure& what) {
    return connection(*this, what.id).start_tls({.host = what.host, .authorities = what.authorities});
  }
  std::int64_t handle_call(const put& what) { return connection(*this, what.id).write(what.text); }
  std::int64_t handle_call(const shut& what) { return connection(*this, what.id).close(); }
  std::vector<std::string> handle_call(etf::constant<"events">) { return events_; }

  void on_connect(connection with, const connection_info& info) {
    events_.push_back("open " + std::to_string(with.id()) + " tls=" + std::string(info.tls));
  }
  void on_secured(connection with) {
    events_.push_back("secured " + std::to_string(with.id()) + " tls=" + std::string(with.info().tls));
  }
  void on_frame(connection from, bytes frame) {
    if (to_text(frame) == "who") from.write("dialer\n");
    events_.push_back("line " + std::string(to_text(frame)));
  }
  void on_close(connection of, close_reason how, std::string_view) {
    events_.push_back("closed " + std::to_string(of.id()) + " " + std::to_string(static_cast<int>(how)));
  }

  std::vector<std::string> save_state() const { return events_; }
  void restore_state(std::uint32_t, const std::vector<std::string>& saved) { events_ = saved; }

 private:
  std::vector<std::string> events_;
};

enum class line_state { down, up };

// A state machine that tracks whether it is connected.
class machine : public statem<line_state> {
 public:
  static constexpr std::string_view name = "machine";
  using casts = std::variant<etf::constant<"up">, etf::constant<"down">>;
  transition init() { return next(line_state::down); }
  transition handle_cast(line_state, etf::constant<"up">) { return next(line_state::up); }
  transition handle_cast(line_state, etf::constant<"down">) { return next(line_state::down); }
  transition handle_call(line_state at, etf::constant<"state">, term from) {
    return keep().reply(from, etf::atom{at == line_state::up ? "up" : "down"});
  }

  void on_connect(connection) { cast(self(), etf::atom{"up"}); }
  void on_frame(connection from, bytes frame) { from.write("machine " + std::string(to_text(frame)) + "\n"); }
  void on_close(connection, close_reason, std::string_view) { cast(self(), etf::atom{"down"}); }
};

} // namespace

#ifndef VERSION
#define VERSION "1.0.0"
#endif
COPPICE_PLUGIN("wires", VERSION, session, dialer, machine);
