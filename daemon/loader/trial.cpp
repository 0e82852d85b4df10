// SPDX-License-Identifier: MIT
// Format of the file: a record is its size (four bytes in host order, as both ends are the same machine) and
// the term {Label, Actor, Application, Version, Args, Env, State}. Each of the last three is {Term}, or {} if
// absent.
#include "loader/trial.hpp"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <coppice/etf/cursor.hpp>
#include <coppice/etf/writer.hpp>
#include <cstring>

namespace coppice::loader {
namespace {

using runtime::message;

void write_term(etf::writer& out, const message& term) {
  out.tuple(term ? 1 : 0);
  if (term) out.raw(term.bytes());
}

bool read_term(etf::cursor& at, message& term) {
  std::uint32_t present = 0;
  etf::bytes bytes;
  if (!at.read_tuple(present) || present > 1) return false;
  if (present == 0) return true;
  if (!at.read_term(bytes)) return false;
  term = message::copy_of(bytes);
  return true;
}

bool read_text(etf::cursor& at, std::string& text) {
  etf::bytes bytes;
  if (!at.read_binary(bytes)) return false;
  text.assign(bytes.begin(), bytes.end());
  return true;
}

std::vector<std::uint8_t> encode(const trial_state& from) {
  etf::vector_writer out(from.saved.term.size() + from.origin.args.size() + 256);
  out.tuple(6);
  out.binary(from.label);
  out.binary(from.actor);
  out.integer(from.saved.version);
  write_term(out, from.origin.args);
  write_term(out, from.origin.env);
  write_term(out, from.saved.term);
  return out.take();
}

bool decode(etf::bytes from, trial_state& into) {
  etf::cursor at(from);
  std::int64_t version = 0;
  if (!at.read_tuple_of(6) || !read_text(at, into.label) || !read_text(at, into.actor) ||
      !at.read_integer(version))
    return false;
  into.saved.version = static_cast<std::uint32_t>(version);
  return read_term(at, into.origin.args) && read_term(at, into.origin.env) && read_term(at, into.saved.term);
}

base::status write_all(int fd, const void* data, std::size_t size) {
  const auto* at = static_cast<const char*>(data);
  while (size != 0) {
    const ssize_t done = ::write(fd, at, size);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return base::fail_errno("write saved states", errno);
    at += done;
    size -= static_cast<std::size_t>(done);
  }
  return {};
}

} // namespace

base::result<base::unique_fd> write_states(const std::vector<trial_state>& states) {
  base::unique_fd file(memfd_create("coppice-states", MFD_CLOEXEC));
  if (!file) return base::fail_errno("memfd_create", errno);
  for (const trial_state& one : states) {
    const std::vector<std::uint8_t> record = encode(one);
    if (record.size() > UINT32_MAX)
      return base::fail(base::errc::limit, one.label + ": its state is larger than 4 GiB");
    const auto size = static_cast<std::uint32_t>(record.size());
    if (auto done = write_all(file.get(), &size, sizeof size); !done) return unexpected(done.error());
    if (auto done = write_all(file.get(), record.data(), size); !done) return unexpected(done.error());
  }
  return file;
}

base::result<std::vector<trial_state>> read_states(int fd) {
  struct stat info {};
  if (fstat(fd, &info) != 0) return base::fail_errno("stat saved states", errno);
  const auto size = static_cast<std::size_t>(info.st_size);
  std::vector<trial_state> out;
  if (size == 0) return out;
  void* const mapping = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (mapping == MAP_FAILED) return base::fail_errno("map saved states", errno);
  etf::bytes all(static_cast<const std::uint8_t*>(mapping), size);
  base::status read;
  while (!all.empty() && read) {
    std::uint32_t length = 0;
    if (all.size() >= sizeof length) std::memcpy(&length, all.data(), sizeof length);
    const bool whole = all.size() >= sizeof length && all.size() - sizeof length >= length;
    if (!whole || !decode(all.subspan(sizeof length, length), out.emplace_back()))
      read = base::fail(base::errc::invalid, "the saved states can't be read");
    else
      all = all.subspan(sizeof length + length);
  }
  munmap(mapping, size);
  if (!read) return unexpected(read.error());
  return out;
}

} // namespace coppice::loader
