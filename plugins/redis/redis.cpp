// SPDX-License-Identifier: MIT
// redis: a client of a server that speaks Redis's protocol (RESP2), as a server: {command, [<<"GET">>,
// <<"a">>]} is answered by {ok, Reply} or {error, Why}. Commands are sent at once, many may be under way, and
// replies come in the order of the commands. The tree keeps it connected (`tcp: { connect: … }`); it answers
// calls also while it is not connected.
#include <coppice/owned.hpp>
#include <coppice/tcp.hpp>

#include <charconv>
#include <deque>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace redis {

using coppice::owned_term;
using coppice::term;
namespace etf = coppice::etf;

// Messages.
using ok = etf::constant<"ok">;
using status = etf::constant<"status">;
struct command {
  static constexpr std::string_view etf_tag = "command";
  std::vector<std::string> words;
};

struct failure {
  static constexpr std::string_view etf_tag = "error";
  std::variant<etf::atom, std::string> why; // the server's error is a text
};
struct state_of {
  static constexpr etf::form etf_form = etf::form::map;
  bool connected;
  std::uint64_t waiting, reconnects;
};

struct settings {
  static constexpr etf::form etf_form = etf::form::map;
  std::optional<std::string> password;
  std::optional<std::uint64_t> database, waiting;
};

// One reply, in the form that callers get.
struct reply_read {
  owned_term answer;
  std::size_t size = 0; // bytes of the reply
};

// Reads replies from received bytes. Empty: the next reply is not complete. Throws std::string, which says
// what is wrong with the bytes.
class reply_reader {
 public:
  explicit reply_reader(std::string_view from) : from_(from) {}

  std::optional<reply_read> next() {
    const bool failed = from_.starts_with('-');
    auto value = read(0);
    if (!value) return std::nullopt;
    if (failed) return reply_read{owned_term::of(failure{value->as<std::string>().value()}), at_};
    return reply_read{owned_term::of(std::pair(ok{}, value->term())), at_};
  }
  // After an empty result: fewest bytes with which another attempt makes sense.
  std::size_t needed() const { return needed_; }

 private:
  static constexpr int deepest = 16; // most levels of lists
  static constexpr std::int64_t longest = 512 << 20;
  static constexpr std::size_t shortest = 3; // +\r\n

  std::optional<std::string_view> line() {
    const std::size_t end = from_.find("\r\n", at_);
    if (end == from_.npos) {
      if (from_.size() - at_ > 64 * 1024) throw std::string("a line without an end");
      needed_ = from_.size() + 1;
      return std::nullopt;
    }
    const std::string_view found = from_.substr(at_, end - at_);
    at_ = end + 2;
    return found;
  }

  static std::int64_t number(std::string_view text, std::int64_t least, std::int64_t most) {
    std::int64_t value = 0;
    const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (wrong != std::errc() || end != text.data() + text.size() || value < least || value > most)
      throw "no number, or too large: " + std::string(text.substr(0, 40));
    return value;
  }

  std::optional<owned_term> read(int depth) {
    const auto head = line();
    if (!head) return std::nullopt;
    if (head->empty()) throw std::string("an empty line");
    const std::string_view rest = head->substr(1);
    switch (head->front()) {
      case '+':
      case '-':
        return owned_term::of(rest);
      case ':':
        return owned_term::of(number(rest, INT64_MIN, INT64_MAX));
      case '$':
        return text(number(rest, -1, longest));
      case '*':
        return list(number(rest, -1, longest), depth);
      default:
        throw "a reply that begins with " + std::to_string(static_cast<unsigned char>(head->front()));
    }
  }

  std::optional<owned_term> text(std::int64_t size) {
    if (size < 0) return owned_term::of(etf::atom{"undefined"});
    const auto count = static_cast<std::size_t>(size);
    if (from_.size() - at_ < count + 2) {
      needed_ = at_ + count + 2;
      return std::nullopt;
    }
    const std::string_view found = from_.substr(at_, count);
    if (from_.substr(at_ + count, 2) != "\r\n") throw std::string("a text of another length");
    at_ += count + 2;
    return owned_term::of(found);
  }

  std::optional<owned_term> list(std::int64_t count, int depth) {
    if (count < 0) return owned_term::of(etf::atom{"undefined"});
    if (depth == deepest) throw std::string("lists within lists without end");
    std::vector<owned_term> all;
    for (std::int64_t i = 0; i < count; ++i) {
      auto one = read(depth + 1);
      if (!one) {
        needed_ += static_cast<std::size_t>(count - i - 1) * shortest;
        return std::nullopt;
      }
      all.push_back(std::move(*one));
    }
    return owned_term::of(all);
  }

  std::string_view from_;
  std::size_t at_ = 0;
  std::size_t needed_ = 0;
};

