// SPDX-License-Identifier: MIT
// Uses accept4 under a uv_poll rather than uv_listen, because libuv drops connections when descriptors run
// out and cannot pause. The loop's thread; only the count of connections is shared.
#include "net/listening/listener.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <vector>

#include "base/bound.hpp"
#include "base/clock.hpp"
#include "base/descriptors.hpp"
#include "base/log.hpp"
#include "base/log_counted.hpp"
#include "base/uv.hpp"
#include "net/listening/listening_socket.hpp"

namespace coppice::net {
namespace {

constexpr std::chrono::milliseconds between_looks{100};
// Accepts in one callback, so that a flood does not starve the loop's other handles.
const base::bound<int> accepts_at_once("net: connections accepted at once", 64);
constexpr std::size_t spare_descriptors = 4;

// The key by which the clients of one listener share places; at a Unix-domain socket, the user.
std::string share_of(int fd, const sockaddr_storage& from, socklen_t length) {
  if (const auto address = base::socket_address::from_raw(reinterpret_cast<const sockaddr*>(&from), length))
    return net::share_of(*address);
  ucred who{};
  length = sizeof who;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &length) != 0) return {};
  return {reinterpret_cast<const char*>(&who.uid), sizeof who.uid};
}

bool out_of_resources(int number) {
  return number == EMFILE || number == ENFILE || number == ENOBUFS || number == ENOMEM;
}

} // namespace

listen_options for_requests(std::string name, std::size_t places) {
  constexpr std::size_t busy_ones = 4;
  listen_options out;
  out.max_connections = busy_ones * places;
  out.admission =
      std::make_shared<net::admission_limit>(admission_options{.name = std::move(name), .places = places});
  return out;
}

class listener::inner {
 public:
  inner(listening_socket from, bool is_tcp, const listen_options& options, accept_fn accept)
      : socket_(std::move(from)),
        is_tcp_(is_tcp),
        options_(options),
        accept_(std::move(accept)),
        alive_(std::make_shared<std::atomic<std::size_t>>(0)) {}
  inner(const inner&) = delete;
  inner& operator=(const inner&) = delete;
  ~inner() {
    // A kept socket keeps its file: clients that connect from now on wait there for the next process.
    if (socket_.made && !socket_.place.stays()) unlink(socket_.path.c_str());
  }

  base::status watch(uv_loop_t* on) {
    auto made = base::uv::poll::make(on, socket_.fd.get(), [this](int, int) { accept_some(); });
    if (!made) return unexpected(std::move(made.error()));
    readable_ = std::move(*made);
    again_ = base::uv::timer(on, [this] { go_on(); });
    keep_spare();
    return readable_.start(UV_READABLE);
  }

  base::socket_address address() const {
    sockaddr_storage raw{};
    socklen_t length = sizeof raw;
    getsockname(socket_.fd.get(), reinterpret_cast<sockaddr*>(&raw), &length);
    return base::socket_address::from_raw(reinterpret_cast<sockaddr*>(&raw), length)
        .value_or(base::socket_address());
  }
  std::size_t connections() const { return alive_->load(std::memory_order_relaxed); }
  bool saturated() const { return saturated_; }
  bool suspended() const { return suspended_; }
  listener_counts counts() const { return counts_; }
  bool short_of_descriptors() const { return fits_ && connections() >= *fits_; }

  void suspend() {
    if (std::exchange(suspended_, true)) return;
    saturated_ = false;
    again_.stop();
    static_cast<void>(readable_.start(0));
  }
  void resume() {
    if (std::exchange(suspended_, false)) static_cast<void>(readable_.start(UV_READABLE));
  }
  void look_again() {
    if (saturated_) again_.start(std::chrono::milliseconds(0));
  }
  void set_shed(bool shed) { options_.shed = shed; }
  void set_access(base::access_list access) { options_.access = std::move(access); }

  // Closes the poll handle before the descriptor, and neither while accept_some() is running: dispose() keeps
  // the object until that has returned.
  void stop() {
    stopped_ = true;
    readable_.close();
    again_.close();
  }

  static void dispose(std::unique_ptr<inner> of) {
    if (!of->running_) return;
    inner* self = of.get();
    self->self_ = std::move(of);
  }

 private:
  // Spare descriptors let a listener that may take the last ones accept when all are in use: one is given up
  // for a connection, and taken again when one is free.
  void keep_spare() {
    if (!options_.may_take_last_descriptors) return;
    while (spare_.size() < spare_descriptors) {
      base::unique_fd one(fcntl(socket_.fd.get(), F_DUPFD_CLOEXEC, 0));
      if (!one) return;
      spare_.push_back(std::move(one));
    }
  }
  bool give_spare() {
    if (spare_.empty()) return false;
    spare_.pop_back();
    return true;
  }

