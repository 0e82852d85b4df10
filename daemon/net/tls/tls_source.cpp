// SPDX-License-Identifier: MIT
// A certificate and its key are replaced one after the other. In between they do not match, which is noted,
// and tried again when the other file has changed too. Any thread.
#include "net/tls/tls_source.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <utility>

#include "base/log.hpp"
#include "base/open_files.hpp"
#include "net/tls/certificate.hpp"
#include "net/tls/certificate_folder.hpp"

namespace coppice::net {
namespace {

constexpr std::size_t max_file = 1024 * 1024;

base::status read_into(std::string& text, const std::string& path) {
  if (path.empty()) return {};
  auto read = base::read_regular_file(path, max_file);
  if (!read) return unexpected(std::move(read.error()));
  text = std::move(*read);
  return {};
}

// The settings for another name: its own certificate; the demands on peers are those of `general`.
base::result<tls_settings> texts_of(const tls_settings& general, const tls_pair_files& files) {
  tls_settings texts;
  texts.authorities = general.authorities;
  texts.verify_peer = general.verify_peer;
  texts.allow_tls_1_2 = general.allow_tls_1_2;
  if (auto read = read_into(texts.certificate, files.certificate); !read)
    return unexpected(std::move(read.error()));
  if (auto read = read_into(texts.key, files.key); !read) return unexpected(std::move(read.error()));
  return texts;
}

void note_end(std::vector<tls_source::own_certificate>& in, const std::string& file,
              const std::string& text) {
  if (const auto ends = end_of_validity(text)) in.push_back({file, *ends, {}});
}

} // namespace

base::result<std::shared_ptr<tls_source>> tls_source::open(tls_files files) {
  const std::shared_ptr<tls_source> made(new tls_source(std::move(files)));
  if (auto loaded = made->load(); !loaded) return unexpected(std::move(loaded.error()));
  return made;
}

base::result<std::shared_ptr<tls_source>> tls_source::automatic(std::string folder,
                                                                std::vector<std::string> names,
                                                                std::vector<std::string> protocols) {
  const auto paths = ensure_certificates(folder, names, base::wall_now());
  if (!paths) return unexpected(paths.error());
  auto made = open({paths->certificate, paths->key, "", false, false, std::move(protocols)});
  if (!made) return made;
  (*made)->folder_ = std::move(folder);
  (*made)->names_ = std::move(names);
  (*made)->renew_at_ = base::mono_now() + one_day;
  return made;
}

std::string tls_source::stamp() const {
  std::string out;
  std::vector<const std::string*> paths{&files_.certificate, &files_.key, &files_.authorities};
  for (const auto& [name, pair] : files_.by_name) paths.insert(paths.end(), {&pair.certificate, &pair.key});
  for (const std::string* path : paths) {
    struct stat info {};
    if (path->empty() || stat(path->c_str(), &info) != 0) {
      out += '-';
      continue;
    }
    out += fmt::format("{}.{}.{}.{};", info.st_ino, info.st_size, info.st_mtim.tv_sec, info.st_mtim.tv_nsec);
  }
  return out;
}

// Files that are in use, or are invalid, are not read again until they change. A failure to read them may be
// temporary, so it is tried again.
base::status tls_source::load() {
  const std::string as_of = stamp();
  auto done = load_files();
  if (done || done.error().code == base::errc::invalid) seen_ = as_of;
  return done;
}

base::status tls_source::load_files() {
  tls_settings texts;
  texts.verify_peer = files_.verify_peer;
  texts.allow_tls_1_2 = files_.allow_tls_1_2;
  if (auto read = read_into(texts.certificate, files_.certificate); !read) return read;
  if (auto read = read_into(texts.key, files_.key); !read) return read;
  if (auto read = read_into(texts.authorities, files_.authorities); !read) return read;
  if (auto usable = keep_usable(texts.authorities); !usable) return usable;
  const auto named = [this](base::error why) {
    return unexpected(
        std::move(why).context(files_.certificate.empty() ? files_.authorities : files_.certificate));
  };
  texts.protocols = files_.protocols;
  auto client = tls_context::make(tls_role::client, texts);
  if (!client) return named(std::move(client.error()));
  if (!files_.certificate.empty()) {
    std::vector<own_certificate> own;
    note_end(own, files_.certificate, texts.certificate);
    for (const auto& [name, pair] : files_.by_name) {
      auto read = texts_of(texts, pair);
      if (!read) return unexpected(std::move(read.error()).context(pair.certificate));
      auto made = tls_context::make(tls_role::server, *read);
      if (!made) return unexpected(std::move(made.error()).context(pair.certificate));
      texts.by_name.emplace(name, std::move(*made));
      note_end(own, pair.certificate, read->certificate);
    }
    auto server = tls_context::make(tls_role::server, texts);
    if (!server) return named(std::move(server.error()));
    server_ = std::move(*server);
    own_ = std::move(own);
  }
  client_ = std::move(*client);
  return {};
}

// Leaves out authorities that cannot be read, which only makes fewer certificates acceptable.
base::status tls_source::keep_usable(std::string& authorities) const {
  if (!files_.verify_peer || authorities.empty()) return {};
  auto read = read_certificates(authorities);
  if (!read) return unexpected(std::move(read.error()).context(files_.authorities + ": ca"));
  for (const std::string& why : read->unusable)
    base::log::warning("net", "{}: an authority (ca) is left out: {}", files_.authorities, why);
  authorities = std::move(read->usable);
  return {};
}

void tls_source::refresh() {
  if (!folder_.empty() && base::mono_now() >= renew_at_) {
    renew_at_ = base::mono_now() + one_day;
    if (const auto made = ensure_certificates(folder_, names_, base::wall_now()); !made) {
      base::log::warning("net", "certificates are not renewed: {}", made.error().text);
    }
  }
  if (stamp() == seen_) return;
  if (const auto loaded = load(); !loaded) {
    if (std::exchange(told_, loaded.error().text) != loaded.error().text)
      base::log::warning("net", "changed certificates are not used, the old ones stay: {}",
                         loaded.error().text);
    return;
  }
  told_.clear();
  base::log::notice("net", "new connections use the changed certificate {}",
                    files_.certificate.empty() ? files_.authorities : files_.certificate);
}

std::vector<tls_source::own_certificate> tls_source::own() {
  const std::lock_guard guard(lock_);
  refresh();
  std::vector<own_certificate> out = own_;
  for (own_certificate& one : out) one.unused = told_;
  return out;
}

std::shared_ptr<const tls_context> tls_source::server() {
  const std::lock_guard guard(lock_);
  refresh();
  return server_;
}

std::shared_ptr<const tls_context> tls_source::client() {
  const std::lock_guard guard(lock_);
  refresh();
  return client_;
}

} // namespace coppice::net
