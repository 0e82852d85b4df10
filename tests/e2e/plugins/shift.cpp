// SPDX-License-Identifier: MIT
// shift: a server whose state tests follow through reloads. Macros choose what goes wrong in a reload:
// SAVE_FAILS, SAVE_SPINS, RESTORE_REFUSES, RESTORE_MISFITS (it expects a state of another form),
// RESTORE_THROWS, RESTORE_CRASHES, RESTORE_SPINS, RESTORE_FAILS_LATE, AFTER_RESTORE (it sends itself a
// message once restored, and ends if it has counted to 7), STRICT_ARGS, OTHER_ACTOR, NO_STATE, INIT_HOLDS (it
// does not come up while the file that COPPICE_SHIFT_HARM names exists), KEEPS_MAPPED,
// CLINGS (a thread that goes on while the file that COPPICE_SHIFT_CLINGS names exists, even after the actor's
// state is gone). VERSION is its version. The process that tries files out has no COPPICE_SHIFT_HARM in its
// environment, so harm that depends on it happens only in the daemon.
#include <coppice/post.hpp>
#include <coppice/server.hpp>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <thread>

#ifndef VERSION
#define VERSION "1.0.0"
#endif
#ifdef OTHER_ACTOR
#define ACTOR "moved"
#else
#define ACTOR "shift"
#endif

namespace shift {

using coppice::term;
namespace etf = coppice::etf;

#ifdef KEEPS_MAPPED
struct grip {
  ~grip() { ++count; }
  int count = 0;
};
thread_local grip held;
#endif

#ifdef CLINGS
std::jthread clinging; // joined when the file is closed
#endif

// Messages.
using next = etf::constant<"next">;
using version = etf::constant<"version">;
using order = etf::constant<"order">;
// Handlers that last while a file exists: `hold` is parked, the stack of `block` cannot unwind.
struct hold {
  std::string file;
};
struct block {
  std::string file;
};
struct trap {
  static constexpr std::string_view etf_tag = "trap_exit";
  bool on;
};
struct ask {
  etf::atom whom; // inside its handler, after a while, calls `next` of that name
  std::uint32_t ms;
};
struct ask_through {
  static constexpr std::string_view etf_tag = "ask_through";
  etf::atom relay; // makes that call through this relay, `name` or `name@node`
  etf::atom whom;
  std::uint32_t ms;
};
struct relayed {
  static constexpr std::string_view etf_tag = "relay";
  etf::atom whom;
  next what;
};
struct alarm_in {
  static constexpr std::string_view etf_tag = "alarm";
  std::uint32_t ms;
};
using rung = etf::constant<"rung">;
using ring = etf::constant<"$ring">;

bool is_there(const std::string& file) {
  std::error_code ignored;
  return std::filesystem::exists(file, ignored);
}

[[maybe_unused]] void spin(std::chrono::milliseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < end) {
  }
}

class shift_server : public coppice::server {
 public:
  static constexpr std::string_view name = ACTOR;
#ifdef STRICT_ARGS
  static constexpr std::string_view args_schema =
      R"({"type":"object","required":["token"],"properties":{"token":{"type":"string"}}})";
#else
  static constexpr std::string_view args_schema = R"({"type":"object"})";
#endif
  using calls = std::variant<next, version, order, hold, block, trap, ask, ask_through, alarm_in, rung>;
  using casts = std::variant<std::int64_t>;

  std::uint64_t handle_call(const next&) {
#ifdef KEEPS_MAPPED
    ++held.count;
#endif
    return ++count_;
  }
  std::string_view handle_call(const version&) {
    return VERSION;
  }
  std::vector<std::int64_t> handle_call(const order&) {
    return got_;
  }
  std::uint64_t handle_call(const rung&) {
    return rung_;
  }

  std::uint64_t handle_call(const hold& request) {
    const std::string file = request.file;
    while (is_there(file)) sleep(std::chrono::milliseconds(10));
    return ++count_;
  }
  std::uint64_t handle_call(const block& request) {
    blocking_run([file = request.file] {
      while (is_there(file)) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    });
    return ++count_;
  }

  bool handle_call(const trap& request) {
    return trap_exit(request.on);
  }

  coppice::message handle_call(const ask& request) {
    sleep(std::chrono::milliseconds(request.ms));
    const auto got = call(coppice::destination(request.whom.name), next{});
    return got ? got.message.share() : coppice::make_message(etf::constant<"no_answer">{});
  }

  coppice::message handle_call(const ask_through& request) {
    const std::string whom(request.whom.name);
    const std::string relay(request.relay.name);
    sleep(std::chrono::milliseconds(request.ms));
    const auto got = call(coppice::destination::parse(relay), relayed{etf::atom{whom}, {}});
    return got ? got.message.share() : coppice::make_message(etf::constant<"no_answer">{});
  }

  bool handle_call(const alarm_in& request) {
    send_after(std::chrono::milliseconds(request.ms), ring{});
    return true;
  }
  void handle_info(const ring&) {
    ++rung_;
  }
  void handle_cast(const std::int64_t& number) {
    got_.push_back(number);
  }

#ifdef CLINGS
  void init() {
    if (clinging.joinable()) return;
    clinging = std::jthread([way_in = coppice::poster(*this), gone = gone_] {
      while (!*gone) std::this_thread::sleep_for(std::chrono::milliseconds(5));
      const char* const file = getenv("COPPICE_SHIFT_CLINGS");
      while (file != nullptr && is_there(file)) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    });
  }
  ~shift_server() {
    *gone_ = true;
  }
#endif

#ifdef INIT_HOLDS
  void init() {
    const char* const file = getenv("COPPICE_SHIFT_HARM");
    while (file != nullptr && is_there(file)) sleep(std::chrono::milliseconds(5));
  }
#endif

#ifndef NO_STATE
  static constexpr std::uint32_t state_version = 1;
  using state = std::tuple<std::uint64_t, std::uint64_t, std::vector<std::int64_t>>;

  state save_state() const {
#ifdef SAVE_FAILS
    throw std::runtime_error("the state is in use");
#endif
#ifdef SAVE_SPINS
    spin(std::chrono::milliseconds(1500));
#endif
    return {count_, rung_, got_};
  }

#ifdef RESTORE_MISFITS
  void restore_state(std::uint32_t, const std::vector<std::string>&) {}
#else
  bool restore_state(std::uint32_t, const state& saved) {
#ifdef RESTORE_REFUSES
    return false;
#endif
#ifdef RESTORE_THROWS
    throw std::runtime_error("cannot read this");
#endif
#ifdef RESTORE_CRASHES
    raise(SIGSEGV);
#endif
#ifdef RESTORE_SPINS
    if (getenv("COPPICE_SHIFT_HARM") != nullptr) spin(std::chrono::milliseconds(1500));
#endif
#ifdef RESTORE_FAILS_LATE
    if (getenv("COPPICE_SHIFT_HARM") != nullptr) throw std::runtime_error("only in the daemon");
#endif
    std::tie(count_, rung_, got_) = saved;
    return true;
  }
#endif
#ifdef AFTER_RESTORE
  void after_restore() {
    if (count_ == 7) throw std::runtime_error("seven will not do");
    send_after(std::chrono::milliseconds(1), ring{});
  }
#endif
#endif

 private:
  std::uint64_t count_ = 0;
  std::uint64_t rung_ = 0;
  std::vector<std::int64_t> got_;
#ifdef CLINGS
  std::shared_ptr<std::atomic<bool>> gone_ = std::make_shared<std::atomic<bool>>(false);
#endif
};

} // namespace shift

COPPICE_PLUGIN("shift", VERSION, shift::shift_server);