class redis : public coppice::tcp {
 public:
  static constexpr std::string_view args_schema =
      R"({"type":"object","additionalProperties":false,"properties":{)"
      R"("password":{"type":"string","description":"said first, by AUTH"},)"
      R"("database":{"type":"integer","minimum":0,"description":"chosen by SELECT"},)"
      R"("waiting":{"type":"integer","minimum":1,"description":"commands without their replies at once; 10000"}}})";
  static constexpr std::uint32_t state_version = 1;
  static constexpr auto unhandled = coppice::unhandled::reply_error;
  using calls = std::variant<command, status>;

  void configure(const settings& args) { settings_ = args; }
  // The connection was opened with the former settings: the actor starts anew.
  coppice::outcome config_change() { return coppice::outcome::unhandled(); }

  void on_connect(coppice::connection to) {
    server_ = to.id();
    needed_ = 0;
    if (settings_.password) say_first({"AUTH", *settings_.password});
    if (settings_.database) say_first({"SELECT", std::to_string(*settings_.database)});
  }

  // The reply is sent when the server answers.
  coppice::no_reply handle_call(const command& asked, term from) {
    if (server_ == 0) return refuse(from, "disconnected");
    if (asked.words.empty()) return refuse(from, "badarg");
    if (callers_.size() >= settings_.waiting.value_or(10'000)) return refuse(from, "overloaded");
    switch (coppice::connection(*this, server_).write(written(asked.words))) {
      case COPPICE_OK:
        callers_.emplace_back(from);
        return {};
      case COPPICE_E_FULL: // the server reads more slowly than callers ask
        return refuse(from, "overloaded");
      default: // on_close follows
        return refuse(from, "disconnected");
    }
  }
  state_of handle_call(const status&) { return {server_ != 0, callers_.size(), reconnects_}; }

  std::size_t on_data(coppice::connection from, coppice::bytes data) {
    if (data.size() < needed_) return 0;
    std::string_view left = coppice::to_text(data);
    try {
      for (;;) {
        reply_reader at(left);
        const auto one = at.next();
        needed_ = one ? 0 : at.needed();
        if (!one) break;
        left.remove_prefix(one->size);
        take(from, one->answer);
      }
    } catch (const std::string& wrong) {
      log(COPPICE_LOG_WARNING, "the server does not speak RESP: " + wrong);
      from.reset();
      return data.size();
    }
    return data.size() - left.size(); // the last bytes come again, together with those that follow
  }

  // It is unknown whether the server has carried out the commands without a reply.
  void on_close(coppice::connection) {
    server_ = 0;
    ++reconnects_;
    for (const owned_term& from : std::exchange(callers_, {}))
      if (from) reply(from, failure{etf::atom{"disconnected"}});
  }

  // The connection and the waiting callers remain over a reload.
  struct saved {
    static constexpr etf::form etf_form = etf::form::map;
    std::uint64_t server, reconnects;
    std::vector<std::optional<owned_term>> callers;
  };
  saved save_state() const {
    saved all{server_, reconnects_, {}};
    for (const owned_term& from : callers_) all.callers.push_back(from ? std::optional(from) : std::nullopt);
    return all;
  }
  void restore_state(const saved& from) {
    server_ = from.server;
    reconnects_ = from.reconnects;
    for (const auto& caller : from.callers) callers_.push_back(caller.value_or(owned_term()));
  }

 private:
  static std::string written(const std::vector<std::string>& words) {
    std::string all = "*" + std::to_string(words.size()) + "\r\n";
    for (const std::string& word : words) all += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
    return all;
  }

  // Sends a command of the client's own, for which no caller waits.
  void say_first(const std::vector<std::string>& words) {
    coppice::connection(*this, server_).write(written(words));
    callers_.emplace_back();
  }

  void take(coppice::connection from, const owned_term& answer) {
    if (callers_.empty()) throw std::string("a reply that nobody has asked for");
    const owned_term caller = std::move(callers_.front());
    callers_.pop_front();
    if (caller) {
      reply(caller, answer);
    } else if (const auto refused = answer.as<failure>()) { // the server does not accept the client
      log(COPPICE_LOG_WARNING, "the server refuses: " + std::get<std::string>(refused->why));
      from.close();
    }
  }

  coppice::no_reply refuse(term from, std::string_view why) {
    reply(from, failure{etf::atom{why}});
    return {};
  }

  settings settings_;
  std::uint64_t server_ = 0; // the stream. 0: not connected
  std::uint64_t reconnects_ = 0;
  std::size_t needed_ = 0;         // fewest bytes with which the next reply can be complete
  std::deque<owned_term> callers_; // an empty term: a command of the client's own
};

} // namespace redis

COPPICE_PLUGIN("redis", "1.0.0", redis::redis);
