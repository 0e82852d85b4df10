// SPDX-License-Identifier: MIT
// libuv's request lives until its callback; the caller's interest lives as long as the resolution. Each
// points at the other while both exist. The failed hosts and the lines are shared by all loops. The loop's
// thread.
#include "net/stream/resolver.hpp"

#include <netdb.h>

#include <cstdlib>
#include <limits>
#include <mutex>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/border.hpp"
#include "base/clock.hpp"
#include "base/fair_queue.hpp"
#include "base/process_wide.hpp"
#include "base/uv.hpp"

namespace coppice::net {
namespace {

// A look-up that was given up after this time is one that no name server answers.
constexpr base::nanos hangs_after = base::nanos_per_second;

// Hosts that were not found a short while ago. Any thread.
class failed_hosts {
 public:
  // libuv's error code. Empty: the host has to be looked up.
  std::optional<int> find(const std::string& host) {
    const std::lock_guard guard(lock_);
    const auto at = failed_.find(host);
    if (at == failed_.end()) return std::nullopt;
    if (at->second.until > base::mono_now()) return at->second.code;
    failed_.erase(at);
    return std::nullopt;
  }
  void remember(const std::string& host, int code, base::nanos until) {
    const std::lock_guard guard(lock_);
    if (failed_.size() >= failed_hosts_remembered && !failed_.contains(host)) {
      std::erase_if(failed_, [now = base::mono_now()](const auto& one) { return one.second.until <= now; });
      if (failed_.size() >= failed_hosts_remembered) failed_.erase(failed_.begin());
    }
    failed_[host] = {code, until};
  }
  void forget(const std::string& host) {
    const std::lock_guard guard(lock_);
    failed_.erase(host);
  }

 private:
  struct failure {
    int code = 0;
    base::nanos until = 0;
  };
  std::mutex lock_;
  std::unordered_map<std::string, failure> failed_;
};
failed_hosts& failed() {
  return base::of_process<failed_hosts>();
}
constexpr std::string_view failed_before = ", as it was a few seconds ago";

constexpr const char* pool_variable = "UV_THREADPOOL_SIZE";
constexpr const char* pool_threads = "18"; // look-ups get 9 of them, the lines hold 7
constexpr std::size_t dialled_at_once = 4;
constexpr std::size_t others_at_once = 2;

base::error not_found(const std::string& host, int code, std::string_view remark = {}) {
  base::error why = base::fail_uv("look up " + host, code).error();
  why.text += remark;
  return why;
}

// Wakes a loop from another thread.
class wake : public base::uv::handle<uv_async_t, base::uv::callback> {
 public:
  base::status start(uv_loop_t* on, base::uv::callback function) {
    const int code = open(std::move(function), [on](uv_async_t* raw) {
      return uv_async_init(on, raw, [](uv_async_t* woken) {
        base::contained("a look-up of a host", [&] { payload_of(woken)(); });
      });
    });
    if (code != 0) return base::fail_uv("look up a host", code);
    return {};
  }
  // Any thread.
  void send() const { uv_async_send(raw()); }
};

} // namespace

// The look-ups of one cause: some are under way, the others wait in order, the nodes that named them in turn.
// Any thread.
class resolution::line {
 public:
  // `most_of_one`: look-ups of names that one node has named.
  explicit line(std::size_t places = 1) : line(places, places) {}
  line(std::size_t places, std::size_t most_of_one) : free_(places), most_of_one_(most_of_one) {}
  // True: it may begin. False: it waits, and is woken when it may.
  bool enter(interest& who);
  // For a look-up that waits, or was woken and has not begun.
  void withdraw(interest& who);
  // A look-up of a name that `by` has named has ended.
  void leave(std::uint32_t by) {
    const std::lock_guard guard(lock_);
    give_back(by);
  }

 private:
  bool has_place(std::uint32_t by) const {
    const auto mine = under_way_.find(by);
    return free_ > 0 && (mine == under_way_.end() || mine->second < most_of_one_);
  }
  void take(std::uint32_t by) {
    --free_;
    ++under_way_[by];
  }
  void give_back(std::uint32_t by);

  std::mutex lock_;
  std::size_t free_; // places
  const std::size_t most_of_one_;
  std::unordered_map<std::uint32_t, std::size_t> under_way_; // look-ups that have a place; none is 0
  base::fair_queue<interest*> waiting_;
};

struct resolution::request {
  uv_getaddrinfo_t raw{};
  std::string host;
  base::nanos began = base::mono_now();
  line* in_line = nullptr;       // told when the request ends; null: not in a line
  std::uint32_t by = 0;          // see resolution::start()
  interest* wanted_by = nullptr; // null: the caller has given it up

  void finish(int code, const addrinfo* found);
};

struct resolution::interest {
  interest(uv_loop_t* on, std::string name, std::uint16_t number, lookup_cause why, std::uint32_t node,
           done_fn call)
      : loop(on), host(std::move(name)), port(number), cause(why), by(node), done(std::move(call)) {}
  interest(const interest&) = delete;
  interest& operator=(const interest&) = delete;
  ~interest();

  base::status begin(line* in_line);
  base::status wait_in_line();
  // The callback may destroy this object.
  void tell(base::result<std::vector<base::socket_address>> found) {
    const done_fn call = std::move(done);
    call(std::move(found));
  }
  void tell_soon(base::result<std::vector<base::socket_address>> found) {
    known = std::move(found);
    soon = base::uv::timer(loop, [this] { tell(std::move(known)); });
    soon.start(std::chrono::milliseconds(0));
  }

