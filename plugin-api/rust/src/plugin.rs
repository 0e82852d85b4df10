// SPDX-License-Identifier: MIT
//! `plugin!`: the exported descriptor and the ELF note of a plugin, both from the same words; and the callbacks
//! that the tables of its actors point to. Each of them catches every panic.

use crate::abi;
use crate::actor::{Actor, CallError};
use crate::boundary::{drop_quietly, guarded, hook};
use crate::host::{self, Error};
use crate::message::Message;
use crate::server::{Carried, Exit, Server};
use crate::term::TermBytes;
use crate::writer::{Encode, Writer};

use std::mem::size_of;

type Raw = *mut abi::Actor;
type State = *mut abi::State;

/// The function that the descriptor names as init.
///
/// # Safety
/// Only the host may call it.
pub unsafe extern "C" fn start(given: *const abi::HostTable, error: *mut abi::ErrorObject) -> i32 {
    // Safety: the pointers that init was given.
    unsafe {
        if let Some(missing) = host::connect(given) {
            let text = format!("this host lacks {}, which plugins in Rust need", missing);
            ((*given).set_error)(error, Error::Unsupported.status(), abi::Bytes::of(text.as_bytes()));
            return Error::Unsupported.status();
        }
    }
    hook();
    abi::OK
}

// Safety, for all callbacks below: `raw` is the running actor, `state` is a T that `create` made and that is used
// nowhere else meanwhile, and messages and bytes are borrowed until the callback returns.

unsafe extern "C" fn create<T: Server>(raw: Raw, out: *mut State) -> i32 {
    guarded(raw, || {
        let state = Box::into_raw(Box::new(T::default()));
        unsafe { *out = state as State };
        Ok(abi::OK)
    })
}
unsafe extern "C" fn destroy<T: Server>(state: State) {
    if !state.is_null() {
        drop_quietly(unsafe { Box::from_raw(state as *mut T) });
    }
}

fn with<T: Server>(raw: Raw, state: State, body: impl FnOnce(&mut T, &Actor) -> Result<i32, Exit>) -> i32 {
    guarded(raw, || body(unsafe { &mut *(state as *mut T) }, &Actor::lent(raw)))
}

unsafe extern "C" fn init<T: Server>(raw: Raw, state: State, args: *const abi::RawMessage) -> i32 {
    let args = unsafe { Message::borrowed(args) };
    with::<T>(raw, state, |actor, me| Ok(actor.init(me, args)?.status()))
}
unsafe extern "C" fn handle_continue<T: Server>(raw: Raw, state: State) -> i32 {
    with::<T>(raw, state, |actor, me| Ok(actor.handle_continue(me)?.status()))
}
unsafe extern "C" fn config_change<T: Server>(
    raw: Raw,
    state: State,
    old: *const abi::RawMessage,
    new: *const abi::RawMessage,
) -> i32 {
    let (old, new) = unsafe { (Message::borrowed(old), Message::borrowed(new)) };
    with::<T>(raw, state, |actor, me| Ok(actor.config_change(me, old, new)?.status()))
}
unsafe extern "C" fn terminate<T: Server>(raw: Raw, state: State, reason: *const abi::RawMessage) {
    let reason = unsafe { Message::borrowed(reason) };
    with::<T>(raw, state, |actor, me| {
        actor.terminate(me, reason);
        Ok(abi::OK)
    });
}
unsafe extern "C" fn save_state<T: Carried>(
    raw: Raw,
    state: State,
    _version: *mut u32,
    out: *mut abi::RawWriter,
) -> i32 {
    with::<T>(raw, state, |actor, _| {
        actor.save_state(&mut Writer::into_host(unsafe { &mut *out }))?;
        Ok(abi::OK)
    })
}
unsafe extern "C" fn restore_state<T: Carried>(
    raw: Raw,
    state: State,
    version: u32,
    saved: *const abi::RawMessage,
) -> i32 {
    let saved = unsafe { Message::borrowed(saved) };
    with::<T>(raw, state, |actor, _| {
        actor.restore_state(version, saved)?;
        Ok(abi::OK)
    })
}
unsafe extern "C" fn after_restore<T: Carried>(raw: Raw, state: State) -> i32 {
    with::<T>(raw, state, |actor, me| Ok(actor.after_restore(me)?.status()))
}

