// SPDX-License-Identifier: MIT
// A reader of perf rings for perfring torture, in Rust and its standard library.
use std::sync::atomic::{AtomicU64, Ordering::*};
use std::{env, fs::File, io::Read, os::unix::io::FromRawFd, process::exit, ptr};

#[repr(C)]
struct PollFd(i32, i16, i16); // fd, events, revents: POLLIN is 1, POLLHUP 16
extern "C" {
    fn getpagesize() -> i32;
    fn mmap(at: *mut u8, bytes: usize, prot: i32, flags: i32, fd: i32, from: isize) -> *mut u8;
    fn poll(fds: *mut PollFd, nr: usize, ms: i32) -> i32;
    fn signal(number: i32, handler: extern "C" fn(i32)) -> usize;
}

// What the writer may change is no &[u8]: it is loaded word by word.
fn word<'a>(ring: *const u8, at: u64) -> &'a AtomicU64 {
    unsafe { &*(ring.add(at as usize) as *const AtomicU64) }
}

fn finish(word: &str) -> ! {
    println!("{word}");
    exit(0)
}

fn show(record: &[u8]) {
    let u32_at = |at| u32::from_ne_bytes(record[at..][..4].try_into().unwrap());
    let misc = u16::from_ne_bytes([record[4], record[5]]);
    match u32_at(0) {
        9 if u32_at(16) == 0xffffffff => finish("end"), // SAMPLE
        9 => {
            let payload = &record[12..][..u32_at(12) as usize]; // PERF_SAMPLE_RAW: u32 size, this
            let fnv = |hash: u32, byte: &u8| (hash ^ *byte as u32).wrapping_mul(16777619);
            println!("sample {} {:08x}", payload.len(), payload.iter().fold(2166136261, fnv))
        }
        2 => println!("lost {}", u64::from_ne_bytes(record[16..24].try_into().unwrap())), // LOST
        kind => println!("record {kind} {misc} {}", record.len()),
    }
}

fn drain(ring: *const u8, begin: u64, size: u64) {
    let (end, mut at) = (word(ring, 1024).load(Acquire), word(ring, 1032).load(Relaxed));
    let low = u64::MAX >> if end >> 32 == 0 { 32 } else { 0 }; // a 32-bit kernel's begins again
    let load = |at| word(ring, begin + at % size).load(Relaxed).to_ne_bytes();
    while (end ^ at) & low != 0 {
        let (left, mut record) = (low & end.wrapping_sub(at), load(at).to_vec()); // it may change
        let length = u16::from_ne_bytes([record[6], record[7]]) as u64;
        if left > size || length < 8 || length > left || (left | length) % 8 != 0 {
            finish("corrupt");
        }
        (8..length).step_by(8).for_each(|i| record.extend(load(at.wrapping_add(i))));
        show(&record);
        at = at.wrapping_add(length);
    }
    word(ring, 1032).store(at, Release);
}

fn main() {
    extern "C" fn on_signal(_: i32) {}
    if env::var("PERFRING_MODE").unwrap() != "forward" {
        exit(4); // not a scenario for this reader
    }
    let bytes = env::var("PERFRING_BYTES").unwrap().parse().unwrap();
    let ring = unsafe { mmap(ptr::null_mut(), bytes, 1 | 2, 1, 3, 0) }; // read, write; shared
    let page = unsafe { getpagesize() } as u64;
    let (begin, size) = match word(ring, 1040).load(Relaxed) {
        0 => (page, bytes as u64 - page), // before Linux 4.1
        begin => (begin, word(ring, 1048).load(Relaxed)),
    };
    let (mut wait, mut wakeups) = (PollFd(4, 1, 0), unsafe { File::from_raw_fd(4) });
    unsafe { signal(10, on_signal) }; // SIGUSR1
    drain(ring, begin, size);
    while wait.2 & 16 == 0 {
        if unsafe { poll(&mut wait, 1, 50) } > 0 && wait.2 & 1 != 0 {
            let _ = wakeups.read(&mut [0; 4096]); // takes the wakeup back
        }
        drain(ring, begin, size); // even after no wakeup: not every record wakes
    }
    finish("hangup")
}
