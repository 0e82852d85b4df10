// SPDX-License-Identifier: MIT
//! The traits that an author implements: `Server`, OTP's gen_server, and `Carried` for a state that survives a reload;
//! and the answers of their functions.

use crate::abi;
use crate::actor::{Actor, CallError};
use crate::host::{self, Error};
use crate::message::Message;
use crate::term::{OwnedTerm, TermBytes};
use crate::writer::{Encode, Writer};

/// An actor that answers calls. It is made by `Default`, which only computes: it runs at each reload too, and may make
/// no host call; the first actions of an actor belong in `init`. Its functions never run at the same time, though on
/// changing threads.
pub trait Server: Default + Send + 'static {
    /// The first callback of the actor; its supervisor waits for it. An `Err` fails the start.
    fn init(&mut self, me: &Actor, args: &Message) -> Result<Init, Exit> {
        let _ = (me, args);
        Ok(Init::Run)
    }

    /// After a callback answered `Next::Continue`, before the next message.
    fn handle_continue(&mut self, me: &Actor) -> Result<Next, Exit> {
        let _ = me;
        Ok(Next::Go)
    }

    /// `gen_server:call`. `from` is the caller, for a later reply: a copy of it may be kept, in a saved state too.
    fn handle_call(&mut self, me: &Actor, request: &Message, from: TermBytes<'_>) -> Result<Answer, Exit> {
        let _ = (me, request, from);
        Ok(Answer::unhandled(""))
    }

    /// `gen_server:cast`.
    fn handle_cast(&mut self, me: &Actor, term: &Message) -> Result<Next, Exit> {
        let _ = (me, term);
        Ok(Next::Unhandled)
    }

    /// Every other message: plain ones, 'DOWN', timers, and 'EXIT' while trapping exits. A message that is not handled
    /// is logged and dropped.
    fn handle_info(&mut self, me: &Actor, term: &Message) -> Result<Next, Exit> {
        let _ = (me, term);
        Ok(Next::Unhandled)
    }

    /// The end of a request, with the `tag` it was given.
    fn on_response(
        &mut self,
        me: &Actor,
        id: u64,
        tag: u64,
        answer: Result<&Message, CallError>,
    ) -> Result<Next, Exit> {
        let _ = (me, id, tag, answer);
        Ok(Next::Go)
    }

    /// The configuration changed `args`, or the application's env, which `me.env()` has already. An `Err` refuses
    /// the whole change, and the actor is to go on as it was; `Next::Unhandled` restarts it.
    fn config_change(&mut self, me: &Actor, old: &Message, new: &Message) -> Result<Next, Exit> {
        let _ = (me, old, new);
        Ok(Next::Unhandled)
    }

    /// The state that `sys:get_state` and `coppice info` show: exactly one term. Only computes. By default the term
    /// that `Carried` saves, else the atom opaque.
    fn format_status(&self) -> Option<Result<OwnedTerm, Error>> {
        None
    }

    /// Runs before an orderly end; not when the actor is killed or hit by an exit signal that it does not trap.
    fn terminate(&mut self, me: &Actor, reason: &Message) {
        let _ = (me, reason);
    }
}

/// A state that is carried over into new code at a reload; named in `plugin!` by `state_version`.
pub trait Carried: Server {
    /// Writes the state as exactly one term. Only computes.
    fn save_state(&self, out: &mut Writer<'_>) -> Result<(), Exit>;

    /// Runs in the new code, on a fresh value, instead of `init`. Only computes. `saved` was written by code of that
    /// version, and has to be checked like any input; `Err(Error::Version.into())` refuses it, and the old code goes
    /// on.
    fn restore_state(&mut self, version: u32, saved: &Message) -> Result<(), Exit>;

    /// Runs once the new code has taken over, before its next message: for actions that `restore_state` may not do.
    fn after_restore(&mut self, me: &Actor) -> Result<Next, Exit> {
        let _ = me;
        Ok(Next::Go)
    }
}

/// How an actor begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Init {
    /// It is ready.
    Run,
    /// It is started; `handle_continue` comes before its first message.
    Continue,
    /// It is ready, and a long silence is expected.
    Hibernate,
    /// There is nothing to run, and that is no failure.
    Ignore,
}

