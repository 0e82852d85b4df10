// SPDX-License-Identifier: MIT
// Maps and unmaps with dlopen and dlclose. RTLD_NOW makes an unresolved symbol fail here and not in a
// handler. RTLD_LOCAL keeps a plugin's exports invisible to other plugins.
#include "loader/image.hpp"

#include <dlfcn.h>
#include <fmt/format.h>
#include <link.h>

#include "base/heap_account.hpp"
#include "host/actors/hosted_behaviours.hpp"
#include "host/boundary/host.hpp"
#include "loader/descriptor.hpp"

namespace coppice::loader {
namespace {

// dlopen's message without the file's path, which the caller adds.
std::string dl_trouble(const std::string& file) {
  const char* said = dlerror();
  std::string text = said == nullptr ? "unknown error" : said;
  if (text.starts_with(file + ": ")) text.erase(0, file.size() + 2);
  return text;
}

std::string with_remedy(std::string text) {
  const std::string_view symbol = "undefined symbol: ";
  if (const auto at = text.find(symbol); at != text.npos) {
    const std::string name = text.substr(at + symbol.size());
    return fmt::format(
        "unresolved symbol {}: link the library that defines it into the plugin; a plugin "
        "resolves nothing from the host",
        name);
  }
  return text;
}

struct search {
  std::uintptr_t address;
  bool found = false;
};

int covers(dl_phdr_info* info, std::size_t, void* context) {
  auto& wanted = *static_cast<search*>(context);
  for (unsigned i = 0; i < info->dlpi_phnum; ++i) {
    const auto& part = info->dlpi_phdr[i];
    const std::uintptr_t begin = info->dlpi_addr + part.p_vaddr;
    if (part.p_type == PT_LOAD && wanted.address >= begin && wanted.address - begin < part.p_memsz)
      return wanted.found = true, 1;
  }
  return 0;
}

} // namespace

bool is_mapped(const std::string& file) {
  struct named {
    const std::string& file;
  } wanted{file};
  const auto same = [](dl_phdr_info* info, std::size_t, void* context) {
    return info->dlpi_name != nullptr && static_cast<named*>(context)->file == info->dlpi_name ? 1 : 0;
  };
  return dl_iterate_phdr(same, &wanted) != 0;
}

bool is_mapped(const void* address) {
  search wanted{reinterpret_cast<std::uintptr_t>(address)};
  dl_iterate_phdr(&covers, &wanted);
  return wanted.found;
}

image::image(const manifest::manifest& promised, std::uint64_t generation, void* handle,
             const coppice_descriptor* descriptor)
    : plugin_image(promised.id, generation), handle_(handle), descriptor_(descriptor) {}

image::~image() {
  if (handle_ != nullptr) (void)close();
}

base::result<std::unique_ptr<image>> image::open(const std::string& file, const manifest::manifest& promised,
                                                 std::uint64_t generation, host::identity_book& identities) {
  const base::heap::charge to(base::heap::owner_of(promised.id));
  void* const handle = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) return base::fail(base::errc::refused, with_remedy(dl_trouble(file)));
  const auto refuse = [handle](base::error why) {
    dlclose(handle);
    return unexpected(std::move(why));
  };

  const auto* found = static_cast<const coppice_descriptor*>(dlsym(handle, "coppice_plugin"));
  if (found == nullptr)
    return refuse({base::errc::refused, "no descriptor: it exports no symbol coppice_plugin"});
  if (auto ok = check_descriptor(*found, promised); !ok) return refuse(std::move(ok.error()));

  if (found->init != nullptr) {
    coppice_error error;
    std::int32_t status = COPPICE_E_EXCEPTION;
    try {
      status = found->init(host::host_table(), &error);
    } catch (...) {
      error.text = "it threw an exception";
    }
    if (status != COPPICE_OK) {
      const std::string_view word = host::status_word(status);
      return refuse({base::errc::refused,
                     fmt::format("its init failed: {}", !error.text.empty() ? error.text
                                                        : word.empty()      ? fmt::format("status {}", status)
                                                                            : std::string(word))});
    }
  }
  std::unique_ptr<image> made(new image(promised, generation, handle, found));
  host::unhandled_by_type chosen;
  for (const auto& actor : promised.actors)
    if (const auto what = runtime::unhandled_of(actor.unhandled)) chosen.emplace(actor.name, *what);
  if (auto read = host::read_all(*found, *made, identities, chosen); !read) return unexpected(read.error());
  return made;
}

base::result<bool> image::close() {
  if (handle_ == nullptr) return true;
  if (pins() != 0)
    return base::fail(base::errc::exists,
                      fmt::format("plugin {} generation {}: {} actors, buffers or threads still need it",
                                  id(), generation(), pins()));
  const base::heap::charge to(charged());
  if (descriptor_->deinit != nullptr) descriptor_->deinit();
  const void* const address = descriptor_;
  dlclose(std::exchange(handle_, nullptr));
  descriptor_ = nullptr;
  return !is_mapped(address);
}

} // namespace coppice::loader
