// SPDX-License-Identifier: MIT
// A time in which the process can open no file: the state of a daemon that has used up its descriptors.
//
// An object of this class lowers the process's own limit to zero and puts it back when it ends. The process
// can open nothing meanwhile, so a test does in that time only what it is about, and makes its checks
// afterwards.
#pragma once

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <cerrno>
#include <system_error>

namespace coppice::test {

class no_descriptors {
 public:
  no_descriptors() {
    // UndefinedBehaviorSanitizer looks at the type behind a virtual call once, and needs a pipe for that:
    // without a descriptor it takes the object for none of its type. So the category of errors is called once
    // before.
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
