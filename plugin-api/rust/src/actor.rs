// SPDX-License-Identifier: MIT
//! The functions of an actor as a process, for use inside of its callbacks. Destinations are those of Erlang: a pid, a
//! name (`Atom`), `(Atom(name), Atom(node))`, or an alias. Times are durations from now.

use crate::abi;
use crate::host::{self, checked, parking, Error};
use crate::message::Message;
use crate::term::{OwnedTerm, TermBytes};
use crate::writer::Encode;
use std::convert::TryFrom;
use std::time::Duration;

/// The actor whose callback runs. It is lent to the callback and cannot be kept.
pub struct Actor {
    raw: *mut abi::Actor,
}

/// Why a call brought no reply.
#[derive(Debug)]
pub enum CallError {
    /// The other process ended, with this reason.
    Exit(Message),
    /// There was no answer.
    Failed(Error),
}

impl From<Error> for CallError {
    fn from(error: Error) -> CallError {
        CallError::Failed(error)
    }
}

/// The level of a line of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Level {
    Error,
    Warning,
    Info,
    Debug,
}

/// How a signal is sent, and the kind of an alias; several are joined by `|`. Each function says which it takes, any
/// other is `Error::Unsupported`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(u32);

impl Flags {
    /// A priority message, as in OTP 28: received before all ordinary ones that wait. To a priority alias only.
    pub const PRIORITY: Flags = Flags(1);
    /// Opens no connection to another node: `Error::NodeDown` if there is none.
    pub const NO_CONNECT: Flags = Flags(2);
    /// Never waits: `Error::Full` where it would have waited for room.
    pub const NO_WAIT: Flags = Flags(4);
    /// For an alias: it ends with the first message that comes by it.
    pub const ONCE: Flags = Flags(8);
}

impl std::ops::BitOr for Flags {
    type Output = Flags;
    fn bitor(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }
}

static AWAIT: host::Draft<abi::AwaitApi> = host::Draft::named("coppice.await/draft-1\0");

pub(crate) fn deadline(timeout: Duration) -> Result<i64, Error> {
    let api = host::timer().ok_or(Error::Context)?;
    let ahead = i64::try_from(timeout.as_nanos()).unwrap_or(i64::MAX);
    // Safety: takes nothing. 0 would mean the default.
    Ok(unsafe { (api.now)() }.saturating_add(ahead).max(1))
}

impl Actor {
    // Only for the callback that has `raw`.
    pub(crate) fn lent(raw: *mut abi::Actor) -> Actor {
        Actor { raw }
    }

    pub(crate) fn raw(&self) -> *mut abi::Actor {
        self.raw
    }

