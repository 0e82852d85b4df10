// SPDX-License-Identifier: MIT
// Tests of a server that has work to continue with, after its start or a reload: that work precedes messages
// and the work of its streams, also if the streams asked for theirs first.
#include <doctest/doctest.h>

#include "test_host.hpp"

using namespace coppice;
using namespace coppice::behaviours;
using namespace coppice::test;

namespace {

// Notes the order of its callbacks. In init, and again for the message `again`, it asks for the turn of its
// streams before it has work to continue with.
class recorder final : public native_server {
 public:
  explicit recorder(diary& of) : native_server("recorder"), of_(of) {}

 protected:
  runtime::outcome on_start(runtime::process& self) override {
    (void)self.stay();
    self.request_io();
    continue_first(self);
    return runtime::carry_on();
  }
  runtime::outcome take_io(runtime::process&) override {
    of_.write("io");
    return runtime::carry_on();
  }
  runtime::outcome take_continue(runtime::process&) override {
    of_.write("continue");
    return runtime::carry_on();
  }
  runtime::outcome handle_info(runtime::process& self, const runtime::message& m) override {
    of_.write(text(m));
    if (!etf::cursor(m.bytes()).read_atom_is("again")) return runtime::carry_on();
    self.request_io();
    continue_first(self);
    return runtime::carry_on();
  }

 private:
  diary& of_;
};

} // namespace

TEST_CASE("work to continue with precedes the work of streams that was asked for before it") {
  using lines = std::vector<std::string>;
  test_host host;
  const auto pid = host.system.spawn({}, std::make_unique<recorder>(host.book));
  REQUIRE(pid);
  CHECK(host.book.take(2) == lines{"continue", "io"});
  host.system.send(*pid, term("again"));
  CHECK(host.book.take(3) == lines{"again", "continue", "io"});
  host.system.send(*pid, term("last"));
  CHECK(host.book.take(1) == lines{"last"});
}
