//! Nothing from outside gets into a run: on its thread, the C library's randomness and clocks are simulated.
//!
//! The standard library and every crate of this workspace ask `getrandom` for randomness and `clock_gettime` for the
//! time, so standing in for these two is enough. They are defined here, and the linker prefers them to those of the C
//! library; other threads, and everything before a run, get the real ones by a system call.
//!
//! Not `mad-turmoil`, which does the same: its clock stands still outside of a run, and `fastant`, a dependency of the
//! block cache, waits for time to pass before `main` begins.

#![expect(
    unsafe_code,
    reason = "the signatures of the C library; the only such place of the project"
)]

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The simulation begins at this time (Unix ms): 2026-09-21.
pub const EPOCH_MS: i64 = 1_790_000_000_000;

thread_local! {
    /// Whether this is the thread of a run. (Constant, and without a destructor: it can be read at any time.)
    static SIMULATED: Cell<bool> = const { Cell::new(false) };
    /// The state of the randomness of a run.
    static STATE: Cell<u64> = const { Cell::new(0) };
}

/// Nanoseconds since the run began.
static ELAPSED: AtomicU64 = AtomicU64::new(0);

/// What monotonic clocks say when a run begins; not 0, so that code may subtract from it.
const MONOTONIC_START: Duration = Duration::from_secs(1 << 20);

/// Runs `body` on a thread of its own, on which the time is simulated and all randomness follows from `seed`.
///
/// Only once in a process: tokio counts its tasks by process, and their number decides the order in which they are
/// dropped.
///
/// # Panics
/// When `body` does, and when no thread can be had.
pub fn simulated<T: Send + 'static>(seed: u64, body: impl FnOnce() -> T + Send + 'static) -> T {
    let thread = std::thread::Builder::new().name("simulation".into());
    let running = thread.stack_size(16 << 20).spawn(move || {
        STATE.set(seed);
        SIMULATED.set(true);
        let result = body();
        SIMULATED.set(false);
        result
    });
    match running.expect("a thread").join() {
        Ok(result) => result,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// Sets the time of the run.
pub fn set_elapsed(elapsed: Duration) {
    ELAPSED.store(elapsed.as_nanos() as u64, Ordering::Relaxed);
}

/// The time of the run.
pub fn elapsed() -> Duration {
    Duration::from_nanos(ELAPSED.load(Ordering::Relaxed))
}

/// SplitMix64.
fn next_random() -> u64 {
    let state = STATE.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
    STATE.set(state);
    let mut z = state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// As `getrandom(2)`.
///
/// # Safety
/// `buffer` is valid for writes of `length` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn getrandom(
    buffer: *mut libc::c_void,
    length: libc::size_t,
    flags: libc::c_uint,
) -> libc::ssize_t {
    if !SIMULATED.get() {
        // SAFETY: the caller's promise is what the system call asks for.
        let got = unsafe { libc::syscall(libc::SYS_getrandom, buffer, length, flags) };
        return got as libc::ssize_t;
    }
    // SAFETY: as the caller promises.
    let bytes = unsafe { std::slice::from_raw_parts_mut(buffer.cast::<u8>(), length) };
    for chunk in bytes.chunks_mut(8) {
        chunk.copy_from_slice(&next_random().to_le_bytes()[..chunk.len()]);
    }
    length as libc::ssize_t
}

/// As `clock_gettime(2)`.
///
/// # Safety
/// `time` is valid for a write.
#[unsafe(no_mangle)]
unsafe extern "C" fn clock_gettime(
    clock: libc::clockid_t,
    time: *mut libc::timespec,
) -> libc::c_int {
    let start = match clock {
        _ if !SIMULATED.get() => None,
        libc::CLOCK_REALTIME | libc::CLOCK_REALTIME_COARSE => {
            Some(Duration::from_millis(EPOCH_MS as u64))
        }
        libc::CLOCK_MONOTONIC
        | libc::CLOCK_MONOTONIC_RAW
        | libc::CLOCK_MONOTONIC_COARSE
        | libc::CLOCK_BOOTTIME => Some(MONOTONIC_START),
        // CPU usage is not visible in a run.
        _ => Some(Duration::ZERO),
    };
    let Some(start) = start else {
        // SAFETY: the caller's promise is what the system call asks for.
        return unsafe { libc::syscall(libc::SYS_clock_gettime, clock, time) } as libc::c_int;
    };
    let now = start + elapsed();
    let told = libc::timespec {
        tv_sec: now.as_secs() as libc::time_t,
        tv_nsec: libc::c_long::from(now.subsec_nanos() as i32),
    };
    // SAFETY: as the caller promises.
    unsafe { time.write(told) };
    0
}