fn show<T: Server>(
    raw: Raw,
    state: State,
    out: *mut abi::RawWriter,
    otherwise: impl FnOnce(&T, &mut Writer<'_>) -> Result<(), Exit>,
) -> i32 {
    with::<T>(raw, state, |actor, _| {
        let mut writer = Writer::into_host(unsafe { &mut *out });
        match actor.format_status() {
            Some(term) => term?.encode(&mut writer),
            None => otherwise(actor, &mut writer)?,
        }
        Ok(abi::OK)
    })
}
unsafe extern "C" fn show_opaque<T: Server>(raw: Raw, state: State, out: *mut abi::RawWriter) -> i32 {
    show::<T>(raw, state, out, |_, writer| {
        writer.atom("opaque");
        Ok(())
    })
}
unsafe extern "C" fn show_saved<T: Carried>(raw: Raw, state: State, out: *mut abi::RawWriter) -> i32 {
    show::<T>(raw, state, out, T::save_state)
}

unsafe extern "C" fn handle_call<T: Server>(
    raw: Raw,
    state: State,
    request: *const abi::RawMessage,
    from: abi::Bytes,
) -> i32 {
    let (request, from) = unsafe { (Message::borrowed(request), TermBytes::believed(from.view())) };
    with::<T>(raw, state, |actor, me| actor.handle_call(me, request, from)?.carry_out(me, from))
}
unsafe extern "C" fn handle_cast<T: Server>(raw: Raw, state: State, term: *const abi::RawMessage) -> i32 {
    let term = unsafe { Message::borrowed(term) };
    with::<T>(raw, state, |actor, me| Ok(actor.handle_cast(me, term)?.status()))
}
unsafe extern "C" fn handle_info<T: Server>(raw: Raw, state: State, term: *const abi::RawMessage) -> i32 {
    let term = unsafe { Message::borrowed(term) };
    with::<T>(raw, state, |actor, me| Ok(actor.handle_info(me, term)?.status()))
}
unsafe extern "C" fn on_response<T: Server>(
    raw: Raw,
    state: State,
    id: u64,
    tag: u64,
    status: i32,
    answer: *const abi::RawMessage,
) -> i32 {
    let answer = unsafe { Message::borrowed(answer) };
    with::<T>(raw, state, |actor, me| {
        let answer = match Error::of(status) {
            _ if status >= 0 => Ok(answer),
            Error::Exit => Err(CallError::Exit(answer.clone())),
            error => Err(CallError::Failed(error)),
        };
        Ok(actor.on_response(me, id, tag, answer)?.status())
    })
}

/// An actor's tables; `plugin!` makes constants of them.
#[allow(missing_docs)]
pub mod tables {
    use super::*;

    pub const fn lifecycle<T: Server>() -> abi::Lifecycle {
        abi::Lifecycle {
            size: size_of::<abi::Lifecycle>() as u32,
            reserved: 0,
            create: Some(create::<T>),
            init: Some(init::<T>),
            handle_continue: Some(handle_continue::<T>),
            config_change: Some(config_change::<T>),
            save_state: None,
            restore_state: None,
            after_restore: None,
            format_status: Some(show_opaque::<T>),
            terminate: Some(terminate::<T>),
            destroy: Some(destroy::<T>),
        }
    }

    pub const fn carried<T: Carried>() -> abi::Lifecycle {
        let mut table = lifecycle::<T>();
        table.save_state = Some(save_state::<T>);
        table.restore_state = Some(restore_state::<T>);
        table.after_restore = Some(after_restore::<T>);
        table.format_status = Some(show_saved::<T>);
        table
    }

    pub const fn server<T: Server>() -> abi::ServerTable {
        abi::ServerTable {
            size: size_of::<abi::ServerTable>() as u32,
            reserved: 0,
            handle_call: Some(handle_call::<T>),
            handle_cast: Some(handle_cast::<T>),
            handle_info: Some(handle_info::<T>),
            on_response: Some(on_response::<T>),
        }
    }
}

/// The allocated note section, which the host reads without running the file.
#[repr(C, align(4))]
pub struct Note<const SIZE: usize> {
    name_size: u32,
    text_size: u32,
    kind: u32,
    name: [u8; 8],
    text: [u8; SIZE],
}

impl<const SIZE: usize> Note<SIZE> {
    /// The note with a manifest of that size.
    pub const fn new(text: [u8; SIZE]) -> Note<SIZE> {
        assert!(SIZE < 64 * 1024, "the manifest exceeds 64 KiB");
        Note { name_size: 8, text_size: SIZE as u32, kind: 1, name: *b"Coppice\0", text }
    }
}

/// The bytes of a text.
pub const fn note_bytes<const SIZE: usize>(text: &str) -> [u8; SIZE] {
    let mut bytes = [0; SIZE];
    let mut i = 0;
    while i < SIZE {
        bytes[i] = text.as_bytes()[i];
        i += 1;
    }
    bytes
}

/// Makes a plugin of the library in which it is written, a `cdylib`: once, at the top.
///
/// ```ignore
/// coppice::plugin! {
///     id: "shop", version: "1.0.0",
///     actors: [
///         Till { name: "till", state_version: 2, unhandled: "reply_error", takes: ["calls", "casts"],
///                args_schema: r#"{"type":"object","additionalProperties":false}"# },
///         Clerk { name: "clerk" },
///     ]
/// }
/// ```
///
/// `state_version` is for an actor that is `Carried`; `unhandled` says how calls and casts are treated that it does not
/// take: `exit` (the default), `reply_error`, `log` or `ignore`; `takes` lists the requests that it takes, of `calls`,
/// `casts`, `messages` and `web`: `coppice check` warns of a web route to an actor whose list has no `web`;
/// `args_schema` is the JSON Schema of its arguments. They stand in this order. The file is called ID.so.
#[macro_export]
macro_rules! plugin {
    (id: $id:literal, version: $version:literal, actors: [$(
        $actor:ty { name: $name:literal
            $(, state_version: $state:literal)? $(, unhandled: $unhandled:literal)? $(, takes: [$($taken:tt),* $(,)?])?
            $(, args_schema: $schema:literal)? $(,)? }
    ),+ $(,)?] $(,)?) => {
        const _: () = {
            #[cfg(panic = "abort")]
            compile_error!("a panic would end the node: let this profile have panic = \"unwind\"");

            const ACTORS: usize = [$($name),+].len();
            static TYPES: [$crate::abi::ActorTypeAt; ACTORS] = [$({
                static LIFECYCLE: $crate::abi::Lifecycle = $crate::plugin!(@lifecycle $actor $(, $state)?);
                static SERVER: $crate::abi::ServerTable = $crate::tables::server::<$actor>();
                static TABLES: [$crate::abi::Table; 3] = [
                    $crate::abi::Table {
                        name: "coppice.lifecycle/1\0".as_ptr() as *const _,
                        callbacks: &LIFECYCLE as *const $crate::abi::Lifecycle as *const _,
                    },
                    $crate::abi::Table {
                        name: "coppice.server/1\0".as_ptr() as *const _,
                        callbacks: &SERVER as *const $crate::abi::ServerTable as *const _,
                    },
                    $crate::abi::Table { name: ::std::ptr::null(), callbacks: ::std::ptr::null() },
                ];
                static TYPE: $crate::abi::ActorType = $crate::abi::ActorType {
                    size: ::std::mem::size_of::<$crate::abi::ActorType>() as u32,
                    state_version: 0 $(+ $state)?,
                    name: concat!($name, "\0").as_ptr() as *const _,
                    behaviour: "server\0".as_ptr() as *const _,
                    tables: &TABLES as *const $crate::abi::Table,
                    args_schema: $crate::plugin!(@schema $($schema)?),
                };
                $crate::abi::ActorTypeAt(&TYPE)
            }),+];

            #[no_mangle]
            #[allow(non_upper_case_globals)]
            pub static coppice_plugin: $crate::abi::Descriptor = $crate::abi::Descriptor {
                magic: $crate::abi::MAGIC,
                size: ::std::mem::size_of::<$crate::abi::Descriptor>() as u32,
                abi_major: $crate::abi::ABI_MAJOR,
                abi_minor: $crate::abi::ABI_MINOR,
                abi_minor_needed: 0,
                id: concat!($id, "\0").as_ptr() as *const _,
                version: concat!($version, "\0").as_ptr() as *const _,
                build_id: ::std::ptr::null(),
                actor_count: ACTORS as u64,
                actors: &TYPES as *const $crate::abi::ActorTypeAt,
                init: Some($crate::start),
                deinit: None,
            };

            // A comma stands before each actor, and the list begins with none of them.
            const MANIFEST: &str = concat!(
                "{\"coppice\":1,\"id\":\"", $id, "\",\"version\":\"", $version, "\",\"abi\":[1,0],\"actors\":[",
                $crate::plugin!(@list $({"{\"name\":\"", $name, "\",\"behaviour\":\"server\",",
                    "\"tables\":[\"coppice.lifecycle/1\",\"coppice.server/1\"],\"state_version\":",
                    $crate::plugin!(@version $($state)?)
                    $(, ",\"unhandled\":\"", $unhandled, "\"")?
                    $(, ",\"takes\":[", $crate::plugin!(@words $($taken)*), "]")?
                    $(, ",\"args_schema\":", $schema)?, "}"})+),
                "]}");
            #[used]
            #[link_section = ".note.coppice"]
            static NOTE: $crate::Note<{ MANIFEST.len() }> = $crate::Note::new($crate::note_bytes(MANIFEST));
        };
    };
    (@lifecycle $actor:ty) => { $crate::tables::lifecycle::<$actor>() };
    (@lifecycle $actor:ty, $state:literal) => { $crate::tables::carried::<$actor>() };
    (@version) => { 0 };
    (@version $state:literal) => { $state };
    (@schema) => { ::std::ptr::null() };
    (@schema $schema:literal) => { concat!($schema, "\0").as_ptr() as *const _ };
    (@words) => { "" };
    (@words $first:tt $($rest:tt)*) => { concat!($crate::plugin!(@taken $first) $(, ",", $crate::plugin!(@taken $rest))*) };
    (@taken "calls") => { "\"calls\"" };
    (@taken "casts") => { "\"casts\"" };
    (@taken "messages") => { "\"messages\"" };
    (@taken "web") => { "\"web\"" };
    (@taken $other:tt) => { compile_error!(concat!("takes has no word ", $other, ": calls, casts, messages, web")) };
    (@list {$($first:tt)*} $({$($rest:tt)*})*) => { concat!($($first)* $(, ",", $($rest)*)*) };
}