  uv_loop_t* loop;
  std::string host;
  std::uint16_t port;
  lookup_cause cause;
  std::uint32_t by;
  done_fn done;
  request* under_way = nullptr; // null: it has not begun, or has finished
  base::result<std::vector<base::socket_address>> known;
  base::uv::timer soon;
  wake turn;                // wakes a look-up that waits in a line
  line* waits_in = nullptr; // the line in which it waits, or which has woken it; null: it has begun
};

bool resolution::line::enter(interest& who) {
  const std::lock_guard guard(lock_);
  if (has_place(who.by)) {
    take(who.by);
    return true;
  }
  who.waits_in = this;
  waiting_.push(who.by, &who);
  return false;
}

void resolution::line::withdraw(interest& who) {
  const std::lock_guard guard(lock_);
  if (!waiting_.erase(who.by, &who)) give_back(who.by);
}

// The next look-up that may begin gets a place.
void resolution::line::give_back(std::uint32_t by) {
  ++free_;
  if (const auto mine = under_way_.find(by); --mine->second == 0) under_way_.erase(mine);
  const auto next = waiting_.pop([this](std::uint32_t node) { return has_place(node); });
  if (!next) return;
  take(next->first);
  next->second->turn.send(); // the interest withdraws before it is destroyed
}

resolution::line& resolution::line_of(lookup_cause cause) {
  struct lines {
    line of_dialled{dialled_at_once};
    line of_actors;
    line of_others{others_at_once, 1};
  };
  auto& all = base::of_process<lines>();
  if (cause == lookup_cause::dialled) return all.of_dialled;
  return cause == lookup_cause::actor ? all.of_actors : all.of_others;
}

resolution::interest::~interest() {
  if (waits_in != nullptr) waits_in->withdraw(*this);
  if (under_way == nullptr) return;
  under_way->wanted_by = nullptr;
  if (uv_cancel(reinterpret_cast<uv_req_t*>(&under_way->raw)) == 0) return;
  // Until the name server has answered, no other look-up shall wait for it.
  if (base::mono_now() - under_way->began >= hangs_after)
    failed().remember(host, UV_EAI_AGAIN, std::numeric_limits<base::nanos>::max());
}

base::status resolution::interest::begin(line* in_line) {
  auto fresh = std::make_unique<request>();
  fresh->raw.data = fresh.get();
  fresh->host = host;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  const std::string service = std::to_string(port);
  const int code =
      uv_getaddrinfo(loop, &fresh->raw, &resolution::finished, host.c_str(), service.c_str(), &hints);
  if (code != 0) {
    if (in_line != nullptr) in_line->leave(by);
    return unexpected(not_found(host, code));
  }
  fresh->in_line = in_line;
  fresh->by = by;
  fresh->wanted_by = this;
  under_way = fresh.release();
  return {};
}

base::status resolution::interest::wait_in_line() {
  auto woken = [this] {
    line& its = *std::exchange(waits_in, nullptr);
    if (const auto known_code = failed().find(host)) { // another look-up has failed meanwhile
      its.leave(by);
      return tell(unexpected(not_found(host, *known_code, failed_before)));
    }
    if (auto begun = begin(&its); !begun) tell(unexpected(std::move(begun.error())));
  };
  if (auto started = turn.start(loop, std::move(woken)); !started) return started;
  line& its = line_of(cause);
  return its.enter(*this) ? begin(&its) : base::status();
}

resolution::resolution() = default;
resolution::resolution(std::unique_ptr<interest> in) : interest_(std::move(in)) {}
resolution::resolution(resolution&& other) noexcept = default;
resolution& resolution::operator=(resolution&& other) noexcept = default;
resolution::~resolution() = default;

void size_lookup_pool() {
  setenv(pool_variable, pool_threads, 0); // fails only without memory; the pool then has its usual size
}

base::result<resolution> resolution::start(uv_loop_t* on, const std::string& host, std::uint16_t port,
                                           lookup_cause cause, done_fn done, std::uint32_t by) {
  auto made = std::make_unique<interest>(on, host, port, cause, by, std::move(done));
  base::status begun;
  if (const auto numeric = base::socket_address::parse(host, port))
    made->tell_soon(std::vector<base::socket_address>{*numeric});
  else if (const auto code = failed().find(host))
    made->tell_soon(unexpected(not_found(host, *code, failed_before)));
  else
    begun = cause == lookup_cause::own ? made->begin(nullptr) : made->wait_in_line();
  if (!begun) return unexpected(std::move(begun.error()));
  return resolution(std::move(made));
}

void resolution::finished(uv_getaddrinfo_t* raw, int code, addrinfo* found) {
  const std::unique_ptr<request> self(static_cast<request*>(raw->data));
  const std::unique_ptr<addrinfo, decltype(&uv_freeaddrinfo)> list(found, &uv_freeaddrinfo);
  if (self->in_line != nullptr) self->in_line->leave(self->by);
  base::contained("a look-up of a host", [&] { self->finish(code, found); });
}

void resolution::request::finish(int code, const addrinfo* found) {
  if (code == 0) failed().forget(host);
  if (code != 0 && code != UV_EAI_CANCELED && code != UV_ECANCELED)
    failed().remember(host, code, base::mono_now() + std::chrono::nanoseconds(failed_for).count());
  if (wanted_by == nullptr) return;
  interest& its = *wanted_by;
  its.under_way = nullptr;
  if (code != 0) return its.tell(unexpected(not_found(host, code)));
  std::vector<base::socket_address> addresses;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    if (auto address = base::socket_address::from_raw(each->ai_addr, each->ai_addrlen)) {
      addresses.push_back(*address);
    }
  }
  if (addresses.empty())
    return its.tell(base::fail(base::errc::not_found, "look up " + host + ": no IPv4 or IPv6 address"));
  its.tell(std::move(addresses));
}

} // namespace coppice::net