  bool full() const {
    return (options_.max_connections != 0 && connections() >= options_.max_connections) ||
           (options_.limit && options_.limit->full());
  }
  std::size_t bound() const { return options_.limit ? options_.limit->most() : options_.max_connections; }

  void accept_some() {
    running_ = true;
    for (int i = 0; i < accepts_at_once && !stopped_ && !suspended_ && accept_one(); ++i) {
    }
    running_ = false;
    // If its own callback has closed the listener, this destroys the object.
    const std::unique_ptr<inner> last = std::move(self_);
  }

  bool accept_one() {
    if (full()) {
      const bool room_comes = somebody_waits() && make_room();
      if (room_comes || !options_.shed) return saturate("the bound of {} connections", bound());
    }
    sockaddr_storage from{};
    socklen_t length = sizeof from;
    const auto accept_next = [&] {
      return base::unique_fd(accept4(socket_.fd.get(), reinterpret_cast<sockaddr*>(&from), &length,
                                     SOCK_NONBLOCK | SOCK_CLOEXEC));
    };
    base::unique_fd taken = accept_next();
    int number = taken ? 0 : errno;
    if (taken) {
      keep_spare();
    } else if (out_of_resources(number) && somebody_waits() && give_spare()) {
      taken = accept_next();
      number = taken ? 0 : errno;
    }
    if (!taken) {
      // A connection that was reset while it waited is no reason to stop.
      if (!out_of_resources(number)) return number == ECONNABORTED || number == EINTR;
      dismiss_one();
      return saturate("{}", std::strerror(number));
    }
    if (!permits(from, length)) {
      ++counts_.refused;
      return refused();
    }
    if (full()) {
      ++counts_.shed;
      base::log::counted(base::log::level::warning, "net", "shed",
                         "{} closes connections at once: the bound of {} is reached", name(), bound());
      return refused();
    }
    const bool costs_another = descriptors_run_out(taken.get());
    if (costs_another && !dismiss_one()) {
      ++counts_.shed;
      refused();
      return pause(); // the shortage has been logged
    }
    admission_limit::place place;
    std::shared_ptr<connection_limit::connection> counted;
    if (options_.admission) place = options_.admission->enter(share_of(taken.get(), from, length));
    if (options_.limit) counted = options_.limit->enter(share_of(taken.get(), from, length), now());
    ++counts_.accepted;
    alive_->fetch_add(1, std::memory_order_relaxed);
    std::shared_ptr<void> token(nullptr,
                                [alive = alive_](void*) { alive->fetch_sub(1, std::memory_order_relaxed); });
    accept_({std::move(taken),
             is_tcp_,
             connection_slot(std::move(token), std::move(counted)),
             std::move(place),
             {}});
    return !costs_another; // the dismissed connection has to be gone before the next accept
  }

  bool refused() const {
    if (options_.on_refusal) options_.on_refusal();
    return true;
  }

  // Whether a new connection must replace another one, because descriptors are few. The kernel hands out the
  // lowest free descriptor, so one of the last shows that all are in use, and any other shows nothing. Once
  // all are, there may be as many connections as there were then, until a count says otherwise.
  bool descriptors_run_out(int newest) {
    if (options_.may_take_last_descriptors) return false;
    if (base::is_last_descriptor(newest)) limit_connections();
    if (!fits_ || connections() < *fits_) return false;
    const base::nanos now = base::mono_now();
    if (now - counted_ < base::nanos_per_second) return true;
    counted_ = now;
    if (!base::descriptors_are_few()) fits_.reset();
    return fits_.has_value();
  }

  void limit_connections() {
    const bool new_shortage = !fits_;
    // At least one: a listener without any connection would serve no client while others hold all
    // descriptors.
    fits_ = std::max<std::size_t>(1, connections());
    if (!new_shortage) return;
    base::log::counted(base::log::level::warning, "net", "saturated",
                       "{} serves no more than {} connections until some end: few file descriptors are left",
                       name(), *fits_);
  }

  bool permits(const sockaddr_storage& from, socklen_t length) const {
    if (!is_tcp_ || (options_.access.allow.empty() && options_.access.deny.empty())) return true;
    const auto who = base::socket_address::from_raw(reinterpret_cast<const sockaddr*>(&from), length);
    return who && options_.access.permits(*who);
  }
  std::string name() const { return is_tcp_ ? address().to_string() : socket_.path; }

  bool somebody_waits() const {
    pollfd one{socket_.fd.get(), POLLIN, 0};
    return ::poll(&one, 1, 0) == 1;
  }
  bool dismiss_one() const { return options_.admission && options_.admission->dismiss_one(); }
  bool make_room() {
    if (dismiss_one()) return true;
    if (!options_.limit || !options_.limit->full() || !options_.limit->make_room(now())) return false;
    base::log::counted(base::log::level::notice, "net", "makes room",
                       "{} has its bound of {} connections: of the address with the most of them, the one "
                       "ends that was quiet for longest",
                       name(), bound());
    return true;
  }
  std::uint64_t now() const { return uv_now(again_.loop_raw()); }

