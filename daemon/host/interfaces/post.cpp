// SPDX-License-Identifier: MIT
// "coppice.post/draft-1": messages from a plugin's own threads. The actor and its handles share a target,
// since any of them may be the last user. The actor's end shuts the target, so that no thread uses a system
// that is ending. A handle keeps the plugin's code in memory. open runs in the process's own turn, post and
// close on any thread.
#include "host/boundary/entry.hpp"
#include "runtime/system.hpp"

struct coppice_post {
  std::shared_ptr<coppice::host::post_target> target;
  coppice::host::image_pin_for<coppice::host::pin_of::thread> image;
};

namespace coppice::host {
namespace {

std::int32_t open(coppice_actor* self, coppice_post** out_new) {
  if (out_new == nullptr) return COPPICE_E_INVALID;
  *out_new = nullptr;
  if (const std::int32_t status = may_call(self); status != COPPICE_OK) return status;
  auto& target = self->needs_extra().posts.shared;
  if (target == nullptr) target = std::make_shared<post_target>(self->process->host(), self->process->self());
  *out_new =
      std::make_unique<coppice_post>(coppice_post{target, image_pin_for<pin_of::thread>(*self->image.get())})
          .release();
  return COPPICE_OK;
}

std::int32_t post(coppice_post* handle, coppice_message* term) {
  // This may be a handler's own thread: the message goes through its worker, which must not be replaced
  // meanwhile.
  const runtime::host_code ours(runtime::system::current_process());
  runtime::message m = take(term);
  if (handle == nullptr) return COPPICE_E_INVALID;
  if (!m) return COPPICE_E_TERM;
  const auto target = handle->target; // a copy: a displaced message may run the plugin's code, which closes
  return target->post(std::move(m));
}

void close(coppice_post* handle) {
  const std::unique_ptr<coppice_post> owned(handle);
}

} // namespace

std::int32_t post_target::post(runtime::message m) {
  runtime::system* host = nullptr;
  {
    const std::lock_guard held(lock_);
    if (host_ == nullptr) return COPPICE_E_NOPROC;
    host = host_;
    ++inside_;
  }
  // Without the lock: a message that this one displaces may be a buffer of the plugin, and freeing it runs
  // the plugin's code, which may post too.
  std::int32_t status = COPPICE_E_NOPROC;
  if (host->alive(to_))
    status = host->send(to_, std::move(m)) == runtime::send_status::full ? COPPICE_E_FULL : COPPICE_OK;
  const std::lock_guard held(lock_);
  if (--inside_ == 0) left_.notify_all();
  return status;
}

void post_target::shut() {
  std::unique_lock held(lock_);
  host_ = nullptr;
  left_.wait(held, [this] { return inside_ == 0; });
}

const coppice_post_api* post_interface() {
  static const coppice_post_api table = {
      .size = sizeof(coppice_post_api),
      .reserved = 0,
      .open = &entry<&open>::call,
      .post = &plain_entry<&post>::call,
      .close = &plain_entry<&close>::call,
  };
  return &table;
}

} // namespace coppice::host
