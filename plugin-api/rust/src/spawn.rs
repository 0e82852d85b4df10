// SPDX-License-Identifier: MIT
//! Processes that an actor starts: actors of this node, and processes that another node allows it to start.

use crate::abi;
use crate::actor::{ended, view, Actor, CallError};
use crate::host::{self, parking};
use crate::message::Message;
use crate::term::OwnedTerm;
use crate::writer::{Atom, Encode};

/// How an actor is started from code.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spawn<'a> {
    /// `PLUGIN:ACTOR`, `PLUGIN`, or `:ACTOR` of the caller's own plugin.
    pub actor: &'a str,
    /// Its registered name; empty: none.
    pub name: &'a str,
    /// Linked to the caller from its first instruction.
    pub link: bool,
}

/// How a process is started on another node.
#[derive(Clone, Copy, Debug)]
pub struct SpawnAt<'a> {
    /// The other node's name.
    pub node: &'a str,
    /// Without the quotes around an atom, as the function's name.
    pub module: &'a str,
    /// It takes as many arguments as are given.
    pub function: &'a str,
    /// Linked to the caller from its first instruction.
    pub link: bool,
}

impl Actor {
    /// Starts an actor, waits until its init has returned, at most 5 s, and returns its pid; `CallError::Exit` has the
    /// reason of a failure.
    pub fn spawn(&self, what: Spawn<'_>, args: impl Encode) -> Result<OwnedTerm, CallError> {
        self.spawned(what, args, None)
    }

    /// The same, monitored from its first instruction: returns the pid, and the reference of its 'DOWN'.
    pub fn spawn_monitored(&self, what: Spawn<'_>, args: impl Encode) -> Result<(OwnedTerm, OwnedTerm), CallError> {
        let mut reference = abi::RawMessage::empty();
        let pid = self.spawned(what, args, Some(&mut reference));
        let reference = Message::taken(reference);
        Ok((pid?, reference.bytes().owned()))
    }

    fn spawned(
        &self,
        what: Spawn<'_>,
        args: impl Encode,
        monitor: Option<&mut abi::RawMessage>,
    ) -> Result<OwnedTerm, CallError> {
        let link = if what.link { abi::SPAWN_LINK } else { 0 };
        let args = OwnedTerm::new(args)?;
        let options = abi::SpawnOptions {
            size: std::mem::size_of::<abi::SpawnOptions>() as u32,
            flags: link | if monitor.is_some() { abi::SPAWN_MONITOR } else { 0 },
            actor: abi::Bytes::of(what.actor.as_bytes()),
            name: abi::Bytes::of(what.name.as_bytes()),
            args: view(&args),
            deadline: 0,
        };
        let mut pid = abi::RawMessage::empty();
        let api = parking(host::actor())?;
        let reference = monitor.map_or(std::ptr::null_mut(), |into| into as *mut abi::RawMessage);
        let status = unsafe { (api.spawn)(self.raw(), &options, &mut pid, reference) };
        ended(status, Message::taken(pid)).map(|pid| pid.bytes().owned())
    }

    /// Starts `apply(Module, Function, Args)` on another node, connecting to it if need be, and returns the pid when
    /// that node has answered, at most 5 s later; the first messages of the process, or its end, come after that.
    /// `args` is a list of at most 255 terms. `Error::Refused` where that node does not allow it.
    pub fn spawn_at(&self, what: SpawnAt<'_>, args: impl Encode) -> Result<OwnedTerm, CallError> {
        let args = OwnedTerm::new(args)?;
        let options = abi::RemoteSpawn {
            size: std::mem::size_of::<abi::RemoteSpawn>() as u32,
            flags: if what.link { abi::SPAWN_LINK } else { 0 },
            node: abi::Bytes::of(what.node.as_bytes()),
            module: abi::Bytes::of(what.module.as_bytes()),
            function: abi::Bytes::of(what.function.as_bytes()),
            args: view(&args),
            options: abi::Bytes::of(&[]),
            deadline: 0,
        };
        let mut pid = abi::RawMessage::empty();
        let api = parking(host::actor())?;
        let status = unsafe { (api.spawn_at)(self.raw(), &options, &mut pid, std::ptr::null_mut()) };
        ended(status, Message::taken(pid)).map(|pid| pid.bytes().owned())
    }

    /// An actor, `PLUGIN` or `PLUGIN:ACTOR`, of another Coppice node, whose `distribution.allow.spawn` has to name it so.
    pub fn spawn_actor_at(&self, node: &str, actor: &str, args: impl Encode) -> Result<OwnedTerm, CallError> {
        let what = SpawnAt { node, module: "coppice", function: "spawn", link: false };
        self.spawn_at(what, [OwnedTerm::new(Atom(actor))?, OwnedTerm::new(args)?])
    }
}
