// SPDX-License-Identifier: MIT
// Makes opening files impossible for a while: the state of a daemon that has used up its descriptors.
//
// The constructor sets the process's limit of open files to zero, and the destructor restores it. Nothing in
// the process can open a file in between, so a test does only the tested work in that time, and makes its
// checks afterwards.
#pragma once

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <cerrno>
#include <system_error>

namespace coppice::test {

class no_descriptors {
 public:
  no_descriptors() {
    // UndefinedBehaviorSanitizer checks an object's type at the first virtual call on it, and needs a pipe
    // for that check. Without a descriptor the check fails and the object counts as one of a wrong type. So
    // the error category is called once before the limit is lowered.
    [[maybe_unused]] const std::string text = std::generic_category().message(EMFILE);
    REQUIRE(getrlimit(RLIMIT_NOFILE, &usual_) == 0);
    const rlimit none{0, usual_.rlim_max};
    REQUIRE(setrlimit(RLIMIT_NOFILE, &none) == 0);
  }
  ~no_descriptors() { CHECK(setrlimit(RLIMIT_NOFILE, &usual_) == 0); }
  no_descriptors(const no_descriptors&) = delete;
  no_descriptors& operator=(const no_descriptors&) = delete;

 private:
  rlimit usual_{};
};

} // namespace coppice::test
