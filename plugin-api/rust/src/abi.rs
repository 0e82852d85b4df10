// SPDX-License-Identifier: MIT
//! The structs of coppice/*.h as Rust sees them: members in the headers' order and under their names, each checked
//! against the headers by their offsets (`layout`, which the tests print). Nothing here is checked or owned: the rest
//! of the crate makes it safe.
#![allow(missing_docs)]

use std::os::raw::{c_char, c_void};

/// The running actor, which belongs to the host: only ever a pointer.
#[repr(C)]
pub struct Actor {
    _opaque: [u8; 0],
}

/// A series of the host's counters: only ever a pointer.
#[repr(C)]
pub struct Metric {
    _opaque: [u8; 0],
}

/// A handle by which other threads post: only ever a pointer.
#[repr(C)]
pub struct Post {
    _opaque: [u8; 0],
}

/// The place where init writes the text of its error.
#[repr(C)]
pub struct ErrorObject {
    _opaque: [u8; 0],
}

pub type State = c_void;

macro_rules! structs {
    ($($name:ident is $c:ident { $($field:ident: $kind:ty,)* })*) => {
        $(
            #[repr(C)]
            pub struct $name {
                $(pub $field: $kind,)*
            }
        )*

        /// Each struct's size and each member's offset, under the names of the headers.
        #[doc(hidden)]
        pub fn layout() -> Vec<(&'static str, &'static str, usize)> {
            let mut all = Vec::new();
            $({
                let place = std::mem::MaybeUninit::<$name>::uninit();
                let begin = place.as_ptr();
                all.push((stringify!($c), "", std::mem::size_of::<$name>()));
                // Safety: only the address of the member is taken, inside of `place`.
                $(all.push((stringify!($c), stringify!($field),
                    unsafe { std::ptr::addr_of!((*begin).$field) } as usize - begin as usize));)*
            })*
            all
        }
    };
}

type Status = i32;

