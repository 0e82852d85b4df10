// SPDX-License-Identifier: MIT
// Hosts, their names and addresses, and a program's view of its own process: each host has a process number
// of its own, which changes when the host is started again.
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>

#include "descriptors.hpp"
#include "hosts.hpp"

namespace coppice::simulated {
namespace {

constexpr std::uint32_t network_of_hosts = 10U << 24; // 10.0.0.0

std::array<host, most_hosts>& all_hosts() {
  static auto* const all = new std::array<host, most_hosts>; // NOLINT: lives as long as the process
  return *all;
}

unsigned here() {
  return current() == nullptr ? 0 : current()->host;
}

std::optional<std::uint32_t> resolve(const char* name) {
  in_addr number{};
  if (inet_pton(AF_INET, name, &number) == 1) return ntohl(number.s_addr);
  if (std::strcmp(name, "localhost") == 0) return INADDR_LOOPBACK;
  if (name[0] == 'h' && name[1] > '0' && name[1] < '0' + static_cast<int>(most_hosts) && name[2] == 0)
    return address_of(static_cast<unsigned>(name[1] - '0'));
  return std::nullopt;
}

// Waits for the name server. False: it has no answer.
bool answers(const char* name) {
  const auto address = resolve(name);
  const unsigned number = address ? host_of(*address, 0) : most_hosts;
  const naming how = number < most_hosts ? host_at(number).named : naming::good;
  nanos longest = 30 * millisecond;
  if (how == naming::late) longest = 10 * second;
  if (how == naming::failing && one_in(2)) longest = 30 * second;
  wait(nullptr, now() + draw_between(millisecond / 10, longest));
  return how != naming::failing;
}

} // namespace

host& host_at(unsigned number) {
  return all_hosts()[number];
}

std::uint32_t address_of(unsigned number) {
  return network_of_hosts + number;
}

unsigned host_of(std::uint32_t address, unsigned asker) {
  if (address >> 24 == 127) return asker;
  const std::uint32_t number = address - network_of_hosts;
  return address > network_of_hosts && number < most_hosts ? number : most_hosts;
}

} // namespace coppice::simulated

using namespace coppice::simulated; // NOLINT: what follows are libc's names

extern "C" {

// Takes as long as a question to another machine, unless the name is an address. The outcome is that of
// host::named.
int getaddrinfo(const char* name, const char* service, const addrinfo* hints, addrinfo** found) {
  *found = nullptr;
  in_addr number{};
  const bool numeric = name == nullptr || inet_pton(AF_INET, name, &number) == 1;
  if (!numeric && current() != nullptr && !answers(name)) return EAI_AGAIN;
  const bool passive = hints != nullptr && (hints->ai_flags & AI_PASSIVE) != 0;
  const auto address =
      name == nullptr ? std::optional<std::uint32_t>(passive ? INADDR_ANY : INADDR_LOOPBACK) : resolve(name);
  if (!address || (hints != nullptr && hints->ai_family != AF_UNSPEC && hints->ai_family != AF_INET))
    return EAI_NONAME;
  struct one_answer {
    addrinfo info;
    sockaddr_in address;
  };
  auto* const made = static_cast<one_answer*>(std::calloc(1, sizeof(one_answer)));
  if (made == nullptr) return EAI_MEMORY;
  made->address.sin_family = AF_INET;
  made->address.sin_addr.s_addr = htonl(*address);
  made->address.sin_port = htons(static_cast<std::uint16_t>(service == nullptr ? 0 : std::atoi(service)));
  made->info.ai_family = AF_INET;
  made->info.ai_socktype = hints != nullptr && hints->ai_socktype != 0 ? hints->ai_socktype : SOCK_STREAM;
  made->info.ai_protocol = IPPROTO_TCP;
  made->info.ai_addrlen = sizeof made->address;
  made->info.ai_addr = reinterpret_cast<sockaddr*>(&made->address);
  *found = &made->info;
  return 0;
}

void freeaddrinfo(addrinfo* one) noexcept {
  std::free(one); // NOLINT: made by getaddrinfo above
}

int getnameinfo(const sockaddr*, socklen_t, char*, socklen_t, char*, socklen_t, int) {
  return EAI_NONAME;
}

int getifaddrs(ifaddrs** all) noexcept {
  *all = nullptr;
  return 0;
}

void freeifaddrs(ifaddrs*) noexcept {}

unsigned if_nametoindex(const char*) noexcept {
  errno = ENODEV;
  return 0;
}

char* if_indextoname(unsigned, char*) noexcept {
  errno = ENXIO;
  return nullptr;
}

int gethostname(char* into, size_t most) noexcept {
  const std::array<char, 3> name{'h', static_cast<char>('0' + here()), 0};
  if (most < name.size()) return said(-ENAMETOOLONG);
  std::ranges::copy(name, into);
  return 0;
}

pid_t getpid() noexcept {
  const unsigned number = here();
  return static_cast<pid_t>(1000 * number + host_at(number).lives);
}

pid_t getppid() noexcept {
  return 1;
}

int getrusage(__rusage_who_t, rusage* into) noexcept {
  *into = {};
  if (current() == nullptr) return 0;
  into->ru_utime.tv_sec = current()->ran / second;
  into->ru_utime.tv_usec = current()->ran % second / microsecond;
  into->ru_maxrss = 64 * 1024;
  return 0;
}

int getrlimit64(__rlimit_resource_t what, rlimit64* into) noexcept {
  *into = {RLIM64_INFINITY, RLIM64_INFINITY};
  if (what == RLIMIT_NOFILE) *into = {most_descriptors, most_descriptors};
  return 0;
}

int getrlimit(__rlimit_resource_t what, rlimit* into) noexcept {
  return getrlimit64(what, reinterpret_cast<rlimit64*>(into));
}

int setrlimit64(__rlimit_resource_t, const rlimit64*) noexcept {
  return 0;
}

int setrlimit(__rlimit_resource_t, const rlimit*) noexcept {
  return 0;
}

int sysinfo(struct sysinfo* into) noexcept {
  *into = {};
  into->totalram = 4UL << 30;
  into->freeram = 2UL << 30;
  into->mem_unit = 1;
  return 0;
}

} // extern "C"
