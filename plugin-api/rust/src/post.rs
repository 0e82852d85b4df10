// SPDX-License-Identifier: MIT
//! Posting from threads that are not the node's: `Poster` posts to its actor's `handle_info` from any thread, and
//! `OwnThread` is a thread that an actor has, joined when its state is dropped. A draft of the ABI: on a host without
//! it both are `Error::Unsupported`.

use crate::abi;
use crate::actor::Actor;
use crate::boundary::{drop_quietly, text_of};
use crate::host::{checked, Draft, Error};
use crate::message::Message;
use crate::writer::{Atom, Encode};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread::JoinHandle;

static POST: Draft<abi::PostApi> = Draft::named("coppice.post/draft-1\0");

struct Handle(*mut abi::Post);

// Safety: the host posts and closes on any thread, several at once.
unsafe impl Send for Handle {}
unsafe impl Sync for Handle {}

impl Drop for Handle {
    fn drop(&mut self) {
        if let Ok(api) = POST.need() {
            // Safety: this handle, once.
            unsafe { (api.close)(self.0) }
        }
    }
}

/// Posts to the actor that made it, on any thread. While one of its clones lives the plugin stays in memory, so a
/// thread that has one ends before the last of them is dropped: the actor's state keeps a clone and joins the thread
/// in `drop`, which is what `OwnThread` does.
#[derive(Clone)]
pub struct Poster(Arc<Handle>);

impl Poster {
    /// Never waits. `Error::Full`: dropped, since the mailbox is at its bound; `Error::NoProcess`: the actor has ended.
    pub fn post(&self, value: impl Encode) -> Result<(), Error> {
        let api = POST.need()?;
        let mut message = Message::new(value)?.give();
        // Safety: a handle that is open, and a message that is the host's from here on.
        match unsafe { (api.post)((self.0).0, &mut message) } {
            abi::OK => Ok(()),
            status => Err(Error::of(status)),
        }
    }
}

/// A thread of an actor's own. Dropping it, as the actor's state does at its end and in a reload, asks the thread to stop,
/// wakes it if it is parked (`std::thread::park`, `park_timeout`), and waits for its end.
pub struct OwnThread {
    stop: Arc<AtomicBool>,
    running: Option<JoinHandle<()>>,
    _in_memory: Poster,
}

impl Actor {
    /// A poster for a thread that this crate does not start, such as a library's.
    pub fn poster(&self) -> Result<Poster, Error> {
        let api = POST.need()?;
        let mut handle = std::ptr::null_mut();
        // Safety: the actor of the running callback, and a place for the handle.
        checked(unsafe { (api.open)(self.raw(), &mut handle) })?;
        Ok(Poster(Arc::new(Handle(handle))))
    }

    /// Starts a thread that runs `work` with a poster to this actor, and with a flag that tells it to stop, which it
    /// has to look at from time to time. Debuggers show the first 15 bytes of `name`. A panic in it is posted to the
    /// actor as `{panic, Text}`. A state that is restored has no thread until `after_restore` starts it again.
    /// `Error::Memory`: the system has no more threads.
    pub fn own_thread<F>(&self, name: &str, work: F) -> Result<OwnThread, Error>
    where
        F: FnOnce(&Poster, &AtomicBool) + Send + 'static,
    {
        let poster = self.poster()?;
        let stop = Arc::new(AtomicBool::new(false));
        let (post, stopping) = (poster.clone(), stop.clone());
        let body = move || {
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| work(&post, &stopping))) {
                let _ = post.post((Atom("panic"), text_of(&*panic).as_str())); // an actor that has ended needs none
                drop_quietly(panic);
            }
        };
        let running = std::thread::Builder::new().name(name.into()).spawn(body).map_err(|_| Error::Memory)?;
        Ok(OwnThread { stop, running: Some(running), _in_memory: poster })
    }
}

impl Drop for OwnThread {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(running) = self.running.take() {
            running.thread().unpark();
            let _ = running.join(); // its panic has been posted
        }
    }
}
