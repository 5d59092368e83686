//! The way into `ingraft-probe`: what `std` does elsewhere, with the C library that the program is linked with.
//!
//! This is the only unsafe code. It runs in every image, so it is small: arguments, environment, memory, and a second
//! process that does the work, so that neither a panic, nor a signal, nor a call that blocks can make the first one fail.

#![no_std]
#![no_main]
#![allow(unsafe_code, reason = "the entry point of a program without std")]

extern crate alloc;

use alloc::format;
use core::ffi::{CStr, c_char, c_int};
use core::fmt;
use core::panic::PanicInfo;

use ingraft_probe::{End, TIME_LIMIT, must_succeed, now, run};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use rustix::thread::nanosleep;
use rustix::time::Timespec;

#[global_allocator]
static MEMORY: libc_alloc::LibcAlloc = libc_alloc::LibcAlloc;

#[link(name = "c")]
unsafe extern "C" {
    fn fork() -> c_int;
    fn _exit(status: c_int) -> !;
}

/// Between two looks at the second process.
const STEP: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000 };

#[unsafe(no_mangle)]
extern "C" fn main(_count: c_int, arguments: *const *const c_char, variables: *const *const c_char) -> c_int {
    let words = || strings(arguments).skip(1);
    let work = || {
        let program = strings(arguments).next().unwrap_or_default();
        let End { status, complaint } = run(program, words(), strings(variables));
        if !complaint.is_empty() {
            complain(&complaint);
        }
        status
    };
    if !must_succeed(words()) {
        return work().into();
    }
    // SAFETY: the process has one thread, so its copy holds no lock of another.
    let child = unsafe { fork() };
    match Pid::from_raw(child).filter(|_| child > 0) {
        Some(child) => wait(child),
        // The second process, or the only one where there may be no other.
        None => drop(work()),
    }
    0
}

/// Says something on standard error, which may be closed.
fn complain(what: &dyn fmt::Display) {
    // SAFETY: nothing else here owns or closes it; if it is closed, writing fails.
    let stderr = unsafe { rustix::stdio::stderr() };
    let _ = rustix::io::write(stderr, format!("ingraft-probe: {what}\n").as_bytes());
}

/// Waits for the second process, and ends it when its time is over.
fn wait(child: Pid) {
    let deadline = now() + TIME_LIMIT;
    while matches!(waitpid(Some(child), WaitOptions::NOHANG), Ok(None)) {
        if now() > deadline {
            // If that fails, it ends with the container.
            let _ = kill_process(child, Signal::KILL);
            return;
        }
        // An interrupted sleep is as good.
        let _ = nanosleep(&STEP);
    }
}

/// The strings of a list as the kernel hands it over.
fn strings<'s>(list: *const *const c_char) -> impl Iterator<Item = &'s [u8]> {
    let strings = (0..).map_while(move |index: usize| {
        // SAFETY: `main` gets arrays of pointers that end with a null pointer, each to a string that ends with a zero
        // byte and lives as long as the process. No index is past the null pointer: the iterator ends there, and is
        // fused below.
        unsafe {
            let string = *list.add(index);
            (!string.is_null()).then(|| CStr::from_ptr(string).to_bytes())
        }
    });
    strings.fuse()
}

fn end() -> ! {
    // SAFETY: it takes a number and does not return.
    unsafe { _exit(0) }
}

#[panic_handler]
fn panic(panic: &PanicInfo<'_>) -> ! {
    complain(panic);
    end()
}

// The compiled `alloc` crate, and the C library, were made for unwinding, which this program does not do: these names
// are referred to, and never called.

#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

#[unsafe(no_mangle)]
extern "C" fn __gcc_personality_v0() {}

#[unsafe(no_mangle)]
extern "C" fn _Unwind_Resume() -> ! {
    end()
}
