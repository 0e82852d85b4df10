// SPDX-License-Identifier: MIT
// OTP's side of a comparison: runs an escript that answers each line with a line. One thread.
#pragma once

#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

namespace coppice::test {

class otp {
 public:
  explicit otp(const char* script) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) return;
    child_ = ::fork();
    if (child_ == 0) {
      ::dup2(ends[1], 0);
      ::dup2(ends[1], 1);
      ::close(ends[0]);
      ::execlp("escript", "escript", script, nullptr);
      ::_exit(127);
    }
    ::close(ends[1]);
    stream_ = ends[0];
  }
  ~otp() {
    if (stream_ >= 0) ::close(stream_);
    if (child_ > 0) ::waitpid(child_, nullptr, 0);
  }
  otp(const otp&) = delete;
  otp& operator=(const otp&) = delete;

  // False: the escript does not run.
  bool tell(const std::string& event) {
    const std::string line = event + ".\n";
    for (std::size_t done = 0; done < line.size();) {
      const auto sent = ::send(stream_, line.data() + done, line.size() - done, MSG_NOSIGNAL);
      if (sent <= 0) return false;
      done += static_cast<std::size_t>(sent);
    }
    return true;
  }
  // The answer to the oldest line that has no answer yet. Empty: the escript does not run.
  std::string hear() {
    std::size_t end;
    while ((end = heard_.find('\n')) == heard_.npos) {
      char some[4096];
      const auto got = ::recv(stream_, some, sizeof some, 0);
      if (got <= 0) return {};
      heard_.append(some, static_cast<std::size_t>(got));
    }
    std::string line = heard_.substr(0, end);
    heard_.erase(0, end + 1);
    return line;
  }
  std::string ask(const std::string& event) { return tell(event) ? hear() : std::string(); }

 private:
  pid_t child_ = -1;
  int stream_ = -1;
  std::string heard_;
};

} // namespace coppice::test
