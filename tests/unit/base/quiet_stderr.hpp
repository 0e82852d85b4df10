// SPDX-License-Identifier: MIT
// Standard error is /dev/null while an object of this class lives. For tests of code that writes to it.
// rooms: base
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include "base/file.hpp"

namespace coppice::test {

class quiet_stderr {
 public:
  quiet_stderr() : saved_(dup(STDERR_FILENO)) {
    const base::unique_fd null(open("/dev/null", O_WRONLY | O_CLOEXEC));
    dup2(null.get(), STDERR_FILENO);
  }
  ~quiet_stderr() { dup2(saved_.get(), STDERR_FILENO); }
  quiet_stderr(const quiet_stderr&) = delete;
  quiet_stderr& operator=(const quiet_stderr&) = delete;

 private:
  base::unique_fd saved_;
};

} // namespace coppice::test
