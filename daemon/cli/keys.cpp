// SPDX-License-Identifier: MIT
// The terminal's state is kept where a signal handler can put it back: tcsetattr(3) may be called there. See
// keys.hpp.
#include "cli/keys.hpp"

#include <poll.h>
#include <signal.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <utility>

namespace coppice::cli {
namespace {

constexpr std::array<int, 5> ending{SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
constexpr std::chrono::milliseconds rest_of_a_key{50}; // within which an escape sequence is whole

termios before{};
termios during{};

void put_back(int number) {
  tcsetattr(STDIN_FILENO, TCSANOW, &before);
  // Its default action follows as soon as this handler has returned.
  struct sigaction usual {};
  usual.sa_handler = SIG_DFL;
  sigaction(number, &usual, nullptr);
  raise(number);
}

void handle(int number);

// After a stop: the terminal's keys come one by one again.
void go_on(int) {
  tcsetattr(STDIN_FILENO, TCSANOW, &during);
  handle(SIGTSTP);
}

void handle(int number) {
  struct sigaction own {};
  own.sa_handler = number == SIGCONT ? &go_on : &put_back;
  own.sa_flags = SA_RESTART;
  sigaction(number, &own, nullptr);
}

constexpr std::array<std::pair<std::string_view, key>, 8> sequences{{{"\x1b[A", key::up},
                                                                     {"\x1b[B", key::down},
                                                                     {"\x1b[C", key::right},
                                                                     {"\x1b[D", key::left},
                                                                     {"\x1b[5~", key::page_up},
                                                                     {"\x1b[6~", key::page_down},
                                                                     {"\x1bOA", key::up},
                                                                     {"\x1bOB", key::down}}};

key of_byte(char byte) {
  switch (byte) {
    case 'q':
      return key::quit;
    case 'k':
      return key::up;
    case 'j':
      return key::down;
    case '<':
      return key::left;
    case '>':
      return key::right;
    case '\r':
    case '\n':
      return key::enter;
    case '\x7f':
    case '\b':
      return key::back;
    default:
      return key::other;
  }
}

} // namespace

std::optional<key> take_key(std::string& bytes, bool all) {
  if (bytes.empty()) return std::nullopt;
  if (bytes.front() != '\x1b') {
    const key found = of_byte(bytes.front());
    bytes.erase(0, 1);
    return found;
  }
  for (const auto& [sequence, found] : sequences) {
    if (bytes.starts_with(sequence)) {
      bytes.erase(0, sequence.size());
      return found;
    }
  }
  const bool is_beginning =
      std::ranges::any_of(sequences, [&bytes](const auto& one) { return one.first.starts_with(bytes); });
  if (is_beginning && !all) return std::nullopt;
  const bool is_escape = bytes.size() == 1;
  // An unknown sequence is one more byte, or one that opens a sequence, which ends with its first letter or
  // tilde.
  std::size_t end = 1;
  if (bytes.size() > 1 && (bytes[1] == '[' || bytes[1] == 'O'))
    while (++end < bytes.size() && bytes[end] < '@') {
    }
  bytes.erase(0, std::min(end + 1, bytes.size()));
  return is_escape ? key::back : key::other;
}

std::unique_ptr<keyboard> keyboard::open() {
  if (isatty(STDIN_FILENO) == 0 || tcgetattr(STDIN_FILENO, &before) != 0) return nullptr;
  during = before;
  during.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  during.c_cc[VMIN] = 1;
  during.c_cc[VTIME] = 0;
  std::unique_ptr<keyboard> made(new keyboard());
  for (const int number : ending) handle(number);
  handle(SIGCONT);
  tcsetattr(STDIN_FILENO, TCSANOW, &during);
  return made;
}

keyboard::~keyboard() {
  tcsetattr(STDIN_FILENO, TCSANOW, &before);
  struct sigaction usual {};
  usual.sa_handler = SIG_DFL;
  for (const int number : ending) sigaction(number, &usual, nullptr);
  sigaction(SIGCONT, &usual, nullptr);
}

std::optional<key> keyboard::wait(std::chrono::steady_clock::time_point until) {
  bool all = false;
  for (;;) {
    if (const auto found = take_key(bytes_, all)) return found;
    const auto now = std::chrono::steady_clock::now();
    const auto end = bytes_.empty() ? until : now + rest_of_a_key;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - now).count();
    pollfd input{STDIN_FILENO, POLLIN, 0};
    const int ready = ::poll(&input, 1, static_cast<int>(std::clamp<long long>(left, 0, 60'000)));
    if (ready < 0 && errno != EINTR) return key::quit;
    if (ready == 0 && bytes_.empty() && now >= until) return std::nullopt; // the keys so far are taken
    if (ready == 0) all = !bytes_.empty();
    if (ready <= 0) continue;
    std::array<char, 64> chunk;
    const ssize_t got = read(STDIN_FILENO, chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return key::quit;
    bytes_.append(chunk.data(), static_cast<std::size_t>(got));
  }
}

} // namespace coppice::cli