  template <class Why>
  bool saturate(fmt::format_string<Why> reason, Why&& why) {
    if (!saturated_) {
      base::log::counted(base::log::level::warning, "net", "saturated",
                         "{} accepts no more connections until some end: {}", name(),
                         fmt::format(reason, std::forward<Why>(why)));
    }
    return pause();
  }

  bool pause() {
    saturated_ = true;
    static_cast<void>(readable_.start(0));
    again_.start(between_looks);
    return false;
  }

  void go_on() {
    if (full() && !options_.shed) {
      if (somebody_waits()) make_room();
      again_.start(between_looks);
      return;
    }
    const bool was_full = std::exchange(saturated_, false);
    static_cast<void>(readable_.start(UV_READABLE));
    if (was_full) base::log::debug("net", "accepting connections again");
  }

  listening_socket socket_;
  bool is_tcp_;
  listen_options options_;
  accept_fn accept_;
  // shared with every connection_slot, because streams may outlive the listener and run on other threads
  std::shared_ptr<std::atomic<std::size_t>> alive_;
  base::uv::poll readable_;
  base::uv::timer again_;
  std::optional<std::size_t> fits_; // how many connections may be open; empty: descriptors are not few
  base::nanos counted_ = 0;         // when descriptors were last counted
  std::vector<base::unique_fd> spare_;
  listener_counts counts_;
  bool saturated_ = false;
  bool suspended_ = false;
  bool running_ = false;
  bool stopped_ = false;
  std::unique_ptr<inner> self_;
};

listener::listener() = default;
listener::listener(std::unique_ptr<inner> made) : inner_(std::move(made)) {}
listener::listener(listener&& other) noexcept = default;
listener::~listener() {
  close();
}

listener& listener::operator=(listener&& other) noexcept {
  if (this != &other) {
    close();
    inner_ = std::move(other.inner_);
  }
  return *this;
}

base::result<listener> listener::watched(uv_loop_t* on, base::result<listening_socket> opened, bool is_tcp,
                                         const listen_options& options, accept_fn accept) {
  if (!opened) return unexpected(std::move(opened.error()));
  auto made = std::make_unique<inner>(std::move(*opened), is_tcp, options, std::move(accept));
  if (auto watching = made->watch(on); !watching) return unexpected(std::move(watching.error()));
  return listener(std::move(made));
}

base::result<listener> listener::tcp(uv_loop_t* on, const base::socket_address& address, port_range ports,
                                     const listen_options& options, accept_fn accept) {
  return watched(on, open_tcp(address, ports, options.backlog, options.kept), true, options,
                 std::move(accept));
}

base::result<listener> listener::unix_socket(uv_loop_t* on, const unix_place& at,
                                             const listen_options& options, accept_fn accept) {
  return watched(on, open_unix(at, options.backlog, options.kept), false, options, std::move(accept));
}

base::result<listener> listener::adopt(uv_loop_t* on, base::unique_fd fd, const listen_options& options,
                                       accept_fn accept) {
  int family = 0;
  socklen_t length = sizeof family;
  if (getsockopt(fd.get(), SOL_SOCKET, SO_DOMAIN, &family, &length) != 0) {
    return base::fail_errno("adopt a listening socket", errno);
  }
  if (auto fits = listen_again(fd.get(), options.backlog); !fits) return unexpected(std::move(fits.error()));
  return watched(on, listening_socket{std::move(fd)}, family != AF_UNIX, options, std::move(accept));
}

base::result<listener> listener::named(uv_loop_t* on, socket_store& passed, std::string_view name,
                                       const listen_options& options, accept_fn accept) {
  auto opened = open_named(passed, name, options.backlog);
  const bool is_tcp = opened && opened->path.empty();
  return watched(on, std::move(opened), is_tcp, options, std::move(accept));
}

base::socket_address listener::address() const {
  return inner_->address();
}
std::size_t listener::connections() const {
  return inner_->connections();
}
bool listener::short_of_descriptors() const {
  return inner_->short_of_descriptors();
}

bool listener::saturated() const {
  return inner_->saturated();
}
listener_counts listener::counts() const {
  return inner_->counts();
}
void listener::suspend() {
  inner_->suspend();
}
void listener::resume() {
  inner_->resume();
}
bool listener::suspended() const {
  return inner_->suspended();
}
void listener::look_again() {
  inner_->look_again();
}
void listener::set_shed(bool shed) {
  inner_->set_shed(shed);
}
void listener::set_access(base::access_list access) {
  inner_->set_access(std::move(access));
}

void listener::close() {
  if (!inner_) return;
  inner_->stop();
  inner::dispose(std::move(inner_));
}

} // namespace coppice::net
