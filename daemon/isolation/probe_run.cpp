// SPDX-License-Identifier: MIT
// Runs the probe's steps and writes its answer. A static constructor that throws calls std::terminate, which
// the process cannot survive; the handler set here still writes an answer.
#include "isolation/probe_run.hpp"

#include <cxxabi.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <exception>
#include <memory>
#include <nlohmann/json.hpp>
#include <typeinfo>

#include "base/json_text.hpp"
#include "base/sanitizer.hpp"
#include "isolation/restore_run.hpp"
#include "loader/image.hpp"
#include "loader/trial.hpp"
#include "manifest/manifest.hpp"

namespace coppice::isolation {
namespace {

int answer_to = -1; // for the terminate handler, which gets no argument

int say(const nlohmann::json& answer) {
  const std::string text = base::json_text(answer) + "\n";
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t wrote = write(answer_to, text.data() + done, text.size() - done);
    if (wrote <= 0) return 1;
    done += static_cast<std::size_t>(wrote);
  }
  return answer["ok"].get<bool>() ? 0 : 1;
}

int refuse(const std::string& why) {
  return say({{"ok", false}, {"error", why}});
}

std::string type_name(const std::type_info& type) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> name(
      abi::__cxa_demangle(type.name(), nullptr, nullptr, &status), &std::free);
  return name ? name.get() : type.name();
}

[[noreturn]] void on_terminate() {
  std::string thrown = "std::terminate was called";
  if (const std::type_info* type = abi::__cxa_current_exception_type()) {
    thrown = "an exception of type " + type_name(*type);
    try {
      throw;
    } catch (const std::exception& exception) {
      thrown += fmt::format(" (\"{}\")", exception.what());
    } catch (...) {
    }
  }
  refuse(fmt::format(
      "{} while it was tried out: a static constructor threw, or a noexcept function did; do that "
      "work where it can fail",
      thrown));
  _exit(1);
}

void limit(int resource, rlim_t most) {
  const rlimit both{most, most};
  setrlimit(static_cast<__rlimit_resource_t>(resource), &both);
}

void limit_process() {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_CPU, 10);
  if (base::sanitized) return; // a sanitizer writes its report and needs its own addresses
  limit(RLIMIT_FSIZE, 0);
  limit(RLIMIT_AS, rlim_t{4} << 30);
}

} // namespace

int run_probe(const std::string& file, int answer_fd, int states_fd) {
  answer_to = answer_fd;
  limit_process();
  std::set_terminate(&on_terminate);
  // The original file's owner and mode were judged; this file is the daemon's copy.
  const auto declared = manifest::read(file, {.file_safety = false});
  if (!declared) return refuse(declared.error().text);
  host::identity_book identities;
  auto mapped = loader::image::open(file, *declared, 0, identities);
  if (!mapped) return refuse(mapped.error().text);
  if (states_fd >= 0) {
    const auto states = loader::read_states(states_fd);
    if (!states) return refuse(states.error().text);
    if (const auto restored = restore_all(**mapped, *states); !restored) return refuse(restored.error().text);
  }
  const auto closed = (*mapped)->close();
  if (!closed) return refuse(closed.error().text);
  return say({{"ok", true}, {"unloads", *closed}});
}

} // namespace coppice::isolation