structs! {
    // ---- message.h ----
    Bytes is coppice_bytes {
        data: *const u8,
        size: u64,
    }
    RawMessage is coppice_message {
        data: *const u8,
        size: u64,
        owner: *mut c_void,
    }
    RawWriter is coppice_writer {
        at: *mut u8,
        end: *mut u8,
        begin: *mut u8,
        api: *const MessageApi,
        status: i32,
        reserved: u32,
        host: [u64; 8],
    }
    MessageApi is coppice_message_api {
        size: u32,
        reserved: u32,
        retain: unsafe extern "C" fn(*const RawMessage, *mut RawMessage) -> Status,
        release: unsafe extern "C" fn(*mut RawMessage),
        write_begin: unsafe extern "C" fn(u64, *mut RawWriter) -> Status,
        reserve: unsafe extern "C" fn(*mut RawWriter, u64) -> Status,
        splice: unsafe extern "C" fn(*mut RawWriter, *const RawMessage) -> Status,
        finish: unsafe extern "C" fn(*mut RawWriter, *mut RawMessage) -> Status,
        discard: unsafe extern "C" fn(*mut RawWriter),
        adopt: unsafe extern "C" fn(*mut Actor, *const u8, u64, Option<unsafe extern "C" fn(*mut c_void)>, *mut c_void,
            *mut RawMessage) -> Status,
        validate: unsafe extern "C" fn(Bytes) -> Status,
    }
    // ---- actor.h ----
    SpawnOptions is coppice_spawn_options {
        size: u32,
        flags: u32,
        actor: Bytes,
        name: Bytes,
        args: Bytes,
        deadline: i64,
    }
    RemoteSpawn is coppice_remote_spawn {
        size: u32,
        flags: u32,
        node: Bytes,
        module: Bytes,
        function: Bytes,
        args: Bytes,
        options: Bytes,
        deadline: i64,
    }
    MonitorOptions is coppice_monitor_options {
        size: u32,
        alias: u32,
        tag: Bytes,
    }
    ActorApi is coppice_actor_api {
        size: u32,
        reserved: u32,
        self_borrowed: unsafe extern "C" fn(*mut Actor) -> Bytes,
        parent_borrowed: unsafe extern "C" fn(*mut Actor) -> Bytes,
        node_borrowed: unsafe extern "C" fn(*mut Actor) -> Bytes,
        args_borrowed: unsafe extern "C" fn(*mut Actor) -> Bytes,
        env_borrowed: unsafe extern "C" fn(*mut Actor) -> Bytes,
        send: unsafe extern "C" fn(*mut Actor, Bytes, *mut RawMessage, u32) -> Status,
        link: unsafe extern "C" fn(*mut Actor, Bytes, u32) -> Status,
        unlink: unsafe extern "C" fn(*mut Actor, Bytes) -> Status,
        exit: unsafe extern "C" fn(*mut Actor, Bytes, Bytes, u32) -> Status,
        trap_exit: unsafe extern "C" fn(*mut Actor, i32, *mut i32) -> Status,
        monitor: unsafe extern "C" fn(*mut Actor, Bytes, u32, *const MonitorOptions, *mut RawMessage) -> Status,
        demonitor: unsafe extern "C" fn(*mut Actor, Bytes, i32) -> Status,
        monitor_node: unsafe extern "C" fn(*mut Actor, Bytes, i32) -> Status,
        alias: unsafe extern "C" fn(*mut Actor, u32, *mut RawMessage) -> Status,
        unalias: unsafe extern "C" fn(*mut Actor, Bytes) -> Status,
        register_name: unsafe extern "C" fn(*mut Actor, Bytes) -> Status,
        unregister_name: unsafe extern "C" fn(*mut Actor, Bytes) -> Status,
        whereis: unsafe extern "C" fn(*mut Actor, Bytes, *mut RawMessage) -> Status,
        spawn: unsafe extern "C" fn(*mut Actor, *const SpawnOptions, *mut RawMessage, *mut RawMessage) -> Status,
        set_error: unsafe extern "C" fn(*mut Actor, i32, Bytes),
        set_reason: unsafe extern "C" fn(*mut Actor, Bytes) -> Status,
        set_label: unsafe extern "C" fn(*mut Actor, Bytes) -> Status,
        spawn_at: unsafe extern "C" fn(*mut Actor, *const RemoteSpawn, *mut RawMessage, *mut RawMessage) -> Status,
    }
    // ---- call.h ----
    CallItem is coppice_call_item {
        destination: Bytes,
        request: Bytes,
    }
    CallAnswer is coppice_call_answer {
        message: RawMessage,
        status: i32,
        reserved: u32,
    }
    CallApi is coppice_call_api {
        size: u32,
        reserved: u32,
        reply: unsafe extern "C" fn(*mut Actor, Bytes, *mut RawMessage) -> Status,
        call: unsafe extern "C" fn(*mut Actor, Bytes, *mut RawMessage, i64, *mut RawMessage) -> Status,
        call_many: unsafe extern "C" fn(*mut Actor, *const CallItem, u64, i64, *mut CallAnswer) -> Status,
        request: unsafe extern "C" fn(*mut Actor, Bytes, *mut RawMessage, i64, u64, *mut u64) -> Status,
        cancel: unsafe extern "C" fn(*mut Actor, u64) -> Status,
        cast: unsafe extern "C" fn(*mut Actor, Bytes, *mut RawMessage, u32) -> Status,
    }
    // ---- await.h, a draft ----
    AwaitApi is coppice_await_api {
        size: u32,
        reserved: u32,
        r#await: unsafe extern "C" fn(*mut Actor, u64, *mut RawMessage) -> Status,
    }
    // ---- order.h, a draft ----
    OrderApi is coppice_order_api {
        size: u32,
        reserved: u32,
        compare: unsafe extern "C" fn(Bytes, Bytes) -> i32,
        equal: unsafe extern "C" fn(Bytes, Bytes) -> i32,
        hash: unsafe extern "C" fn(Bytes) -> u32,
    }
    // ---- post.h, a draft ----
    PostApi is coppice_post_api {
        size: u32,
        reserved: u32,
        open: unsafe extern "C" fn(*mut Actor, *mut *mut Post) -> Status,
        post: unsafe extern "C" fn(*mut Post, *mut RawMessage) -> Status,
        close: unsafe extern "C" fn(*mut Post),
    }
    // ---- metric.h, a draft ----
    MetricLabel is coppice_metric_label {
        name: Bytes,
        value: Bytes,
    }
    MetricOptions is coppice_metric_options {
        size: u32,
        kind: i32,
        name: Bytes,
        help: Bytes,
        labels: *const MetricLabel,
        label_count: u64,
        bounds: *const f64,
        bound_count: u64,
    }
    MetricApi is coppice_metric_api {
        size: u32,
        reserved: u32,
        get: unsafe extern "C" fn(*mut Actor, *const MetricOptions) -> *mut Metric,
        add: unsafe extern "C" fn(*mut Metric, i64),
        set: unsafe extern "C" fn(*mut Metric, i64),
        observe: unsafe extern "C" fn(*mut Metric, f64),
    }
    // ---- timer.h ----
    TimerOptions is coppice_timer_options {
        size: u32,
        reserved: u32,
        deadline: i64,
        period: i64,
        destination: Bytes,
    }
    TimerApi is coppice_timer_api {
        size: u32,
        reserved: u32,
        now: unsafe extern "C" fn() -> i64,
        wall_clock: unsafe extern "C" fn() -> i64,
        start: unsafe extern "C" fn(*mut Actor, *const TimerOptions, *mut RawMessage, *mut u64) -> Status,
        cancel: unsafe extern "C" fn(*mut Actor, u64) -> Status,
        remaining: unsafe extern "C" fn(*mut Actor, u64, *mut i64) -> Status,
    }
    // ---- work.h ----
    WorkApi is coppice_work_api {
        size: u32,
        reserved: u32,
        blocking_run: unsafe extern "C" fn(*mut Actor, unsafe extern "C" fn(*mut c_void), *mut c_void,
            Option<unsafe extern "C" fn(*mut c_void)>) -> Status,
        reductions: unsafe extern "C" fn(*mut Actor, u64),
        should_yield: unsafe extern "C" fn(*mut Actor) -> i32,
        r#yield: unsafe extern "C" fn(*mut Actor) -> Status,
        sleep_until: unsafe extern "C" fn(*mut Actor, i64) -> Status,
    }
    // ---- log.h ----
    LogField is coppice_log_field {
        name: Bytes,
        text: Bytes,
        term: Bytes,
    }
    LogApi is coppice_log_api {
        size: u32,
        reserved: u32,
        write: unsafe extern "C" fn(*mut Actor, i32, Bytes, *const LogField, u64),
        enabled: unsafe extern "C" fn(*mut Actor, i32) -> i32,
    }
    // ---- lifecycle.h ----
    Lifecycle is coppice_lifecycle {
        size: u32,
        reserved: u32,
        create: Option<unsafe extern "C" fn(*mut Actor, *mut *mut State) -> Status>,
        init: Option<unsafe extern "C" fn(*mut Actor, *mut State, *const RawMessage) -> Status>,
        handle_continue: Option<unsafe extern "C" fn(*mut Actor, *mut State) -> Status>,
        config_change: Option<unsafe extern "C" fn(*mut Actor, *mut State, *const RawMessage, *const RawMessage) -> Status>,
        save_state: Option<unsafe extern "C" fn(*mut Actor, *mut State, *mut u32, *mut RawWriter) -> Status>,
        restore_state: Option<unsafe extern "C" fn(*mut Actor, *mut State, u32, *const RawMessage) -> Status>,
        after_restore: Option<unsafe extern "C" fn(*mut Actor, *mut State) -> Status>,
        format_status: Option<unsafe extern "C" fn(*mut Actor, *mut State, *mut RawWriter) -> Status>,
        terminate: Option<unsafe extern "C" fn(*mut Actor, *mut State, *const RawMessage)>,
        destroy: Option<unsafe extern "C" fn(*mut State)>,
    }
    // ---- server.h ----
    ServerTable is coppice_server {
        size: u32,
        reserved: u32,
        handle_call: Option<unsafe extern "C" fn(*mut Actor, *mut State, *const RawMessage, Bytes) -> Status>,
        handle_cast: Option<unsafe extern "C" fn(*mut Actor, *mut State, *const RawMessage) -> Status>,
        handle_info: Option<unsafe extern "C" fn(*mut Actor, *mut State, *const RawMessage) -> Status>,
        on_response: Option<unsafe extern "C" fn(*mut Actor, *mut State, u64, u64, i32, *const RawMessage) -> Status>,
    }
    // ---- plugin.h ----
    HostTable is coppice_host {
        size: u32,
        abi_major: u32,
        abi_minor: u32,
        reserved: u32,
        version_borrowed: *const c_char,
        get_interface: unsafe extern "C" fn(*const HostTable, *const c_char) -> *const c_void,
        set_error: unsafe extern "C" fn(*mut ErrorObject, i32, Bytes),
    }
    Table is coppice_table {
        name: *const c_char,
        callbacks: *const c_void,
    }
    ActorType is coppice_actor_type {
        size: u32,
        state_version: u32,
        name: *const c_char,
        behaviour: *const c_char,
        tables: *const Table,
        args_schema: *const c_char,
    }
    Descriptor is coppice_descriptor {
        magic: u64,
        size: u32,
        abi_major: u32,
        abi_minor: u32,
        abi_minor_needed: u32,
        id: *const c_char,
        version: *const c_char,
        build_id: *const c_char,
        actor_count: u64,
        actors: *const ActorTypeAt,
        init: Option<unsafe extern "C" fn(*const HostTable, *mut ErrorObject) -> Status>,
        deinit: Option<unsafe extern "C" fn()>,
    }
}