    fn api() -> Result<&'static abi::ActorApi, Error> {
        host::actor().ok_or(Error::Context)
    }

    fn own(
        &self,
        which: impl FnOnce(&abi::ActorApi) -> unsafe extern "C" fn(*mut abi::Actor) -> abi::Bytes,
    ) -> TermBytes<'_> {
        match host::actor() {
            // Safety: borrowed until the callback returns, as `self` is.
            Some(api) => TermBytes::believed(unsafe { which(api)(self.raw).view() }),
            None => TermBytes::believed(&[]),
        }
    }

    /// Its pid.
    pub fn pid(&self) -> TermBytes<'_> {
        self.own(|api| api.self_borrowed)
    }

    /// The pid of the process that started it; None if it is not known.
    pub fn parent(&self) -> Option<TermBytes<'_>> {
        Some(self.own(|api| api.parent_borrowed)).filter(|pid| !pid.bytes().is_empty())
    }

    /// The node's name, an atom.
    pub fn node(&self) -> TermBytes<'_> {
        self.own(|api| api.node_borrowed)
    }

    /// Its arguments, as `init` had them.
    pub fn args(&self) -> TermBytes<'_> {
        self.own(|api| api.args_borrowed)
    }

    /// The application's env, a map.
    pub fn env(&self) -> TermBytes<'_> {
        self.own(|api| api.env_borrowed)
    }

    /// Sends a message. Waits for room at a full receiver's; `Error::Full` if it was dropped there. A missing
    /// receiver is no error.
    pub fn send(&self, to: impl Encode, message: impl Encode) -> Result<(), Error> {
        self.send_with(to, message, Flags::default())
    }

    /// The same with flags: `PRIORITY`, `NO_CONNECT`, `NO_WAIT`.
    pub fn send_with(&self, to: impl Encode, message: impl Encode, how: Flags) -> Result<(), Error> {
        let to = OwnedTerm::new(to)?;
        let mut message = Message::new(message)?.give();
        let api = parking(host::actor())?;
        // Safety: the bytes are borrowed, the message is taken.
        checked(unsafe { (api.send)(self.raw, view(&to), &mut message, how.0) })?;
        Ok(())
    }

    /// `gen_server:cast`. Waits for room.
    pub fn cast(&self, to: impl Encode, message: impl Encode) -> Result<(), Error> {
        self.cast_with(to, message, Flags::default())
    }

    /// The same with flags: `PRIORITY`, `NO_CONNECT`, `NO_WAIT`.
    pub fn cast_with(&self, to: impl Encode, message: impl Encode, how: Flags) -> Result<(), Error> {
        let to = OwnedTerm::new(to)?;
        let mut message = Message::new(message)?.give();
        let api = parking(host::call())?;
        // Safety: the bytes are borrowed, the message is taken.
        checked(unsafe { (api.cast)(self.raw, view(&to), &mut message, how.0) })?;
        Ok(())
    }

    /// `gen_server:call`. Waits for the answer; one that comes after the timeout is dropped, never delivered.
    pub fn call(&self, to: impl Encode, request: impl Encode, timeout: Duration) -> Result<Message, CallError> {
        let to = OwnedTerm::new(to)?;
        let deadline = deadline(timeout)?;
        let mut request = Message::new(request)?.give();
        let mut answer = abi::RawMessage::empty();
        let api = parking(host::call())?;
        // Safety: the bytes are borrowed, the request is taken, the answer is ours.
        let status = unsafe { (api.call)(self.raw, view(&to), &mut request, deadline, &mut answer) };
        ended(status, Message::taken(answer))
    }

    /// Many calls at once, each with its own request: they are made in parallel, and the answers come in the order of
    /// the requests. Waits for all of them, at most for the timeout.
    pub fn call_many<To: Encode, Request: Encode>(
        &self,
        asked: impl IntoIterator<Item = (To, Request)>,
        timeout: Duration,
    ) -> Result<Vec<Result<Message, CallError>>, Error> {
        let mut terms = Vec::new();
        for (to, request) in asked {
            terms.push((OwnedTerm::new(to)?, OwnedTerm::new(request)?));
        }
        let items: Vec<abi::CallItem> =
            terms.iter().map(|(to, what)| abi::CallItem { destination: view(to), request: view(what) }).collect();
        let empty = || abi::CallAnswer { message: abi::RawMessage::empty(), status: abi::OK, reserved: 0 };
        let mut answers: Vec<abi::CallAnswer> = items.iter().map(|_| empty()).collect();
        let deadline = deadline(timeout)?;
        let api = parking(host::call())?;
        // Safety: the items are borrowed, the answers are ours, as many as were asked.
        let status = unsafe {
            (api.call_many)(self.raw, items.as_ptr(), items.len() as u64, deadline, answers.as_mut_ptr())
        };
        let answers: Vec<(i32, Message)> =
            answers.into_iter().map(|each| (each.status, Message::taken(each.message))).collect();
        checked(status)?;
        Ok(answers.into_iter().map(|(status, answer)| ended(status, answer)).collect())
    }

    /// Waits here for the answer of a request, until the deadline that the request was made with: `on_response` is not
    /// called for it then. `Error::NotFound`: there is no such request, or its answer was taken before. A draft of the
    /// ABI: `Error::Unsupported` on a host without it.
    pub fn await_answer(&self, id: u64) -> Result<Message, CallError> {
        let api = parking(Some(AWAIT.need()?))?;
        let mut answer = abi::RawMessage::empty();
        // Safety: an id is a number, the answer is ours.
        let status = unsafe { (api.r#await)(self.raw, id, &mut answer) };
        ended(status, Message::taken(answer))
    }

    /// Sends a request without waiting for the answer, which arrives at `on_response` with the id returned here and
    /// `tag`, in this code or, after a reload, in the new code. For thousands of open requests. Waits for room.
    pub fn request(&self, to: impl Encode, request: impl Encode, timeout: Duration, tag: u64) -> Result<u64, Error> {
        let to = OwnedTerm::new(to)?;
        let deadline = deadline(timeout)?;
        let mut request = Message::new(request)?.give();
        let mut id = 0;
        let api = parking(host::call())?;
        // Safety: the bytes are borrowed, the request is taken.
        checked(unsafe { (api.request)(self.raw, view(&to), &mut request, deadline, tag, &mut id) })?;
        Ok(id)
    }

    /// Forgets a request: `Error::NotFound` if it was answered.
    pub fn cancel_request(&self, id: u64) -> Result<(), Error> {
        let api = host::call().ok_or(Error::Context)?;
        // Safety: an id is a number.
        checked(unsafe { (api.cancel)(self.raw, id) })?;
        Ok(())
    }

    /// Answers a call that `handle_call` left for later.
    pub fn reply(&self, from: TermBytes<'_>, value: impl Encode) -> Result<(), Error> {
        self.reply_with(from, Message::new(value)?)
    }

    pub(crate) fn reply_with(&self, from: TermBytes<'_>, message: Message) -> Result<(), Error> {
        let api = host::call().ok_or(Error::Context)?;
        let mut message = message.give();
        // Safety: the bytes are borrowed, the message is taken.
        checked(unsafe { (api.reply)(self.raw, abi::Bytes::of(from.bytes()), &mut message) })?;
        Ok(())
    }

    /// Links. If the process is missing, an exit signal with `noproc` comes, as in Erlang.
    pub fn link(&self, pid: impl Encode) -> Result<(), Error> {
        let pid = OwnedTerm::new(pid)?;
        // Safety: here and below the arguments are borrowed for the call.
        checked(unsafe { (Self::api()?.link)(self.raw, view(&pid), 0) })?;
        Ok(())
    }

    /// Ends a link.
    pub fn unlink(&self, pid: impl Encode) -> Result<(), Error> {
        let pid = OwnedTerm::new(pid)?;
        checked(unsafe { (Self::api()?.unlink)(self.raw, view(&pid)) })?;
        Ok(())
    }

    /// The exit signal `exit(Pid, Reason)`; to end the actor itself, return `Exit` instead.
    pub fn exit(&self, pid: impl Encode, reason: impl Encode) -> Result<(), Error> {
        self.exit_with(pid, reason, Flags::default())
    }

    /// The same with flags: `PRIORITY`, by a priority alias; `NO_CONNECT`.
    pub fn exit_with(&self, pid: impl Encode, reason: impl Encode, how: Flags) -> Result<(), Error> {
        let (pid, reason) = (OwnedTerm::new(pid)?, OwnedTerm::new(reason)?);
        checked(unsafe { (Self::api()?.exit)(self.raw, view(&pid), view(&reason), how.0) })?;
        Ok(())
    }

    /// Whether exit signals arrive at `handle_info` as {'EXIT', Pid, Reason}; returns the former value.
    pub fn trap_exit(&self, on: bool) -> Result<bool, Error> {
        let mut old = 0;
        checked(unsafe { (Self::api()?.trap_exit)(self.raw, on.into(), &mut old) })?;
        Ok(old != 0)
    }

    /// Monitors a process. Its end arrives at `handle_info` as {'DOWN', Ref, process, PidOrName, Reason}, with the
    /// reference returned here.
    pub fn monitor(&self, whom: impl Encode) -> Result<OwnedTerm, Error> {
        self.monitor_with(whom, Flags::default())
    }

    /// The same with flags: `PRIORITY`, of the 'DOWN'; `NO_CONNECT`.
    pub fn monitor_with(&self, whom: impl Encode, how: Flags) -> Result<OwnedTerm, Error> {
        let whom = OwnedTerm::new(whom)?;
        self.given(|out| Ok(unsafe { (Self::api()?.monitor)(self.raw, view(&whom), how.0, std::ptr::null(), out) }))
    }

    /// Ends a monitor, and removes a 'DOWN' of it that has arrived.
    pub fn demonitor(&self, reference: TermBytes<'_>) -> Result<(), Error> {
        checked(unsafe { (Self::api()?.demonitor)(self.raw, abi::Bytes::of(reference.bytes()), 1) })?;
        Ok(())
    }

    /// Sends {nodedown, Node} to `handle_info` when that node is lost, or at once if it cannot be reached.
    pub fn monitor_node(&self, node: &str, on: bool) -> Result<(), Error> {
        let node = OwnedTerm::new(crate::Atom(node))?;
        checked(unsafe { (Self::api()?.monitor_node)(self.raw, view(&node), on.into()) })?;
        Ok(())
    }

    /// A reference that can be sent to until it is given back by `unalias`.
    pub fn alias(&self) -> Result<OwnedTerm, Error> {
        self.alias_with(Flags::default())
    }

    /// The same with flags: `PRIORITY`: messages that are sent to it with priority are priority messages; `ONCE`.
    pub fn alias_with(&self, what: Flags) -> Result<OwnedTerm, Error> {
        self.given(|out| Ok(unsafe { (Self::api()?.alias)(self.raw, what.0, out) }))
    }

    /// Ends an alias: nothing arrives by it any more.
    pub fn unalias(&self, alias: TermBytes<'_>) -> Result<(), Error> {
        checked(unsafe { (Self::api()?.unalias)(self.raw, abi::Bytes::of(alias.bytes())) })?;
        Ok(())
    }

    /// Takes a name: `Error::Exists` if another has it, or this actor has one already.
    pub fn register(&self, name: &str) -> Result<(), Error> {
        checked(unsafe { (Self::api()?.register_name)(self.raw, abi::Bytes::of(name.as_bytes())) })?;
        Ok(())
    }

    /// Gives a name back.
    pub fn unregister(&self, name: &str) -> Result<(), Error> {
        checked(unsafe { (Self::api()?.unregister_name)(self.raw, abi::Bytes::of(name.as_bytes())) })?;
        Ok(())
    }

    /// The process with that name on this node: `Error::NotFound` if there is none.
    pub fn whereis(&self, name: &str) -> Result<OwnedTerm, Error> {
        self.given(|out| Ok(unsafe { (Self::api()?.whereis)(self.raw, abi::Bytes::of(name.as_bytes()), out) }))
    }

    /// Sends itself a message, which arrives at `handle_info`, after `delay`, and with a `period` (at least 1 ms)
    /// again and again, without drifting. The timer goes on through a reload. Gives back its id.
    pub fn send_after(&self, delay: Duration, period: Option<Duration>, message: impl Encode) -> Result<u64, Error> {
        let options = abi::TimerOptions {
            size: std::mem::size_of::<abi::TimerOptions>() as u32,
            reserved: 0,
            deadline: deadline(delay)?,
            period: match period {
                None => 0,
                Some(period) if period < Duration::from_millis(1) => return Err(Error::Invalid),
                Some(period) => i64::try_from(period.as_nanos()).map_err(|_| Error::Invalid)?,
            },
            destination: abi::Bytes::of(&[]),
        };
        let mut message = Message::new(message)?.give();
        let mut id = 0;
        let api = host::timer().ok_or(Error::Context)?;
        checked(unsafe { (api.start)(self.raw, &options, &mut message, &mut id) })?;
        Ok(id)
    }

    /// Cancels a timer. `Error::NotFound` if it has fired: its message may then be in the mailbox already.
    pub fn cancel_timer(&self, id: u64) -> Result<(), Error> {
        let api = host::timer().ok_or(Error::Context)?;
        checked(unsafe { (api.cancel)(self.raw, id) })?;
        Ok(())
    }

    /// The time until the timer fires next.
    pub fn timer_left(&self, id: u64) -> Result<Duration, Error> {
        let api = host::timer().ok_or(Error::Context)?;
        let mut left = 0;
        checked(unsafe { (api.remaining)(self.raw, id, &mut left) })?;
        Ok(Duration::from_nanos(u64::try_from(left).unwrap_or(0)))
    }

    /// A monotonic clock: the time since some point in the past.
    pub fn now(&self) -> Duration {
        // Safety: takes nothing.
        let now = host::timer().map_or(0, |api| unsafe { (api.now)() });
        Duration::from_nanos(u64::try_from(now).unwrap_or(0))
    }

    /// Writes one line to the log; the node adds time, pid, name and plugin. No secret belongs in it.
    pub fn log(&self, level: Level, text: &str) {
        self.log_with(level, text, &[]);
    }

    /// The same with fields, whose names are `[a-z][a-z0-9_]*`.
    pub fn log_with(&self, level: Level, text: &str, fields: &[(&str, &str)]) {
        let api = match host::log() {
            Some(api) => api,
            None => return,
        };
        let fields: Vec<abi::LogField> = fields
            .iter()
            .map(|(name, value)| abi::LogField {
                name: abi::Bytes::of(name.as_bytes()),
                text: abi::Bytes::of(value.as_bytes()),
                term: abi::Bytes::of(&[]),
            })
            .collect();
        // Safety: everything is copied.
        unsafe {
            (api.write)(self.raw, level as i32, abi::Bytes::of(text.as_bytes()), fields.as_ptr(), fields.len() as u64)
        }
    }

    /// Sets one or two words for `coppice ps`, at most 64 bytes.
    pub fn set_label(&self, text: &str) -> Result<(), Error> {
        checked(unsafe { (Self::api()?.set_label)(self.raw, abi::Bytes::of(text.as_bytes())) })?;
        Ok(())
    }

    // Sets the text about the callback's end.
    pub(crate) fn explain(&self, error: Error, text: &str) {
        if !text.is_empty() {
            Self::explain_to(self.raw, error, text);
        }
    }

    pub(crate) fn explain_to(raw: *mut abi::Actor, error: Error, text: &str) {
        if let Some(api) = host::actor() {
            // Safety: the actor of the running callback; the text is copied.
            unsafe { (api.set_error)(raw, error.status(), abi::Bytes::of(text.as_bytes())) }
        }
    }

    fn given(&self, ask: impl FnOnce(&mut abi::RawMessage) -> Result<i32, Error>) -> Result<OwnedTerm, Error> {
        let mut out = abi::RawMessage::empty();
        let status = ask(&mut out);
        let message = Message::taken(out);
        checked(status?)?;
        Ok(message.bytes().owned())
    }
}

// The result of a call, or of the start of a process.
pub(crate) fn ended(status: i32, answer: Message) -> Result<Message, CallError> {
    match checked(status) {
        Ok(_) => Ok(answer),
        Err(Error::Exit) => Err(CallError::Exit(answer)),
        Err(error) => Err(error.into()),
    }
}

pub(crate) fn view(term: &OwnedTerm) -> abi::Bytes {
    abi::Bytes::of(term.view().bytes())
}