impl Init {
    pub(crate) fn status(self) -> i32 {
        match self {
            Init::Run => abi::OK,
            Init::Continue => abi::CONTINUE,
            Init::Hibernate => abi::HIBERNATE,
            Init::Ignore => abi::IGNORE,
        }
    }
}

/// How the actor goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It waits for the next message.
    Go,
    /// `handle_continue` runs, then it waits for the next message.
    Continue,
    /// It expects a long silence: memory is given back.
    Hibernate,
    /// The message was not for this actor: the text of each callback says what is done then.
    Unhandled,
}

impl Next {
    pub(crate) fn status(self) -> i32 {
        match self {
            Next::Go => abi::OK,
            Next::Continue => abi::CONTINUE,
            Next::Hibernate => abi::HIBERNATE,
            Next::Unhandled => abi::UNHANDLED,
        }
    }
}

/// The result of a call.
#[derive(Debug)]
pub struct Answer(Kind);

#[derive(Debug)]
enum Kind {
    Reply(Result<Message, Error>, Next),
    Later,
    Unhandled(String),
}

/// Answers the call in hand.
pub fn reply(value: impl Encode) -> Answer {
    Answer(Kind::Reply(Message::new(value), Next::Go))
}

impl Answer {
    /// The reply follows by `Actor::reply` with a copy of `from`, now, later, or after a reload.
    pub fn later() -> Answer {
        Answer(Kind::Later)
    }

    /// A request that this actor does not take: the plugin's `unhandled`, or the child's configuration, says what is
    /// done then. `text` is for people: the request that was expected, and the one that came.
    pub fn unhandled(text: impl Into<String>) -> Answer {
        Answer(Kind::Unhandled(text.into()))
    }

    /// Continues with `next` after a reply.
    pub fn then(self, next: Next) -> Answer {
        match self.0 {
            Kind::Reply(message, _) => Answer(Kind::Reply(message, next)),
            other => Answer(other),
        }
    }

    pub(crate) fn carry_out(self, me: &Actor, from: TermBytes<'_>) -> Result<i32, Exit> {
        match self.0 {
            Kind::Reply(message, next) => {
                me.reply_with(from, message?)?;
                Ok(next.status())
            }
            Kind::Later => Ok(abi::OK),
            Kind::Unhandled(text) => {
                me.explain(Error::Invalid, &text);
                Ok(abi::UNHANDLED)
            }
        }
    }
}

/// The end of an actor, and its reason. A host call's error becomes one by `?`.
#[derive(Debug)]
pub struct Exit(Reason);

#[derive(Debug)]
enum Reason {
    Normal,
    Term(Result<OwnedTerm, Error>),
    Error(Error, String),
}

impl Exit {
    /// Its work is done.
    pub fn normal() -> Exit {
        Exit(Reason::Normal)
    }

    /// An end with any term as the reason.
    pub fn reason(reason: impl Encode) -> Exit {
        Exit(Reason::Term(OwnedTerm::new(reason)))
    }

    /// An end with {Word, Text}, where Word is the error's in Erlang: `{badarg, <<"no folder">>}`.
    pub fn error(error: Error, text: impl Into<String>) -> Exit {
        Exit(Reason::Error(error, text.into()))
    }

    pub(crate) fn into_status(self, actor: *mut abi::Actor) -> i32 {
        match self.0 {
            Reason::Normal => abi::STOP,
            Reason::Error(error, text) => {
                if !text.is_empty() {
                    Actor::explain_to(actor, error, &text);
                }
                error.status()
            }
            Reason::Term(Err(error)) => error.status(),
            Reason::Term(Ok(reason)) => {
                if let Some(api) = host::actor() {
                    // Safety: the actor of the running callback; the reason is copied.
                    unsafe { (api.set_reason)(actor, abi::Bytes::of(reason.view().bytes())) };
                }
                abi::STOP
            }
        }
    }
}

impl From<Error> for Exit {
    fn from(error: Error) -> Exit {
        Exit(Reason::Error(error, String::new()))
    }
}

impl From<CallError> for Exit {
    fn from(failed: CallError) -> Exit {
        match failed {
            CallError::Failed(error) => error.into(),
            CallError::Exit(reason) => Exit(Reason::Term(Ok(reason.bytes().owned()))),
        }
    }
}