/// An entry of the descriptor's array.
#[repr(transparent)]
pub struct ActorTypeAt(pub *const ActorType);

// Safety: constants of a plugin, which are never written to.
unsafe impl Sync for Table {}
unsafe impl Sync for ActorType {}
unsafe impl Sync for ActorTypeAt {}
unsafe impl Sync for Descriptor {}

pub const MAGIC: u64 = 0x0065_6369_7070_6f63;
pub const ABI_MAJOR: u32 = 1;
pub const ABI_MINOR: u32 = 0;

pub const OK: i32 = 0;
pub const CONTINUE: i32 = 1;
pub const STOP: i32 = 2;
pub const UNHANDLED: i32 = 3;
pub const HIBERNATE: i32 = 4;
pub const IGNORE: i32 = 5;

pub const SPAWN_LINK: u32 = 1;
pub const SPAWN_MONITOR: u32 = 2;

impl Bytes {
    /// Borrowed for as long as the caller keeps `data`.
    pub fn of(data: &[u8]) -> Bytes {
        Bytes { data: data.as_ptr(), size: data.len() as u64 }
    }

    /// # Safety
    /// The bytes must live and not change for 'a.
    pub unsafe fn view<'a>(&self) -> &'a [u8] {
        if self.data.is_null() {
            &[]
        } else {
            // Safety: as promised.
            unsafe { std::slice::from_raw_parts(self.data, self.size as usize) }
        }
    }
}

impl RawMessage {
    pub const fn empty() -> RawMessage {
        RawMessage { data: std::ptr::null(), size: 0, owner: std::ptr::null_mut() }
    }
}
